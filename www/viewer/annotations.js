/**
 * @file Masks from an annotation file for the viewer: those of one image, as the viewer takes
 * them.
 */

import { fits, openAnnotations } from './annotation-file.js';
import { ViewerError } from './errors.js';

/** @typedef {import('./annotation-file.js').AnnotationFile} AnnotationFile */
/** @typedef {import('./annotation-file.js').Annotation} Annotation */
/** @typedef {import('./annotation-file.js').ImageRecord} ImageRecord */

/** The file that the attribute `annotations` names, kept open while it is the same. */
export class Annotations {
  #address = '';
  /** @type {Promise<AnnotationFile> | undefined} */
  #file;
  /** Aborts the reading of the file. */
  #reading = new AbortController();

  /**
   * Returns the masks of the image whose path the address ends with, or of the file's only image.
   * @param {string} address Of the annotation file.
   * @param {string} image Its address.
   * @param {import('./annotation-file.js').Frame} frame Of the image.
   * @param {boolean} isTurned Whether masks are turned as the image is for display where sizes do not tell
   *   whether they already are.
   * @returns {Promise<{ masks: import('./masks.js').MaskToShow[], maskFrame: ImageRecord['maskFrame'] }>}
   */
  async masksOf(address, image, frame, isTurned) {
    const file = await this.#open(address);
    const path = new URL(image, document.baseURI).pathname.split('/').map(unescaped).join('/');
    const listed = file.overview.images === 1 ? (await file.page(0, 1))[0] : await file.image(path);
    const found =
      listed && !fits(listed, frame) ? await file.opened(listed.key, frame, isTurned) : listed;
    if (!found) {
      const format = file.overview.findings.find(({ code }) => code === 'other-format');
      if (format)
        throw new ViewerError(
          'annotations-format',
          `The annotations ${address} cannot be read: ${format.examples[0]?.message}.`,
        );
      const name = path.slice(path.lastIndexOf('/') + 1);
      throw new ViewerError(
        'image-unknown',
        `The annotations ${address} have no image called ${name}, or several in different folders.`,
      );
    }
    return { masks: found.annotations.map(maskOf), maskFrame: found.maskFrame };
  }

  /** Stops reading and frees the file. */
  free() {
    this.#reading.abort();
    // A failed open was already reported; there is nothing to free.
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
    // The next image tries again.
    file.catch(() => {
      if (this.#file === file) this.#file = undefined;
    });
    return file;
  }
}

/**
 * @param {Annotation} annotation
 * @returns {import('./masks.js').MaskToShow}
 */
export function maskOf({ id, title, qid, mask, isCut }) {
  return { id, title, qid: qid || null, mask, cut: isCut };
}

/**
 * Decodes a step of an address; one that is no valid escape, as in `100%.jpg`, stays as it is.
 * @param {string} step
 */
function unescaped(step) {
  try {
    return decodeURIComponent(step);
  } catch {
    return step;
  }
}
