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

  /**
   * The masks of the picture whose file name is that of `picture`; of the only picture where the file has one.
   * @param {string} address Of the annotation file.
   * @param {string} picture Its address.
   * @returns {Promise<import('./types.js').ShownMask[]>}
   */
  async masksOf(address, picture) {
    if (address !== this.#address) this.free();
    this.#address = address;
    this.#file ??= openAnnotations(address);
    const file = await this.#file;
    const name = decodeURIComponent(new URL(picture, document.baseURI).pathname.split('/').at(-1) ?? '');
    if (file.overview.pictures > 1) await file.select({ text: name });
    const candidates = await file.page(0, MOST_LOOKED_AT);
    const found = file.overview.pictures === 1 ? candidates[0] : candidates.find(({ file: path, id }) => path?.split('/').at(-1) === name || id === name);
    if (!found) throw new ViewerError('picture-unknown', `The annotations ${address} have no picture called ${name}.`);
    return fittingMasks(found).map(maskOf);
  }

  /** Ends the worker that holds the file. */
  free() {
    // What failed to open was told to the one who asked for it, and holds nothing.
    this.#file?.then((file) => file.close(), () => {});
    this.#file = undefined;
    this.#address = '';
  }
}

/**
 * The annotations that can lie on their picture: of another size they cannot, and their findings say so.
 * @param {Picture} picture
 */
export function fittingMasks({ size, annotations }) {
  return annotations.filter(({ mask }) => !size || (mask.size[0] === size[0] && mask.size[1] === size[1]));
}

/**
 * @param {Annotation} annotation
 * @returns {import('./types.js').ShownMask}
 */
export function maskOf({ id, title, qid, mask }) {
  return { id, title, qid: qid || null, mask: { size: mask.size, boundaries: [...mask.boundaries] } };
}
