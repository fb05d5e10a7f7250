/** @file Masks from an annotation file for the viewer: those of one picture, as the viewer takes them. */

import { openAnnotations } from '../dataset-client.js';
import { ViewerError } from './errors.js';

/** @typedef {import('../dataset-client.js').AnnotationFile} AnnotationFile */
/** @typedef {import('../dataset-client.js').Annotation} Annotation */
/** @typedef {import('../dataset-client.js').Picture} Picture */

/** The most pictures whose names hold the file name looked for that are compared with it. */
const MOST_LOOKED_AT = 500;

/** The file that the attribute `annotations` names, kept open while it is the same. */
export class Annotations {
  #address = '';
  /** @type {Promise<AnnotationFile> | undefined} */
  #file;
  /** Ends the reading of the file. */
  #reading = new AbortController();

  /**
   * The masks of the picture whose file name is that of `picture`; of the only picture where the file has one.
   * @param {string} address Of the annotation file.
   * @param {string} picture Its address.
   * @returns {Promise<import('./types.js').ShownMask[]>}
   */
  async masksOf(address, picture) {
    const file = await this.#open(address);
    const steps = new URL(picture, document.baseURI).pathname.split('/').map(unescaped);
    const name = steps.at(-1) ?? '';
    const single = file.overview.pictures === 1;
    // Both are asked at once, so that another picture's question cannot come between them.
    const selecting = single ? undefined : file.select({ text: name });
    const [candidates] = await Promise.all([file.page(0, MOST_LOOKED_AT), selecting]);
    const found = single ? candidates[0] : nearest(candidates, steps);
    if (!found) throw new ViewerError('picture-unknown', `The annotations ${address} have no masks of a picture called ${name}.`);
    return found.annotations.map(maskOf);
  }

  /** Ends the reading, and the worker that holds the file. */
  free() {
    this.#reading.abort();
    // What failed to open was told to the one who asked for it, and holds nothing.
    this.#file?.then((file) => file.close(), () => {});
    this.#file = undefined;
    this.#address = '';
  }

  /** @param {string} address */
  #open(address) {
    if (address === this.#address && this.#file) return this.#file;
    this.free();
    this.#address = address;
    const { signal } = this.#reading = new AbortController();
    const file = this.#file = openAnnotations(address, { signal });
    // What failed is tried again by the next picture.
    file.catch(() => { if (this.#file === file) this.#file = undefined; });
    return file;
  }
}

/**
 * @param {Annotation} annotation
 * @returns {import('./types.js').ShownMask}
 */
export function maskOf({ id, title, qid, mask }) {
  return { id, title, qid: qid || null, mask: { size: mask.size, boundaries: [...mask.boundaries] } };
}

/**
 * The picture whose path ends as the address does, in its file's name at least and then in as many folders as any.
 * @param {Picture[]} pictures
 * @param {string[]} address Its steps.
 */
function nearest(pictures, address) {
  /** @type {Picture | undefined} */
  let found;
  let most = 0;
  for (const picture of pictures) {
    const path = picture.file?.split('/') ?? [];
    let shared = 0;
    while (shared < path.length && path.at(-1 - shared) === address.at(-1 - shared)) shared += 1;
    if (shared > most) [found, most] = [picture, shared];
  }
  return found;
}

/** A step of an address as a file is called; one that is no valid escape, as in `100%.jpg`, as it stands. @param {string} step */
function unescaped(step) {
  try {
    return decodeURIComponent(step);
  } catch {
    return step;
  }
}
