/** @file Opens sources that a person chooses, drops or types, with progress and cancel. */

import { listenForDrops } from '../demo/drops.js';
import { fill, h } from '../viewer/dom.js';
import { bytes, countOf, duration } from './words.js';

/** @import { OpeningProgress } from './types' */

const byId = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));

/**
 * Connects the dialog, and files that are dropped on the page.
 * @param {(from: File | string, images: { template: string, folder: File[] }) => void} open
 * @param {(images: { template: string, folder: File[] }) => void} useImages
 * @returns {{ show: (template: string | null, isAboutImages?: boolean) => void }} Opens the dialog.
 */
export function connectOpening(open, useImages) {
  const dialog = /** @type {HTMLDialogElement} */ (byId('open'));
  const form = /** @type {HTMLFormElement} */ (byId('open-form'));
  const field = (/** @type {string} */ name) =>
    /** @type {HTMLInputElement} */ (form.elements.namedItem(name));
  const images = () => ({
    template: field('images').value.trim(),
    folder: [...(field('folder').files ?? [])],
  });
  byId('open-cancel').addEventListener('click', () => dialog.close());
  form.addEventListener('submit', () => {
    const [file] = field('file').files ?? [];
    const address = field('address').value.trim();
    if (file) open(file, images());
    else if (address) open(address, images());
    else useImages(images());
    // The same file can be chosen again.
    field('file').value = '';
    field('address').value = '';
  });
  /** @param {import('../demo/drops.js').Dropped} dropped */
  const take = ({ annotations, images: folder, others }) => {
    const source = annotations ?? (folder.length === 0 ? others[0] : undefined);
    if (source) open(source, { template: '', folder });
    else if (folder.length > 0) useImages({ template: images().template, folder });
  };
  // A folder that cannot be read is as one without files.
  listenForDrops(byId('drop-hint'), take, () => {});
  return {
    show(template, isAboutImages = false) {
      field('images').value = template ?? '';
      dialog.showModal();
      if (isAboutImages) field('images').focus();
    },
  };
}

/** Shows the progress of an opening. */
export class OpeningBar {
  #node = byId('opening');
  #started = 0;
  #words = h('p', {});
  #bar = h('progress', { max: 1, 'aria-label': 'Opening' });

  /** @param {string} name @param {() => void} cancel */
  begin(name, cancel) {
    this.#started = performance.now();
    this.#bar.removeAttribute('value');
    fill(this.#words);
    fill(
      this.#node,
      h('p', { role: 'status' }, `Opening ${name} …`),
      this.#bar,
      this.#words,
      h('button', { type: 'button', class: 'button', onclick: cancel }, 'Cancel'),
    );
    this.#node.hidden = false;
  }

  /** @param {OpeningProgress} progress */
  show({ bytes: read, total, annotations, phase }) {
    const seconds = (performance.now() - this.#started) / 1000;
    const rate = read / Math.max(seconds, 0.001);
    if (total > 0) this.#bar.value = read / total;
    const parts = [
      phase,
      total > 0 ? `${bytes(read)} of ${bytes(total)}` : bytes(read),
      seconds > 0.5 && read > 0 && `${bytes(rate)}/s`,
      seconds > 1 && total > read && read > 0 && `${duration((total - read) / rate)} left`,
      annotations > 0 && countOf(annotations, 'mask'),
    ];
    fill(this.#words, parts.filter(Boolean).join(' · '));
  }

  end() {
    this.#node.hidden = true;
    fill(this.#node);
  }
}
