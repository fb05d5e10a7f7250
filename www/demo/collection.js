/** @file Images with annotations: pages of them for the strip, and one opened in the viewer. */

import { fits } from '../viewer/annotation-file.js';
import { maskOf } from '../viewer/annotations.js';
import { ownAddress } from './sources.js';

/** @typedef {import('../viewer/annotation-file.js').AnnotationFile} AnnotationFile */
/** @typedef {import('../viewer/annotation-file.js').ImageRecord} ImageRecord */
/** @typedef {import('../viewer/annotation-file.js').Annotation} Annotation */
/** @typedef {import('./samples.js').ListedImage} ListedImage */
/** @typedef {import('./samples.js').Samples} Samples */

/** Images on one page of the strip. */
const PAGE_SIZE = 24;

/**
 * @typedef {object} Annotated Masks of an image in the viewer's order, and the annotation of each.
 * @property {import('../viewer/masks.js').MaskToShow[]} masks
 * @property {Annotation[]} details
 * @property {ImageRecord['maskFrame']} maskFrame
 *
 * @typedef {object} Opened The data that the viewer needs to show one image.
 * @property {string} key
 * @property {string | Blob | null} source
 * @property {string | null} alternative Address to try where the source is not found.
 * @property {string} missing Says which image was looked for, where there is no source.
 * @property {[number, number] | undefined} size Width and height, if the file states them.
 * @property {Promise<Annotated>} annotated Loads at the same time as the image.
 */

export class Collection {
  #file;
  #find;
  #findSmall;
  #missing;
  #start = 0;
  #count;
  /** Text of the last search. */
  #text = '';
  /** Images of the page. @type {Map<string, ImageRecord | ListedImage>} */
  #shown = new Map();
  /** Addresses of thumbnails that must be given back. @type {string[]} */
  #addresses = [];

  /**
   * @param {string} title
   * @param {AnnotationFile | Samples} file
   * @param {(image: ListedImage | ImageRecord) => string | Blob | null} find Returns an image's
   *   address or its bytes, or null if it cannot be found.
   * @param {(image: ListedImage | ImageRecord) => string | Blob | null} findSmall The same for a
   *   small copy of it, for the strip.
   * @param {(image: ListedImage | ImageRecord) => string} missing Says which image was not found.
   */
  constructor(title, file, find, findSmall = find, missing = missingAnywhere) {
    this.title = title;
    this.#missing = missing;
    this.#file = file;
    this.#find = find;
    this.#findSmall = findSmall;
    this.#count = file.overview.images;
  }

  /** @returns {import('../viewer/annotation-file.js').Overview} */
  get overview() {
    return this.#file.overview;
  }

  /** The text of the last search. */
  get text() {
    return this.#text;
  }

  /** Goes to the page of an image. @param {string} key @returns {Promise<boolean>} Whether it is found. */
  async has(key) {
    return this.#shown.has(key) || (await this.seek(key)) !== null;
  }

