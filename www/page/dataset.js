/** @file The dialog that opens a dataset: an annotation file, and where its pictures are. */

import { fill } from '../element/dom.js';
import { failureOf } from '../element/errors.js';

/**
 * @typedef {object} Chosen
 * @property {File} file
 * @property {File[]} folder
 * @property {string} prefix
 * @property {(words: string) => void} progress
 */

/**
 * @param {HTMLElement} button
 * @param {(chosen: Chosen) => Promise<void>} open
 */
export function connectDatasetDialog(button, open) {
  const dialog = /** @type {HTMLDialogElement} */ (document.getElementById('dataset'));
  const form = /** @type {HTMLFormElement} */ (document.getElementById('dataset-form'));
  const problem = /** @type {HTMLElement} */ (document.getElementById('dataset-problem'));
  const field = (/** @type {string} */ name) => /** @type {HTMLInputElement} */ (form.elements.namedItem(name));
  button.addEventListener('click', () => dialog.showModal());
  dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close(); });
  form.addEventListener('submit', async (event) => {
    const file = field('annotations').files?.[0];
    if (/** @type {HTMLButtonElement | null} */ (event.submitter)?.value !== 'open' || !file) return;
    event.preventDefault();
    problem.hidden = true;
    try {
      const progress = (/** @type {string} */ words) => {
        problem.hidden = false;
        fill(problem, words);
      };
      await open({ file, folder: [...field('folder').files ?? []], prefix: field('prefix').value.trim(), progress });
      problem.hidden = true;
      dialog.close();
    } catch (thrown) {
      problem.hidden = false;
      fill(problem, failureOf(thrown, 'dataset').message);
    }
  });
}
