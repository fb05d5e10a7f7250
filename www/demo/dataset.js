/** @file The dialog that opens a dataset: an annotation file, and a folder or address of its images. */

import { fill } from '../viewer/dom.js';
import { failureOf } from '../viewer/errors.js';
import { closeByBackdrop } from './backdrop.js';
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
  const picked = new Picked();
  /** Ends the reading under way. */
  let reading = new AbortController();

  button.addEventListener('click', () => dialog.showModal());
  const submit = /** @type {HTMLButtonElement} */ (form.querySelector('[value=open]'));
  picked.listen(field('annotations'), field('folder'), submit, show);
  document.getElementById('dataset-cancel')?.addEventListener('click', () => dialog.close());
  closeByBackdrop(dialog);
  dialog.addEventListener('close', () => {
    reading.abort();
    picked.closed();
    submit.disabled = false;
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
        folder: folder.length > 0 ? folder : picked.dropped,
        prefix: field('prefix').value.trim(),
        // A folder chosen without a handle cannot be read again.
        handles: folder.length > 0 ? { annotations: null, others: [] } : picked.handles,
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

  return (file, images = [], handles = []) => {
    putFile(field('annotations'), file);
    picked.take(images, handles);
    dialog.showModal();
    const { length } = images;
    if (length > 0) show(lookedFor(length, 'dropped image', 'dropped images'), false);
  };
}

/** Files that were dropped or chosen by their handles, and those handles. */
class Picked {
  /** Images dropped with the annotation file, or of the folder chosen. @type {File[]} */
  dropped = [];
  /** @type {import('./handles.js').Handles} */
  handles = { annotations: null, others: [] };

  /** Takes what was dropped. @param {File[]} images @param {FileSystemHandle[]} others */
  take(images, others) {
    this.dropped = images;
    this.handles = { annotations: null, others };
  }

  /** Forgets what the fields do not show. */
  closed() {
    this.dropped = [];
    this.handles = { ...this.handles, others: [] };
  }

  /**
   * Makes the fields choose by handle where the browser can.
   * @param {HTMLInputElement} annotations
   * @param {HTMLInputElement} folder
   * @param {HTMLButtonElement} submit Disabled while the folder is listed.
   * @param {(text: string, bad: boolean) => void} show
   */
  listen(annotations, folder, submit, show) {
    /** @type {Take<FileSystemFileHandle[]>} */
    const takeFile = async ([handle], isCurrent) => {
      const file = await handle?.getFile();
      if (!handle || !file || !isCurrent()) return;
      putFile(annotations, file);
      this.handles = { ...this.handles, annotations: handle };
    };
    /** @type {Take<FileSystemHandle>} */
    const takeFolder = async (handle, isCurrent) => {
      show(`Listing the folder ${handle.name}`, false);
      submit.disabled = true;
      /** @type {File[]} */
      let files;
      try {
        files = await filesOf([handle]);
      } finally {
        if (isCurrent()) submit.disabled = false;
      }
      if (!isCurrent()) return;
      this.dropped = files;
      this.handles = { ...this.handles, others: [handle] };
      show(lookedFor(this.dropped.length, 'file', 'files', ` of the folder ${handle.name}`), false);
    };
    chooseByHandle(annotations, 'showOpenFilePicker', takeFile, show);
    chooseByHandle(folder, 'showDirectoryPicker', takeFolder, show);
    annotations.addEventListener('change', () => {
      this.handles = { ...this.handles, annotations: null };
    });
  }
}

/**
 * @template Handles
 * @typedef {(picked: Handles, isCurrent: () => boolean) => Promise<void>} Take Takes what was picked,
 *   unless the dialog was closed or something else picked meanwhile.
 */

/**
 * Makes a click on a field open the browser's picker of handles, where there is one.
 * @param {HTMLInputElement} input In a dialog.
 * @param {'showOpenFilePicker' | 'showDirectoryPicker'} picker
 * @param {Take<any>} take
 * @param {(text: string, bad: boolean) => void} show
 */
function chooseByHandle(input, picker, take, show) {
  /** Counts picks, so that an earlier one that is late is dropped. */
  let picks = 0;
  input.closest('dialog')?.addEventListener('close', () => (picks += 1));
  input.addEventListener('click', async (event) => {
    const pick = /** @type {any} */ (globalThis)[picker];
    if (!pick) return;
    event.preventDefault();
    let number = picks;
    const isCurrent = () => number === picks;
    try {
      const picked = await pick({ id: 'masklink-dataset' });
      number = picks += 1;
      await take(picked, isCurrent);
    } catch (thrown) {
      // Closing the picker is no failure.
      if (isCurrent() && !(thrown instanceof DOMException && thrown.name === 'AbortError'))
        show(failureOf(thrown, 'dataset').message, true);
    }
  });
}

/** Chooses a file in a field. @param {HTMLInputElement} input @param {File} file */
function putFile(input, file) {
  const data = new DataTransfer();
  data.items.add(file);
  input.files = data.files;
}

/**
 * Says among what the images are looked for.
 * @param {number} count
 * @param {string} one
 * @param {string} many
 * @param {string} [of]
 */
function lookedFor(count, one, many, of = '') {
  return `Its images are looked for among ${countOf(count, one, many)}${of}.`;
}
