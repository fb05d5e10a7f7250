/**
 * @file The places of the page: its own collection, a local dataset and photos. It keeps them open,
 *   links to each, and goes to the image that the address names.
 */

import { fill, h } from '../viewer/dom.js';
import { formatAddress, isSamePlace, namesPlace, parseAddress } from './address.js';

/** Maximum number of photos that can be returned to. */
const MAX_PHOTOS = 50;

/** @typedef {import('./address.js').Address} Address */
/** @typedef {import('./address.js').Place} Place */

/**
 * @typedef {object} Shelf A collection and how the strip shows it.
 * @property {string | null} set Name of a local dataset; null for the page's own collection.
 * @property {import('./collection.js').Collection} collection
 * @property {string} note
 * @property {boolean} search Whether the strip has the search field.
 * @property {import('../pkg/viewer.js').Tool} tool Active at first.
 *
 * @typedef {object} PlacesParts
 * @property {import('../mask-viewer.js').MaskViewer} viewer
 * @property {import('./browser.js').Browser} browser
 * @property {HTMLElement} nav Lists what is open.
 * @property {import('./message.js').Message} message Says what an address names that is not here.
 * @property {() => void} choosePhoto
 * @property {() => void} chooseDataset
 * @property {() => void} interrupt Called when something is chosen: ends what is still being read.
 * @property {(thrown: unknown) => void} fail
 */

export class Places {
  #parts;
  /** @type {Shelf | null} */
  #own = null;
  /** @type {Shelf | null} */
  #dataset = null;
  /** By their names, the newest last. @type {Map<string, File>} */
  #photos = new Map();
  /** Name of the photo that is open. @type {string | null} */
  #photo = null;
  /** The image named last that is not here. @type {Place | null} */
  #missing = null;
  /** The address of the last image of each place, by its name in {@link Places.#links}. */
  #last = new Map();
  /** Number of addresses that are being followed. */
  #following = 0;
  /** Counts navigations, so that an earlier one that is late shows nothing. */
  #navigations = 0;
  /** The dataset of an earlier visit. @type {{ name: string, open: () => void } | null} */
  #offer = null;

