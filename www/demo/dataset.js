/** @file The dialog that opens a dataset: an annotation file, and a folder or address of its images. */

import { fill } from '../viewer/dom.js';
import { failureOf } from '../viewer/errors.js';
import { countOf } from './findings.js';
import { filesOf } from './handles.js';

/**
 * @typedef {object} Chosen
 * @property {File} file
 * @property {File[]} folder
 * @property {string} prefix
 * @property {import('./handles.js').Handles} handles By which a later visit can read it again.
 * @property {(words: string) => void} progress
 * @property {AbortSignal} signal Aborted when the dialog is closed, or opens something else.
 */

/**
 * @param {HTMLElement} button
 * @param {(chosen: Chosen) => Promise<void>} open Done when the dataset is in the page; the dialog
 *   is closed then.
 * @returns {(file: File, images?: File[], handles?: FileSystemHandle[]) => void} Opens the dialog with a
 *   file chosen, and images that were dropped with it.
 */
export function connectDatasetDialog(button, open) {
  const dialog = /** @type {HTMLDialogElement} */ (document.getElementById('dataset'));
  const form = /** @type {HTMLFormElement} */ (document.getElementById('dataset-form'));
  const words = /** @type {HTMLElement} */ (document.getElementById('dataset-words'));
  /** For screen readers, without the numbers that change all the time. */
  const spoken = /** @type {HTMLElement} */ (document.getElementById('dataset-spoken'));
  const field = (/** @type {string} */ name) =>
    /** @type {HTMLInputElement} */ (form.elements.namedItem(name));
  /** Images that were dropped with the annotation file, or of the folder chosen by its handle. @type {File[]} */
  let dropped = [];
  /** Handles of what was dropped, and of the folder. @type {FileSystemHandle[]} */
  let others = [];
  /** Handle of the annotation file where that was chosen by it. @type {FileSystemFileHandle | null} */
  let annotations = null;
  /** Ends the reading under way. */
  let reading = new AbortController();

  button.addEventListener('click', () => dialog.showModal());
  chooseByHandle(field('annotations'), 'showOpenFilePicker', async ([handle]) => {
    takeFile(await handle.getFile());
    annotations = handle;
  });
  chooseByHandle(field('folder'), 'showDirectoryPicker', async (handle) => {
    show(`Listing the folder ${handle.name}`, false);
    dropped = await filesOf([handle]);
    others = [handle];
    show(
      `Its images are looked for among ${countOf(dropped.length, 'file', 'files')} of the folder ${handle.name}.`,
      false,
    );
  });
  field('annotations').addEventListener('change', () => {
    annotations = null;
  });
  document.getElementById('dataset-cancel')?.addEventListener('click', () => dialog.close());
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener('close', () => {
    reading.abort();
    [dropped, others] = [[], []];
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
        // A folder chosen without a handle cannot be read again.
        handles: folder.length > 0 ? { annotations: null, others: [] } : { annotations, others },
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

  /** @param {File} file */
  function takeFile(file) {
    const data = new DataTransfer();
    data.items.add(file);
    field('annotations').files = data.files;
  }

  return (file, images = [], handles = []) => {
    takeFile(file);
    [dropped, others, annotations] = [images, handles, null];
    dialog.showModal();
    const count = countOf(images.length, 'dropped image', 'dropped images');
    if (images.length > 0) show(`Its images are looked for among ${count}.`, false);
  };

  /**
   * Has a click on a field open the browser's picker of handles, where there is one.
   * @param {HTMLInputElement} input
   * @param {'showOpenFilePicker' | 'showDirectoryPicker'} picker
   * @param {(picked: any) => Promise<void>} take
   */
  function chooseByHandle(input, picker, take) {
    input.addEventListener('click', async (event) => {
      const pick = /** @type {any} */ (globalThis)[picker];
      if (!pick) return;
      event.preventDefault();
      try {
        await take(await pick({ id: 'masklink-dataset' }));
      } catch (thrown) {
        // Closing the picker is no failure.
        if (!(thrown instanceof DOMException && thrown.name === 'AbortError'))
          show(failureOf(thrown, 'dataset').message, true);
      }
    });
  }
}
