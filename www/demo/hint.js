/** @file The hint of the first visit: says what a click does, until the first click. */

import { h } from '../viewer/dom.js';

/** Name under which the browser keeps that the hint is not needed any more. */
const KEY = 'masklink.clicked';

/**
 * Shows the hint over the image where nothing was clicked before.
 * @param {import('../mask-viewer.js').MaskViewer} viewer
 */
export function showFirstHint(viewer) {
  if (wasClicked()) return;
  const words = matchMedia('(pointer: coarse)').matches ? 'Tap' : 'Click';
  const hint = h('p', { class: 'first-hint' }, `${words} a thing in the image to see what it is.`);
  hint.hidden = true;
  viewer.after(hint);
  const follow = () => {
    const { image, prompts, tool } = viewer.snapshot ?? { image: null, prompts: [], tool: null };
    hint.hidden = image === null || tool !== 'pick';
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