  /** @param {PlacesParts} parts */
  constructor(parts) {
    this.#parts = parts;
    parts.viewer.addEventListener('update', () => this.#noteAddress());
  }

  /** The open image; null while an address is followed, or names an image that is not here. */
  get current() {
    return this.#following > 0 || this.#missing ? null : this.#place;
  }

  /** Shows the page's own collection. @param {Shelf} shelf */
  async showOwn(shelf) {
    this.#own = shelf;
    await this.#show(shelf);
  }

  /**
   * Shows a dataset, and then opens the image that the address names, or its first.
   * @param {Shelf} shelf
   */
  async openDataset(shelf) {
    const { browser, fail } = this.#parts;
    const before = this.#dataset;
    const wanted = this.#missing?.set === shelf.set ? this.#missing : null;
    this.#dataset = shelf;
    const number = this.#leave();
    await this.#show(shelf);
    before?.collection.close();
    const isOutdated = () => number !== this.#navigations;
    const open = async () => {
      const key = wanted?.image ?? null;
      if (isOutdated() || (key !== null && (await browser.open(key))) || isOutdated()) return;
      if (wanted && key !== null) this.#tell(wanted);
      await browser.openFirst();
    };
    open().catch(fail);
  }

  /**
   * Opens a photo.
   * @param {File} file
   * @returns {Promise<boolean>} Whether it is open.
   */
  async openPhoto(file) {
    const { viewer, browser, interrupt } = this.#parts;
    const name = this.#nameOf(file);
    const number = (this.#navigations += 1);
    interrupt();
    browser.interrupt();
    if (!(await viewer.openImage(file, { key: name, keepsOpen: true }))) {
      if (number === this.#navigations) this.#nameOpen();
      return false;
    }
    this.#photos.delete(name);
    this.#photos.set(name, file);
    const [oldest] = this.#photos.keys();
    if (oldest !== undefined && this.#photos.size > MAX_PHOTOS) this.#photos.delete(oldest);
    this.#photo = name;
    browser.leave();
    viewer.tool = 'pick';
    this.#noteAddress();
    this.#found();
    return true;
  }

  /** Notes that the person chose something else than what the address names. */
  chosen() {
    this.#parts.interrupt();
    this.#leave();
  }

  /** Begins a navigation from a photo or a missing image, and returns its number. */
  #leave() {
    const number = (this.#navigations += 1);
    this.#photo = null;
    this.#found();
    return number;
  }

  /** Names the image that stayed open, after one that was chosen later did not open. */
  #nameOpen() {
    const { viewer, browser } = this.#parts;
    const key = viewer.snapshot?.image ?? null;
    this.#photo = key !== null && this.#photos.has(key) ? key : null;
    if (this.#photo === null) browser.restore();
    else browser.leave();
    this.#showLinks();
  }

  /** Offers to open the dataset of an earlier visit. @param {{ name: string, open: () => void }} offer */
  offer(offer) {
    this.#offer = offer;
    this.#showLinks();
    if (this.#missing) this.#tell(this.#missing);
  }

  /**
   * Shows what the page's address names; says so where that is not here.
   * @returns {Promise<boolean>} Whether it is shown.
   */
  async follow() {
    const address = parseAddress(location.hash);
    if (!namesPlace(address)) return false;
    this.#parts.interrupt();
    this.#following += 1;
    const number = (this.#navigations += 1);
    try {
      const isHere = await this.#go(address, number);
      if (number !== this.#navigations) return true;
      if (isHere) this.#found();
      else this.#tell(address);
      if (isHere) this.#restore(address);
      return isHere;
    } finally {
      this.#following -= 1;
    }
  }

  /**
   * @param {Address} address
   * @param {number} number
   * @returns {Promise<boolean>} Whether the image is here.
   */
  async #go(address, number) {
    const { browser } = this.#parts;
    if (isSamePlace(address, this.#place)) return true;
    if (address.photo !== null) {
      const file = this.#photos.get(address.photo);
      return file !== undefined && (await this.#reopen(file));
    }
    for (const shelf of this.#shelvesOf(address)) {
      if (!(await this.#goTo(shelf, address.image, number))) continue;
      if (number === this.#navigations) this.#photo = null;
      return true;
    }
    return false;
  }

  /**
   * Opens an image of a collection, or its first.
   * @param {Shelf} shelf
   * @param {string | null} image
   * @param {number} number
   * @returns {Promise<boolean>} Whether the collection has it.
   */
  async #goTo(shelf, image, number) {
    const { browser } = this.#parts;
    if (browser.collection !== shelf.collection) {
      if (image !== null && !(await shelf.collection.has(image))) return false;
      if (number !== this.#navigations) return true;
      await this.#show(shelf);
      if (number !== this.#navigations) return true;
    }
    if (image !== null) return browser.open(image);
    await browser.openFirst();
    return true;
  }

  /** Opens a photo again, as a step of the history. @param {File} file */
  async #reopen(file) {
    const number = this.#navigations;
    const isOpen = await this.openPhoto(file);
    // Opening counts as a place of its own.
    if (this.#navigations === number + 1) this.#navigations = number;
    return isOpen;
  }

  /**
   * Returns the collections that may have an image: the page's own, then the dataset.
   * @param {Address} address
   */
  #shelvesOf({ set }) {
    const shelves = [set === null ? this.#own : null, this.#dataset];
    return shelves
      .filter((shelf) => shelf !== null)
      .filter((shelf) => (set ?? shelf.set) === shelf.set);
  }

  /** @param {Shelf} shelf */
  async #show({ collection, note, search, tool }) {
    const { viewer, browser } = this.#parts;
    viewer.tool = tool;
    await browser.show(collection, note, { search });
    this.#showLinks();
  }

  /** @param {Address} address */
  #restore({ view, mask }) {
    const { viewer } = this.#parts;
    viewer.view = view;
    const index = viewer.snapshot?.shown.findIndex(({ id }) => id === mask) ?? -1;
    if (mask !== null && index >= 0) viewer.selectMask(index);
  }

  /** Forgets what was missing: something else is shown. */
  #found() {
    if (this.#missing) this.#parts.message.hide();
    this.#missing = null;
    this.#showLinks();
  }

  /** Says that an image is not here, and how to open it. @param {Place} place */
  #tell(place) {
    const { message, choosePhoto, chooseDataset } = this.#parts;
    this.#missing = place;
    const { set, photo, image } = place;
    if (photo !== null) {
      const words =
        `The photo ${photo} is not here: the browser keeps no photo when the page is closed. ` +
        'Open it again, or drop it on the page.';
      return message.show(words, ['Open a photo', choosePhoto]);
    }
    const isOpen = set !== null && set === this.#dataset?.set;
    const own = this.#own?.collection.title ?? 'this page, whose images could not be loaded';
    const words =
      set === null || isOpen
        ? `There is no image ${image} in ${isOpen ? set : own}. `
        : image === null
          ? `The dataset ${set} is not open. `
          : `The image ${image} belongs to the dataset ${set}, which is not open. `;
    const advice = 'Open its annotation file with its images, or drop their folder on the page.';
    const offer = this.#offer?.name === set && !isOpen ? this.#offer : null;
    if (offer) message.show(words, [`Open ${offer.name} again`, offer.open]);
    else message.show(words + advice, ['Open a dataset', chooseDataset]);
  }

  /** @returns {Place} */
  get #place() {
    const { browser } = this.#parts;
    if (this.#photo !== null) return { set: null, photo: this.#photo, image: null };
    const isDataset = browser.collection === this.#dataset?.collection;
    const set = (isDataset && this.#dataset?.set) || null;
    return { set: browser.key === null ? null : set, photo: null, image: browser.key };
  }

  /** Returns a name that no other photo has. @param {File} file */
  #nameOf(file) {
    const isSame = (/** @type {File} */ { size, lastModified }) =>
      size === file.size && lastModified === file.lastModified;
    for (let count = 1; ; count += 1) {
      const name = count === 1 ? file.name : `${file.name} (${count})`;
      const other = this.#photos.get(name);
      if (!other || isSame(other)) return name;
    }
  }

  /** Remembers the address of the open image, for the link back to it. */
  #noteAddress() {
    const place = this.#place;
    if (!namesPlace(place)) return;
    const hash = formatAddress({ ...place, view: null, mask: null });
    const name = place.photo !== null ? 'photo' : place.set !== null ? 'dataset' : 'own';
    if (this.#last.get(name) === hash) return;
    this.#last.set(name, hash);
    this.#showLinks();
  }

  /** Lists what is open, unless that is the page's own collection alone. */
  #showLinks() {
    const { nav, browser } = this.#parts;
    const photo = [...this.#photos.keys()].at(-1);
    const isOpen = (/** @type {Shelf | null} */ shelf) =>
      this.#photo === null && shelf !== null && browser.collection === shelf.collection;
    const links = [
      this.#own && this.#link('own', this.#own.collection.title, isOpen(this.#own)),
      this.#dataset && this.#link('dataset', this.#dataset.collection.title, isOpen(this.#dataset)),
      photo !== undefined && this.#link('photo', `Photo ${photo}`, this.#photo !== null),
    ].filter((link) => link !== null && link !== false);
    const offer = this.#offer && this.#offer.name !== this.#dataset?.set ? this.#offer : null;
    nav.hidden = links.length + (offer ? 1 : 0) < 2;
    const again =
      offer &&
      h(
        'button',
        { type: 'button', class: 'button quiet', onclick: offer.open },
        `Open ${offer.name} again`,
      );
    fill(nav, ...links, again);
  }

  /**
   * @param {'own' | 'dataset' | 'photo'} name
   * @param {string} words
   * @param {boolean} isCurrent
   */
  #link(name, words, isCurrent) {
    const href = this.#last.get(name);
    return (
      href !== undefined &&
      h('a', { href: `#${href}`, 'aria-current': isCurrent && 'true', dir: 'auto' }, words)
    );
  }
}
