/** @file The help: a dialog with all keys of the image and of the page. */

import { h } from '../viewer/dom.js';
import { SHORTCUTS, nameOfKey } from '../viewer/shortcuts.js';
import { closeByBackdrop } from './backdrop.js';

/** Opens the help from anywhere but a field. */
const HELP_KEY = '?';

/** Adds the dialog to the page. @param {HTMLElement} button Opens it. */
export function connectHelp(button) {
  const dialog = helpDialog();
  document.body.append(dialog);
  const open = () => {
    dialog.showModal();
    // The focus goes to the button at the end, which would scroll there.
    dialog.scrollTop = 0;
  };
  button.addEventListener('click', open);
  closeByBackdrop(dialog);
  document.addEventListener('keydown', (event) => {
    const { key, ctrlKey, metaKey, altKey } = event;
    if (key !== HELP_KEY || ctrlKey || metaKey || altKey) return;
    if (isField(event.composedPath()[0]) || document.querySelector('dialog[open]')) return;
    event.preventDefault();
    open();
  });
}

function helpDialog() {
  const rows = [
    ...SHORTCUTS.map(({ keys, control, words }) => row(keys, words, control)),
    row([HELP_KEY], 'open this help, anywhere on the page'),
  ];
  return h(
    'dialog',
    { id: 'help', 'aria-labelledby': 'help-title' },
    h(
      'form',
      { method: 'dialog' },
      h('h2', { id: 'help-title' }, 'Keyboard shortcuts'),
      h('p', { class: 'note' }, 'They work while the image or its tools have the focus.'),
      h('table', { class: 'keys' }, h('tbody', {}, ...rows)),
      h(
        'div',
        { class: 'dialog-actions' },
        h('button', { class: 'button primary', value: 'done' }, 'Close'),
      ),
    ),
  );
}

/**
 * @param {string[]} keys
 * @param {string} words
 * @param {boolean} [control]
 */
function row(keys, words, control = false) {
  const names = keys.flatMap((key) => [h('kbd', { 'data-key': key }, nameOfKey(key)), ' ']);
  return h(
    'tr',
    { 'data-control': control },
    h('th', { scope: 'row' }, control && h('kbd', {}, 'Ctrl'), control && ' ', ...names),
    h('td', {}, words),
  );
}

/** Returns whether keys write into a node. @param {EventTarget | undefined} node */
function isField(node) {
  return (
    node instanceof HTMLElement &&
    (node.isContentEditable || node.matches('input, textarea, select'))
  );
}
