/** @file Words of a viewer: instead of the image, above it, and for screen readers. */

import { fill, h } from './dom.js';
import { icon } from './icons.js';

/**
 * @typedef {object} Turned How the masks of an image lie that its EXIF data turns for display.
 * @property {import('./annotation-file.js').ImageRecord['maskFrame']} maskFrame
 * @property {boolean} isTurned Whether masks are turned of which sizes do not tell the frame.
 * @property {(isTurned: boolean) => void} choose
 */

export class Notices {
  #nodes;
  /** Reason that the image is only an empty frame. */
  #frame = '';
  /** Message of the last failure of masks or of a click. */
  #failure = '';
  /** Stops what is loading. @type {(() => void) | undefined} */
  #cancel;
  /** Announced name of the thing that is loading. */
  #loading = '';

  /** @param {import('./template.js').Nodes} nodes */
  constructor(nodes) {
    this.#nodes = nodes;
    nodes.progressCancel.addEventListener('click', () => {
      const cancel = this.#cancel;
      this.done();
      cancel?.();
    });
  }

  /** Shows that there is no image; the page may say what to do by the slot `empty`. */
  empty() {
    this.#cover('notice', h('slot', { name: 'empty' }, icon('photo'), h('p', {}, 'No image yet.')));
  }

  /** Shows a failure instead of the image. @param {string} words */
  fail(words) {
    this.#cover('notice error', icon('warning'), h('p', {}, words));
  }

  /** Shows the image, or with `words` an empty frame and why. @param {string} [words] */
  clear(words = '') {
    this.#setCovered(false);
    this.#frame = words;
    this.#showHint();
  }

  /** Shows a failure beside the image, or none. @param {string} words */
  hint(words) {
    this.#failure = words;
    this.#showHint();
  }

  /**
   * Says that masks were turned with the image, or has the person choose whether they are; nothing where
   * they need not be.
   * @param {Turned} [turned]
   */
  turned({ maskFrame, isTurned, choose } = { maskFrame: undefined, isTurned: false, choose() {} }) {
    const { turned } = this.#nodes;
    turned.hidden = maskFrame !== 'stored' && maskFrame !== 'unknown';
    if (maskFrame === 'stored')
      fill(turned, 'The image file is turned for display; its masks were turned with it.');
    if (maskFrame !== 'unknown') return;
    const choice = (/** @type {string} */ words, /** @type {boolean} */ value) => {
      const pressed = String(value === isTurned);
      return h(
        'button',
        { type: 'button', class: 'tool', 'aria-pressed': pressed, onclick: () => choose(value) },
        words,
      );
    };
    const hadFocus = turned.querySelector(':focus') !== null;
    fill(
      turned,
      h('span', {}, 'The image file is turned for display; its masks may not be. Masks:'),
      choice('as stored', false),
      choice('turned', true),
    );
    /** @type {HTMLElement | null} */
    const pressed = turned.querySelector('[aria-pressed=true]');
    if (hadFocus) pressed?.focus({ preventScroll: true });
  }

  /** @param {string} words */
  announce(words) {
    fill(this.#nodes.spoken, words);
  }

  /**
   * Shows that something is loading; it is announced once.
   * @param {string} words
   * @param {string} [size]
   * @param {number} [done] From 0 to 1 where it is known.
   * @param {() => void} [cancel] Stops it, where that is possible.
   */
  progress(words, size = '', done, cancel) {
    const { progress, progressWords, progressBar, progressCancel } = this.#nodes;
    this.#cancel = cancel;
    progressCancel.hidden = cancel === undefined;
    progress.hidden = false;
    fill(progressWords, words + size);
    if (words !== this.#loading) this.announce(`${words}.`);
    this.#loading = words;
    progressBar.hidden = done === undefined;
    progressBar.value = done ?? 0;
  }

  /** Nothing is loading any more. */
  done() {
    const { progress, stage } = this.#nodes;
    // A hidden button would lose the focus.
    if (progress.querySelector(':focus')) stage.focus({ preventScroll: true });
    progress.hidden = true;
    this.#loading = '';
  }

  /**
   * @param {string} name
   * @param {...Node} nodes
   */
  #cover(name, ...nodes) {
    const { notice } = this.#nodes;
    this.#frame = '';
    notice.className = name;
    this.#setCovered(true);
    this.#showHint();
    fill(notice, ...nodes);
  }

  /** @param {boolean} isCovered Whether the image takes neither focus nor pointer. */
  #setCovered(isCovered) {
    const { notice, stage, zoom, size } = this.#nodes;
    notice.hidden = !isCovered;
    stage.inert = zoom.inert = size.inert = isCovered;
  }

  #showHint() {
    const { hint, notice } = this.#nodes;
    const words = notice.hidden ? this.#failure || this.#frame : '';
    if (hint.textContent !== words) fill(hint, words);
    hint.hidden = words === '';
  }
}
