/** @file The hint of the first visit: says what a click does, until the first click. */

import { h } from '../viewer/dom.js';
import { TOUCH } from './media.js';

/** Name under which the browser keeps that the hint is not needed any more. */
const KEY = 'masklink.clicked';

/**
 * Shows the hint over the image where nothing was clicked before.
 * @param {import('../mask-viewer.js').MaskViewer} viewer
 */
export function showFirstHint(viewer) {
  if (wasClicked()) return;
  const words = matchMedia(TOUCH).matches ? 'Tap' : 'Click';
  const hint = h('p', { class: 'first-hint' }, `${words} a thing in the image to see what it is.`);
  hint.hidden = true;
  viewer.after(hint);
  const follow = () => {
    const { image = null, prompts = [], tool = null, facts = null } = viewer.snapshot ?? {};
    // A mask that was chosen by its name has its label where the hint is.
    hint.hidden = image === null || tool !== 'pick' || facts !== null;
    if (prompts.length === 0) return;
    viewer.removeEventListener('update', follow);
    hint.remove();
    try {
      localStorage.setItem(KEY, 'yes');
    } catch {
      // The next visit shows it again.
    }
  };
  viewer.addEventListener('update', follow);
}

function wasClicked() {
  try {
    return localStorage.getItem(KEY) !== null;
  } catch {
    return false;
  }
}