  /** The first image of the page, the last, and how many there are, counted from 1. */
  get range() {
    return {
      from: Math.min(this.#start + 1, this.#count),
      to: Math.min(this.#start + PAGE_SIZE, this.#count),
      of: this.#count,
    };
  }

  /** Chooses the images whose records hold these words. @param {string} text */
  async search(text) {
    const { images } = await this.#file.select({ text });
    this.#text = text;
    this.#count = images;
    this.#start = 0;
  }

  /**
   * Goes some pages on, and gives the images of that page.
   * @param {number} by
   * @returns {Promise<import('./strip.js').StripItem[]>}
   */
  async turn(by) {
    const last = Math.max(0, Math.ceil(this.#count / PAGE_SIZE) - 1) * PAGE_SIZE;
    this.#start = Math.min(Math.max(this.#start + by * PAGE_SIZE, 0), last);
    const images = await this.#file.page(this.#start, PAGE_SIZE);
    this.#forgetAddresses();
    this.#shown = new Map(images.map((image) => [keyOf(image), image]));
    return images.map((image) => ({
      key: keyOf(image),
      caption: captionOf(image),
      thumbnail: this.#addressOf(image),
      alternative: ownAddress(image),
    }));
  }

  /**
   * Goes to the page of an image among all images, and gives the images of that page; null where
   * the image is not found, and then the page and the search stay.
   * @param {string} key
   * @returns {Promise<import('./strip.js').StripItem[] | null>}
   */
  async seek(key) {
    const [text, start] = [this.#text, this.#start];
    await this.search('');
    const place = await this.#file.place(key);
    if (place === null) {
      await this.search(text);
      this.#start = start;
      return null;
    }
    this.#start = Math.floor(place / PAGE_SIZE) * PAGE_SIZE;
    return this.turn(0);
  }

  /** @param {string} key @returns {Opened | undefined} */
  open(key) {
    const image = this.#shown.get(key);
    if (!image) return undefined;
    const size = image.size ?? ('titles' in image ? null : image.annotations[0]?.mask.size);
    return {
      key,
      source: this.#find(image),
      alternative: ownAddress(image),
      missing: this.#missing(image),
      size: size ? [size[1], size[0]] : undefined,
      annotated: this.#annotated(image),
    };
  }

  /**
   * Returns an image's masks for its opened file, whose size may not be the listed one, and which may be
   * turned for display.
   * @param {string} key
   * @param {import('../viewer/annotation-file.js').Frame} frame
   * @param {boolean} isTurned Whether masks are turned of which sizes do not tell the frame.
   * @returns {Promise<Annotated | null>} Null where they need no change.
   */
  async annotatedOn(key, frame, isTurned) {
    const image = this.#shown.get(key);
    if (!image || 'titles' in image || fits(image, frame)) return null;
    const file = /** @type {AnnotationFile} */ (this.#file);
    const opened = await file.opened(key, frame, isTurned);
    return opened && this.#annotated(opened);
  }

  /**
   * Loads the cached answers of an image; none where the collection has no cache.
   * @param {string} key
   */
  async cachedAnswers(key) {
    return 'cachedAnswers' in this.#file ? await this.#file.cachedAnswers(key) : [];
  }

  /** @param {ImageRecord | ListedImage} image @returns {Promise<Annotated>} */
  async #annotated(image) {
    const record =
      'titles' in image ? await /** @type {Samples} */ (this.#file).record(image.id) : image;
    return {
      maskFrame: record.maskFrame,
      masks: record.annotations.map(maskOf),
      details: record.annotations.map((annotation) => ({
        ...annotation,
        findings: [...annotation.findings, ...record.findings],
      })),
    };
  }

  /** Ends the worker that holds the file. */
  close() {
    this.#forgetAddresses();
    this.#file.close();
  }

  /** @param {ImageRecord | ListedImage} image */
  #addressOf(image) {
    const found = this.#findSmall(image);
    if (!(found instanceof Blob)) return found;
    const address = URL.createObjectURL(found);
    this.#addresses.push(address);
    return address;
  }

  #forgetAddresses() {
    for (const address of this.#addresses) URL.revokeObjectURL(address);
    this.#addresses = [];
  }
}

/** @param {ImageRecord | ListedImage} image */
function missingAnywhere({ file }) {
  if (!file) return 'The annotations state neither a file name nor an address of this image.';
  return `No folder or address of the images is known; the annotations call this one ${file}.`;
}

/** @param {ImageRecord | ListedImage} image */
function keyOf(image) {
  return 'key' in image ? image.key : image.id;
}

/** @param {ImageRecord | ListedImage} image */
function captionOf(image) {
  const { id, file } = image;
  const titles =
    'titles' in image ? image.titles : [...new Set(image.annotations.map(({ title }) => title))];
  const caption = titles.filter(Boolean).join(', ') || (file?.split('/').at(-1) ?? id);
  const isRepeated =
    'findings' in image && image.findings.some(({ code }) => code === 'duplicate-id');
  return isRepeated ? `${caption} (another image of id ${id})` : caption;
}
