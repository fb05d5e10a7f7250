/**
 * @file Opens an annotation file of any length, Mask-OVEN-Wiki's or COCO's, in a worker, and pages
 *   through it.
 *
 * ```js
 * const file = await openAnnotations(chosenFile, { onProgress: ({ bytes, total }) => show(bytes, total) });
 * await file.select({ category: 'Q388450', order: 'suspicion' });
 * const images = await file.page(0, 20);
 * file.close();
 * ```
 */

import { MasklinkError } from '../worker/errors.js';
import { WorkerClient } from '../worker/rpc.js';

/**
 * @typedef {object} Progress
 * @property {number} bytes Read so far.
 * @property {number | null} total Of the file, where it is known.
 * @property {number} images
 * @property {number} categories
 * @property {number} annotations
 *
 * @typedef {object} Overview
 * @property {number} bytes
 * @property {number} images
 * @property {number} categories
 * @property {number} annotations
 * @property {{ name: string, annotations: number }[]} splits The 100 most frequent; the name is
 *   `''` for annotations without one.
 * @property {{ code: string, count: number, examples: { record: string, id: string, message: string
 *   }[] }[]} findings
 *
 * @typedef {object} Query A property that is left out selects everything.
 * @property {string} [category] The id of a category, such as a QID.
 * @property {string} [split] As published; `''` for annotations without one.
 * @property {string} [finding] The code of a finding; `''` for any.
 * @property {string} [text] Words that must all occur in the record, its entity or its file name.
 * @property {'file' | 'size' | 'suspicion'} [order] Of the images: as in the file, largest mask
 *   first, most findings first.
 * @property {boolean} [reversed]
 *
 * @typedef {{ code: string, message: string }} Finding A problem of a record.
 *
 * @typedef {object} Mask
 * @property {[number, number]} size Height and width.
 * @property {Uint32Array} boundaries Column-major indices at which the mask's value changes, first to one.
 *
 * @typedef {object} Annotation Every text comes from the file and is untrusted.
 * @property {string} id
 * @property {string} qid The category's id.
 * @property {string} title The category's name, or its id.
 * @property {string | null} description
 * @property {string | null} thumbnail An http(s) address.
 * @property {string | null} textPrompt
 * @property {string | null} question
 * @property {{ text: string, score: number | null }[]} labels
 * @property {string | null} split
 * @property {boolean | null} seen Whether the entity occurs in training.
 * @property {boolean} isCrowd
 * @property {boolean} isCut Whether a part of the mask is left out.
 * @property {[number, number, number, number][]} boxes x1, y1, x2, y2 in image space.
 * @property {number} area Pixels of the mask.
 * @property {Mask} mask All of the annotation's masks together.
 * @property {Finding[]} findings
 *
 * @typedef {object} Frame How an opened image is displayed.
 * @property {[number, number]} size Width and height as displayed.
 * @property {number} orientation That of its EXIF data, 1 to 8; 1 where it is displayed as stored.
 *
 * @typedef {object} ImageRecord Every text comes from the file and is untrusted.
 * @property {string} key Tells it from other images of the same id.
 * @property {string} id
 * @property {string | null} file A relative path without leading slash and without `..`; not URL-encoded.
 * @property {string | null} url An http(s) address.
 * @property {[number, number] | null} size Height and width.
 * @property {'displayed' | 'stored' | 'unknown'} [maskFrame] On which the masks of an opened image lay that
 *   is turned for display; unknown where sizes do not tell it.
 * @property {Finding[]} findings
 * @property {Annotation[]} annotations Those that are selected.
 *
 * @typedef {{ code: string, message: string }} Failure
 */

/**
 * Opens an annotation file. Nothing in the file makes this fail: `overview.findings` lists what is
 * wrong with it. The error's `code` is `unreachable`, `http`, `broken-off`, `crash` or `closed`.
 *
 * @param {Blob | string} source A file, or an address.
 * @param {object} [options]
 * @param {(progress: Progress) => void} [options.onProgress]
 * @param {AbortSignal} [options.signal] Gives up: reading ends at once and the promise rejects with
 *   its reason.
 * @param {AbortSignal} [options.enough] Ends reading early, and opens what was read so far.
 * @returns {Promise<AnnotationFile>}
 */
