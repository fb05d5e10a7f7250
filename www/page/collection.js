/** @file Pictures with annotations: pages of them for the strip, and one opened in the viewer. */

import { maskOf } from '../element/annotations.js';

/** @typedef {import('../dataset-client.js').AnnotationFile} AnnotationFile */
/** @typedef {import('../dataset-client.js').Picture} Picture */
/** @typedef {import('../dataset-client.js').Annotation} Annotation */

/** Pictures on one page of the strip. */
const PAGE_SIZE = 24;

/**
 * @typedef {object} Opened What is needed to show one picture.
 * @property {string} key
 * @property {string | Blob | null} source
 * @property {[number, number] | undefined} size Width and height, where the file tells.
 * @property {import('../element/types.js').ShownMask[]} masks
 * @property {import('./record.js').Details[]} details
 */

export class Collection {
  #file;
  #find;
  #findSmall;
  #start = 0;
  #count;
  /** What was searched for last. */
  #text = '';
  /** @type {Map<string, Picture>} */
  #shown = new Map();
  /** Addresses of thumbnails that must be given back. @type {string[]} */
  #addresses = [];

  /**
   * @param {string} title
   * @param {AnnotationFile} file
   * @param {(picture: Picture) => string | Blob | null} find Where a picture is: its address, its bytes, or nowhere.
   * @param {(picture: Picture) => string | Blob | null} findSmall Where a small copy of it is, for the strip.
   */
  constructor(title, file, find, findSmall = find) {
    this.title = title;
    this.#file = file;
    this.#find = find;
    this.#findSmall = findSmall;
    this.#count = file.overview.pictures;
  }

  /** @returns {AnnotationFile['overview']} */
  get overview() {
    return this.#file.overview;
  }

  /** The first picture of the page, the last, and how many there are, counted from 1. */
  get range() {
    return { from: Math.min(this.#start + 1, this.#count), to: Math.min(this.#start + PAGE_SIZE, this.#count), of: this.#count };
  }

  /** Chooses the pictures whose records hold these words. @param {string} text */
  async search(text) {
    const { pictures } = await this.#file.select({ text });
    this.#text = text;
    this.#count = pictures;
    this.#start = 0;
  }

  /**
   * Goes some pages on, and gives the pictures of that page.
   * @param {number} by
   * @returns {Promise<import('./strip.js').StripItem[]>}
   */
  async turn(by) {
    const last = Math.max(0, Math.ceil(this.#count / PAGE_SIZE) - 1) * PAGE_SIZE;
    this.#start = Math.min(Math.max(this.#start + by * PAGE_SIZE, 0), last);
    const pictures = await this.#file.page(this.#start, PAGE_SIZE);
    this.#forgetAddresses();
    this.#shown = new Map(pictures.map((picture) => [picture.id, picture]));
    return pictures.map((picture) => ({ key: picture.id, caption: captionOf(picture), thumbnail: this.#addressOf(picture) }));
  }

  /**
   * Goes to the page of a picture among all pictures, and gives the pictures of that page; null where the picture is not
   * found, and then the page and the search stay.
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
    const picture = this.#shown.get(key);
    if (!picture) return undefined;
    const size = picture.size ?? picture.annotations[0]?.mask.size;
    return {
      key,
      source: this.#find(picture),
      size: size && [size[1], size[0]],
      masks: picture.annotations.map(maskOf),
      details: picture.annotations.map((annotation) => detailsOf(annotation, picture)),
    };
  }

  /** Ends the worker that holds the file. */
  close() {
    this.#forgetAddresses();
    this.#file.close();
  }

  /** @param {Picture} picture */
  #addressOf(picture) {
    const found = this.#findSmall(picture);
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

/**
 * @param {Annotation} annotation
 * @param {Picture} picture
 * @returns {import('./record.js').Details}
 */
function detailsOf({ id, title, qid, description, textPrompt, question, labels, split, seen, findings }, picture) {
  return { id, title, qid, description, textPrompt, question, labels, split, seen, findings: [...findings, ...picture.findings].map(({ message }) => message) };
}

/** @param {Picture} picture */
function captionOf({ id, file, annotations }) {
  const titles = [...new Set(annotations.map(({ title }) => title).filter(Boolean))];
  return titles.length > 0 ? titles.join(', ') : file?.split('/').at(-1) ?? id;
}
