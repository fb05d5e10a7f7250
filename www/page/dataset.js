/** @file The dialog that opens a dataset: an annotation file, and where its pictures are. */

import { fill } from '../element/dom.js';
import { failureOf } from '../element/errors.js';

/**
 * @typedef {object} Chosen
 * @property {File} file
 * @property {File[]} folder
 * @property {string} prefix
 * @property {(words: string) => void} progress
 * @property {AbortSignal} signal Aborted when the dialog is closed.
 */

/**
 * @param {HTMLElement} button
 * @param {(chosen: Chosen) => Promise<void>} open
 */
export function connectDatasetDialog(button, open) {
  const dialog = /** @type {HTMLDialogElement} */ (document.getElementById('dataset'));
  const form = /** @type {HTMLFormElement} */ (document.getElementById('dataset-form'));
  const words = /** @type {HTMLElement} */ (document.getElementById('dataset-words'));
  const field = (/** @type {string} */ name) => /** @type {HTMLInputElement} */ (form.elements.namedItem(name));
  button.addEventListener('click', () => dialog.showModal());
  dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close(); });
  form.addEventListener('submit', async (event) => {
    const file = field('annotations').files?.[0];
    if (/** @type {HTMLButtonElement | null} */ (event.submitter)?.value !== 'open' || !file) return;
    event.preventDefault();
    const reading = new AbortController();
    dialog.addEventListener('close', () => reading.abort(), { once: true });
    const progress = (/** @type {string} */ words) => say(words, false);
    try {
      progress('Reading');
      await open({ file, folder: [...field('folder').files ?? []], prefix: field('prefix').value.trim(), progress, signal: reading.signal });
      dialog.close();
    } catch (thrown) {
      if (!reading.signal.aborted) say(failureOf(thrown, 'dataset').message, true);
    }
  });
  dialog.addEventListener('close', () => { words.hidden = true; });

  /**
   * @param {string} text
   * @param {boolean} bad
   */
  function say(text, bad) {
    words.hidden = false;
    words.classList.toggle('problem', bad);
    fill(words, text);
  }
}