export async function openAnnotations(source, { onProgress, signal, enough } = {}) {
  signal?.throwIfAborted();
  const worker = new WorkerClient(
    () =>
      new Worker(new URL('../worker/worker.js', import.meta.url), {
        type: 'module',
        name: 'annotations',
      }),
  );
  const giveUp = () => worker.end(/** @type {any} */ (signal?.reason));
  signal?.addEventListener('abort', giveUp);
  try {
    // A relative address means one relative to the page, as it does everywhere else.
    const from = typeof source === 'string' ? new URL(source, document.baseURI).href : source;
    const overview = await worker.call('open', from, { onProgress, signal: enough });
    return new AnnotationFile(worker, overview);
  } catch (thrown) {
    worker.end(closed());
    if (!(thrown instanceof MasklinkError) || thrown.code !== 'worker-crashed') throw thrown;
    const message = `The file could not be read, probably because memory ran out (${thrown.message}).`;
    throw new MasklinkError('crash', message, { cause: thrown });
  } finally {
    signal?.removeEventListener('abort', giveUp);
  }
}

/** An open annotation file. Its memory is the worker's, and freed by `close`. */
export class AnnotationFile {
  #worker;

  /**
   * @param {WorkerClient} worker
   * @param {Overview} overview
   */
  constructor(worker, overview) {
    this.#worker = worker;
    /** Counts and findings of the file. */
    this.overview = overview;
  }

  /**
   * The categories whose id or name holds a text, the most frequent first.
   * @param {string} text
   * @param {number} most
   * @returns {Promise<{ id: string, name: string, annotations: number }[]>}
   */
  async categories(text, most) {
    return /** @type {any} */ (await this.#ask('categories', { text, count: most }));
  }

  /**
   * Selects the images and annotations that `page` returns, and returns their numbers. Before the
   * first call everything is selected.
   * @param {Query} query
   * @returns {Promise<{ images: number, annotations: number }>}
   */
  async select(query) {
    return /** @type {any} */ (await this.#ask('select', query));
  }

  /**
   * The place of an image in the selection, from 0; null where it is not selected.
   * @param {string} key
   * @returns {Promise<number | null>}
   */
  async place(key) {
    return /** @type {any} */ (await this.#ask('place', key));
  }

  /**
   * Returns an image whose file was opened, with all its annotations; null if there is no such image.
   * Masks from polygons are drawn on its size, whatever size the annotation file lists, and masks of the
   * image as stored are turned as it is for display.
   * @param {string} key
   * @param {Frame} frame
   * @param {boolean} [isTurned] Whether masks of which sizes do not tell that are turned too.
   * @returns {Promise<ImageRecord | null>}
   */
  async opened(key, { size: [width, height], orientation }, isTurned = false) {
    const image = { key, width, height, orientation, isTurned };
    return imagesOf(await this.#ask('opened', image))[0] ?? null;
  }

  /**
   * The images of the selection from `start` on, 500 at most.
   * @param {number} start
   * @param {number} count
   * @returns {Promise<ImageRecord[]>}
   */
  async page(start, count) {
    return imagesOf(await this.#ask('page', { start, count }));
  }

  /**
   * Returns the image that an address names, selected or not, with all its annotations. The address
   * ends with the image's whole path, or else shares the longest end with it, at least the file name.
   * Returns null if no image matches, or several match equally well.
   * @param {string} address A path, not URL-encoded.
   * @returns {Promise<ImageRecord | null>}
   */
  async image(address) {
    return imagesOf(await this.#ask('image', address))[0] ?? null;
  }

  /**
   * Returns the number of the file's images that are found among the files of a folder.
   * @param {string[]} paths Relative paths of the folder's files.
   * @returns {Promise<number>}
   */
  async countFound(paths) {
    return /** @type {any} */ (await this.#ask('countFound', paths));
  }

  /**
   * Frees the file; pending and later calls reject with the code `closed`.
   */
  close() {
    this.#worker.end(closed());
  }

  /**
   * @param {string} method
   * @param {unknown} argument
   */
  async #ask(method, argument) {
    // The worker held the file: a new worker would have none.
    if (!this.#worker.running) throw closed();
    return await this.#worker.call(method, argument);
  }
}

function closed() {
  return new MasklinkError('closed', 'The annotation file was closed.');
}

/**
 * Returns whether the masks of an image need no change for its opened file: it is displayed as stored, and
 * each mask is of its size.
 * @param {ImageRecord} image
 * @param {Frame} frame
 */
export function fits({ annotations }, { size: [width, height], orientation }) {
  const isOfSize = (/** @type {Annotation} */ { mask: { size } }) =>
    size[0] === height && size[1] === width;
  return orientation === 1 && annotations.every(isOfSize);
}

/**
 * Gives each annotation of a result its mask.
 * @param {any} result
 * @returns {ImageRecord[]}
 */
function imagesOf({ images, boundaries: all }) {
  for (const annotation of images.flatMap((/** @type {any} */ image) => image.annotations)) {
    const { size, boundaries } = annotation;
    annotation.mask = { size, boundaries: all.subarray(...boundaries) };
    delete annotation.size;
    delete annotation.boundaries;
  }
  return images;
}
