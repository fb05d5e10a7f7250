/** @file The strip below the image: pages of the samples or of an opened dataset. */

import { fill, h } from '../viewer/dom.js';
import { failureOf } from '../viewer/errors.js';
import { icon } from '../viewer/icons.js';
import { showFindings } from './findings.js';
import { Strip } from './strip.js';

/** @typedef {import('./collection.js').Collection} Collection */

export class Browser {
  #viewer;
  #panel;
  #strip;
  /** @type {Collection | undefined} */
  #collection;
  /** @type {string | null} */
  #open = null;
  /** The collection of the image that the viewer shows. @type {Collection | undefined} */
  #shown;
  #title = /** @type {HTMLElement} */ (document.getElementById('strip-title'));
  #note = /** @type {HTMLElement} */ (document.getElementById('strip-note'));
  /** Says what the collection is. */
  #words = '';
  #pager = /** @type {HTMLElement} */ (document.getElementById('pager'));
  #search = /** @type {HTMLInputElement} */ (document.getElementById('search'));
  /** Counts searches, so that a late result of an earlier one is dropped. */
  #searches = 0;
  #buttons = {
    earlier: this.#button('previous', 'Earlier images', -1),
    later: this.#button('next', 'Later images', 1),
  };
  #range = h('span', { 'aria-live': 'polite' });
  /** Phase of the viewer's linking at its last update. */
  #phase = 'idle';

  /**
   * @param {import('../mask-viewer.js').MaskViewer} viewer
   * @param {import('./panel.js').Panel} panel
   * @param {() => void} [chosen] Called when the person chooses an image of the strip.
   */
  constructor(viewer, panel, chosen = () => {}) {
    this.#viewer = viewer;
    this.#panel = panel;
    this.#strip = new Strip(
      /** @type {HTMLElement} */ (document.getElementById('thumbnails')),
      (key) => {
        chosen();
        this.#reported(this.open(key));
      },
    );
    this.#search.addEventListener('input', () => this.#reported(this.#find(this.#search.value)));
    fill(this.#pager, this.#buttons.earlier, this.#range, this.#buttons.later);
    viewer.addEventListener('update', () => this.#followLinking());
  }

  /** The key of the image that is open, if it is one of the strip. */
  get key() {
    return this.#open;
  }

  /** Counts openings, so that an earlier one shows nothing any more. */
  #openings = 0;
  /** Counts images looked for, so that the last of them is opened. */
  #seeks = 0;

  /** The collection that the strip shows. */
  get collection() {
    return this.#collection;
  }

  /**
   * Shows the images of a collection instead of those before, which stays open.
   * @param {Collection} collection
   * @param {string} note
   * @param {{ search: boolean }} options Whether to show the search field.
   */
  async show(collection, note, { search }) {
    this.#search.hidden = !search;
    this.#search.value = collection.text;
    this.#collection = collection;
    this.#open = null;
    this.#openings += 1;
    fill(this.#title, collection.title);
    this.#words = note;
    this.#describe(note);
    showFindings(collection.overview.findings);
    this.#show(await collection.turn(0));
  }

  /**
   * Opens one of the collection's images with its masks.
   * @param {string} key
   * @returns {Promise<boolean>} Whether the collection has it.
   */
  async open(key) {
    const collection = this.#collection;
    if (!collection) return false;
    let opened = collection.open(key);
    const before = this.#openings;
    const seek = (this.#seeks += 1);
    if (!opened) {
      const items = await collection.seek(key);
      if (!items || collection !== this.#collection) return false;
      if (before !== this.#openings || seek !== this.#seeks) return true;
      this.#search.value = '';
      this.#show(items);
      opened = collection.open(key);
    }
    if (!opened) return false;
    this.#open = this.#strip.selected = key;
    this.#describe(this.#words);
    const opening = (this.#openings += 1);
    const [annotated] = await Promise.all([
      opened.annotated,
      this.#viewer.openImage(opened.source, { ...opened, key }),
    ]);
    if (opening !== this.#openings) return true;
    this.#shown = collection;
    await this.#showOn(collection, key, annotated);
    return true;
  }

  /**
   * Shows masks on the opened image.
   * @param {Collection} collection
   * @param {string} key
   * @param {import('./collection.js').Annotated} annotated The masks as listed.
   * @param {boolean} [isTurned] Whether masks are turned as the image is where sizes do not tell it.
   */
  async #showOn(collection, key, annotated, isTurned = false) {
    const { imageSize: size, orientation } = this.#viewer;
    const opening = this.#openings;
    const onImage = size && (await collection.annotatedOn(key, { size, orientation }, isTurned));
    if (opening !== this.#openings) return;
    const { masks, details, maskFrame } = onImage || annotated;
    const choose = (/** @type {boolean} */ choice) =>
      this.#reported(this.#showOn(collection, key, annotated, choice));
    this.#viewer.showMasks(masks, { maskFrame, isTurned, choose });
    this.#panel.details = details;
  }

  /** Loads the thumbnails, of this page of the strip and of those to come. */
  showThumbnails() {
    this.#strip.showThumbnails();
  }

  /** Opens the first image of the page, if there is one. */
  async openFirst() {
    const [first] = this.#strip.items;
    if (first) await this.open(first.key);
  }

  /** Has an image of the strip that is still loading show nothing. */
  interrupt() {
    this.#openings += 1;
  }

  /** Marks the image that the viewer still shows, after one that was chosen later did not open. */
  restore() {
    const isOfStrip = this.#shown !== undefined && this.#shown === this.#collection;
    this.#open = this.#strip.selected = (isOfStrip && this.#viewer.snapshot?.image) || null;
  }

  /** Marks no image of the strip as open, because another image is shown: the note is not about that. */
  leave() {
    this.#open = this.#strip.selected = null;
    this.#describe('');
    this.#openings += 1;
    this.#panel.details = [];
  }

  /** Loads the open image's cached answers once both the endpoint and the index have failed. */
  async #followLinking() {
    const before = this.#phase;
    const { phase } = this.#viewer.snapshot?.linking ?? { phase: 'idle' };
    this.#phase = phase;
    const [key, opening, collection] = [this.#open, this.#openings, this.#collection];
    if (phase !== 'failed' || before === 'failed' || key === null) return;
    // Without them the failure stays shown.
    const answers = (await collection?.cachedAnswers(key).catch(() => [])) ?? [];
    if (opening === this.#openings && answers.length > 0) this.#viewer.useCachedAnswers(answers);
  }

  /** Writes the note, without saying again what it says. @param {string} words */
  #describe(words) {
    if (this.#note.textContent !== words) fill(this.#note, words);
  }

  /** @param {string} text */
  async #find(text) {
    const search = (this.#searches += 1);
    const collection = this.#collection;
    await collection?.search(text);
    if (search === this.#searches && collection === this.#collection) await this.#turn(0);
  }

  /** @param {number} by */
  async #turn(by) {
    const collection = this.#collection;
    const items = await collection?.turn(by);
    if (items && collection === this.#collection) this.#show(items);
  }

  /** Shows a page of the collection. @param {import('./strip.js').StripItem[]} items */
  #show(items) {
    if (!this.#collection) return;
    this.#strip.items = items;
    this.#strip.selected = this.#open;
    const { from, to, of } = this.#collection.range;
    const { earlier, later } = this.#buttons;
    const focused = document.activeElement;
    this.#pager.hidden = from <= 1 && to === this.#collection.overview.images;
    earlier.disabled = from <= 1;
    later.disabled = to >= of;
    // A button that becomes disabled passes the focus on; otherwise the focus would be lost.
    if (focused === earlier && earlier.disabled) later.focus();
    if (focused === later && later.disabled) earlier.focus();
    fill(
      this.#range,
      of === 0
        ? 'Nothing found'
        : `${from.toLocaleString('en')} to ${to.toLocaleString('en')} of ${of.toLocaleString('en')}`,
    );
  }

  /** Shows a failure below the title. @param {Promise<unknown>} doing */
  async #reported(doing) {
    const collection = this.#collection;
    try {
      await doing;
    } catch (thrown) {
      // A collection that was closed meanwhile rejects its pending calls.
      if (collection === this.#collection) fill(this.#note, failureOf(thrown, 'dataset').message);
    }
  }

  /**
   * @param {'previous' | 'next'} name
   * @param {string} words
   * @param {number} by
   */
  #button(name, words, by) {
    return h(
      'button',
      {
        type: 'button',
        class: 'button quiet',
        'aria-label': words,
        onclick: () => this.#reported(this.#turn(by)),
      },
      icon(name),
    );
  }
}
