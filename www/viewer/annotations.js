/**
 * @file Masks from an annotation file for the viewer: those of one image, as the viewer takes
 * them.
 */

import { openAnnotations } from './annotation-file.js';
import { ViewerError } from './errors.js';

/** @typedef {import('./annotation-file.js').AnnotationFile} AnnotationFile */
/** @typedef {import('./annotation-file.js').Annotation} Annotation */

/** The file that the attribute `annotations` names, kept open while it is the same. */
export class Annotations {
  #address = '';
  /** @type {Promise<AnnotationFile> | undefined} */
  #file;
  /** Ends the reading of the file. */
  #reading = new AbortController();

  /**
   * The masks of the image whose path the address ends with; of the only image where the file has one.
   * @param {string} address Of the annotation file.
   * @param {string} image Its address.
   * @returns {Promise<import('./types.js').ShownMask[]>}
   */
  async masksOf(address, image) {
    const file = await this.#open(address);
    const path = new URL(image, document.baseURI).pathname.split('/').map(unescaped).join('/');
    const found = file.overview.images === 1 ? (await file.page(0, 1))[0] : await file.image(path);
    if (!found) {
      const name = path.slice(path.lastIndexOf('/') + 1);
      throw new ViewerError(
        'image-unknown',
        `The annotations ${address} have no image called ${name}, or several in other folders.`,
      );
    }
    return found.annotations.map(maskOf);
  }

  /** Ends the reading, and the worker that holds the file. */
  free() {
    this.#reading.abort();
    // What failed to open was told to the one who asked for it, and holds nothing.
    this.#file?.then(
      (file) => file.close(),
      () => {},
    );
    this.#file = undefined;
    this.#address = '';
  }

  /** @param {string} address */
  #open(address) {
    if (address === this.#address && this.#file) return this.#file;
    this.free();
    this.#address = address;
    const { signal } = (this.#reading = new AbortController());
    const file = (this.#file = openAnnotations(address, { signal }));
    // What failed is tried again by the next image.
    file.catch(() => {
      if (this.#file === file) this.#file = undefined;
    });
    return file;
  }
}

/**
 * @param {Annotation} annotation
 * @returns {import('./types.js').ShownMask}
 */
export function maskOf({ id, title, qid, mask }) {
  return {
    id,
    title,
    qid: qid || null,
    mask: { size: mask.size, boundaries: [...mask.boundaries] },
  };
}

/**
 * A step of an address as a file is called; one that is no valid escape, as in `100%.jpg`, as it
 * stands.
 * @param {string} step
 */
function unescaped(step) {
  try {
    return decodeURIComponent(step);
  } catch {
    return step;
  }
}
