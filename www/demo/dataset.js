/** @file The dialog that opens a dataset: an annotation file, and a folder or address of its images. */

import { fill } from '../viewer/dom.js';
import { failureOf } from '../viewer/errors.js';

/**
 * @typedef {object} Chosen
 * @property {File} file
 * @property {File[]} folder
 * @property {string} prefix
 * @property {(words: string) => void} progress
 * @property {AbortSignal} signal Aborted when the dialog is closed, or opens something else.
 */

/**
 * @param {HTMLElement} button
 * @param {(chosen: Chosen) => Promise<void>} open Done when the dataset is in the page; the dialog
 *   is closed then.
 * @returns {(file: File, images?: File[]) => void} Opens the dialog with a file chosen, and images that were
 *   dropped with it.
 */
export function connectDatasetDialog(button, open) {
  const dialog = /** @type {HTMLDialogElement} */ (document.getElementById('dataset'));
  const form = /** @type {HTMLFormElement} */ (document.getElementById('dataset-form'));
  const words = /** @type {HTMLElement} */ (document.getElementById('dataset-words'));
  /** For screen readers, without the numbers that change all the time. */
  const spoken = /** @type {HTMLElement} */ (document.getElementById('dataset-spoken'));
  const field = (/** @type {string} */ name) =>
    /** @type {HTMLInputElement} */ (form.elements.namedItem(name));
  /** Images that were dropped with the annotation file. @type {File[]} */
  let dropped = [];
  /** Ends the reading under way. */
  let reading = new AbortController();

  button.addEventListener('click', () => dialog.showModal());
  document.getElementById('dataset-cancel')?.addEventListener('click', () => dialog.close());
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener('close', () => {
    reading.abort();
    dropped = [];
    words.hidden = true;
    fill(spoken);
  });
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const file = field('annotations').files?.[0];
    if (!file) return;
    reading.abort();
    const { signal } = (reading = new AbortController());
    const progress = (/** @type {string} */ text) => {
      if (!signal.aborted) show(text, false);
    };
    const folder = [...(field('folder').files ?? [])];
    try {
      progress('Reading');
      fill(spoken, 'Reading');
      await open({
        file,
        folder: folder.length > 0 ? folder : dropped,
        prefix: field('prefix').value.trim(),
        progress,
        signal,
      });
      dialog.close();
    } catch (thrown) {
      if (signal.aborted) return;
      const { message } = failureOf(thrown, 'dataset');
      show(message, true);
      fill(spoken, message);
    }
  });

  /**
   * @param {string} text
   * @param {boolean} bad
   */
  function show(text, bad) {
    words.hidden = false;
    words.classList.toggle('problem', bad);
    fill(words, text);
  }

  return (file, images = []) => {
    const data = new DataTransfer();
    data.items.add(file);
    field('annotations').files = data.files;
    dropped = images;
    dialog.showModal();
    const count = `${images.length.toLocaleString('en')} dropped image${images.length === 1 ? '' : 's'}`;
    if (images.length > 0) show(`Its images are looked for among ${count}.`, false);
  };
}
