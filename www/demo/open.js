/** @file Opens files that a person chooses, drops or pastes: images, and a dataset by dropping. */

import { listenForDrops } from './drops.js';

/**
 * @param {{ button: HTMLElement, input: HTMLInputElement, hint: HTMLElement }} nodes
 * @param {(file: File) => void} open
 * @param {(file: File, images: File[], handles: FileSystemHandle[]) => void} openDataset
 * @param {(thrown: unknown) => void} fail
 */
export function listenForImages({ button, input, hint }, open, openDataset, fail) {
  button.addEventListener('click', () => input.click());
  input.addEventListener('change', () => {
    const file = input.files?.[0];
    // The same file can be chosen again after this.
    input.value = '';
    if (file) open(file);
  });

  document.addEventListener('paste', (event) => {
    const file = imageIn(event.clipboardData);
    if (file && !(event.target instanceof HTMLInputElement) && !dialogIsOpen()) {
      event.preventDefault();
      open(file);
    }
  });

  /** @param {import('./drops.js').Dropped} dropped */
  const take = ({ annotations, images, others, handles }) => {
    const file = images[0] ?? others[0];
    if (annotations) openDataset(annotations, images, handles);
    else if (file) open(file);
    else fail(new Error('The dropped folder has no files.'));
  };
  listenForDrops(hint, take, fail, () => !dialogIsOpen());
}

/** Returns whether a dialog is open; images that are dropped or pasted then are ignored. */
function dialogIsOpen() {
  return document.querySelector('dialog[open]') !== null;
}

/** @param {DataTransfer | null} data */
function imageIn(data) {
  return [...(data?.files ?? [])].find((file) => file.type.startsWith('image/'));
}
