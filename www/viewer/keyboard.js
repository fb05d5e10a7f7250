/** @file Listens to the keys of the stage and of the bars of buttons. */

import { shortcutOf } from './shortcuts.js';

/**
 * @param {HTMLElement} stage
 * @param {HTMLElement[]} bars Of buttons.
 * @param {import('./handle.js').ViewerHandle} viewer
 * @param {() => boolean} keeps Whether masks can be kept.
 */
export function listenToKeys(stage, bars, viewer, keeps) {
  for (const node of [stage, ...bars]) {
    node.addEventListener('keydown', (event) => {
      const shortcut = shortcutOf(event, keeps());
      if (!shortcut || (shortcut.where === 'stage' && node !== stage)) return;
      const { shiftKey, altKey } = event;
      const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
      if (shortcut.act(viewer, { key, shiftKey, altKey, keeps: keeps() }) !== false)
        event.preventDefault();
    });
  }
}

/**
 * Returns whether a key undoes, or with Shift does again.
 * @param {KeyboardEvent} event
 */
export function isUndoKey({ key, ctrlKey, metaKey, altKey }) {
  return (ctrlKey || metaKey) && !altKey && key.toLowerCase() === 'z';
}
