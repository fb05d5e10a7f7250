/** @file The strip below the picture: the samples, or the pages of an opened dataset. */

import { fill, h } from '../element/dom.js';
import { failureOf } from '../element/errors.js';
import { icon } from '../element/icons.js';
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
  #title = /** @type {HTMLElement} */ (document.getElementById('strip-title'));
  #note = /** @type {HTMLElement} */ (document.getElementById('strip-note'));
  #pager = /** @type {HTMLElement} */ (document.getElementById('pager'));
  #search = /** @type {HTMLInputElement} */ (document.getElementById('search'));
  /** Counts searches, so that a late answer of an earlier one is dropped. */
  #searches = 0;
  /** Answers recorded for pictures, by key. @type {Record<string, import('../element/types.js').RecordedAnswer[]>} */
  recordings = {};

  /**
   * @param {import('../mask-viewer.js').MaskViewer} viewer
   * @param {import('./panel.js').Panel} panel
   */
  constructor(viewer, panel) {
    this.#viewer = viewer;
    this.#panel = panel;
    this.#strip = new Strip(/** @type {HTMLElement} */ (document.getElementById('thumbnails')), (key) => this.open(key));
    this.#search.addEventListener('input', () => this.#find(this.#search.value));
  }

  /** The key of the picture that is open, if it is one of the strip. */
  get key() {
    return this.#open;
  }

  /**
   * Shows the pictures of a collection instead of those before.
   * @param {Collection} collection
   * @param {string} note
   * @param {{ search: boolean }} options Whether there is so much that one searches it.
   */
  async show(collection, note, { search }) {
    this.#search.hidden = !search;
    this.#search.value = '';
    this.#collection?.close();
    this.#collection = collection;
    this.#open = null;
    fill(this.#title, collection.title);
    fill(this.#note, note);
    await this.#turn(0);
  }

  /**
   * Opens one of the collection's pictures with its masks.
   * @param {string} key
   * @returns {Promise<boolean>} Whether the collection has it.
   */
  async open(key) {
    const collection = this.#collection;
    if (!collection || !(collection.open(key) || await collection.seek(key))) return false;
    const opened = collection.open(key);
    if (!opened) return false;
    this.#open = this.#strip.selected = key;
    await this.#viewer.openPicture(opened.source, { key, size: opened.size });
    if (this.#open !== key) return true;
    this.#viewer.showMasks(opened.masks);
    this.#viewer.useRecordings(this.recordings[key] ?? []);
    this.#panel.details = opened.details;
    return true;
  }

  /** Opens the first picture of the page, where there is one. */
  async openFirst() {
    const [first] = this.#strip.items;
    if (first) await this.open(first.key);
  }

  /** A picture from elsewhere is shown: none of the strip is open. */
  leave() {
    this.#open = this.#strip.selected = null;
    this.#panel.details = [];
  }

  /** @param {string} text */
  async #find(text) {
    const search = this.#searches += 1;
    const collection = this.#collection;
    try {
      await collection?.search(text);
      if (search === this.#searches && collection === this.#collection) await this.#turn(0);
    } catch (thrown) {
      // A collection that was closed meanwhile answers nothing, and nobody asks it any more.
      if (collection === this.#collection) fill(this.#note, failureOf(thrown, 'dataset').message);
    }
  }

  /** @param {number} by */
  async #turn(by) {
    const collection = this.#collection;
    if (!collection) return;
    this.#strip.items = await collection.turn(by);
    this.#strip.selected = this.#open;
    const { from, to, of } = collection.range;
    this.#pager.hidden = collection.overview.pictures <= to - from + 1;
    fill(this.#pager,
      this.#button('previous', 'Earlier pictures', from <= 1, -1),
      h('span', { 'aria-live': 'polite' }, of === 0 ? 'Nothing found' : `${from.toLocaleString('en')} to ${to.toLocaleString('en')} of ${of.toLocaleString('en')}`),
      this.#button('next', 'Later pictures', to >= of, 1));
  }

  /**
   * @param {'previous' | 'next'} name
   * @param {string} words
   * @param {boolean} disabled
   * @param {number} by
   */
  #button(name, words, disabled, by) {
    return h('button', { type: 'button', class: 'button quiet', 'aria-label': words, disabled, onclick: () => this.#turn(by) }, icon(name));
  }
}
