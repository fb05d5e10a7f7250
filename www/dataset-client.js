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
 * @typedef {object} Query What is left out chooses everything.
 * @property {string} [category] The id of a category, such as a QID.
 * @property {string} [split] As published; `''` for annotations without one.
 * @property {string} [finding] The code of a finding; `''` for any.
 * @property {string} [text] Words that must all occur in the record, its entity or its file name.
 * @property {'file' | 'size' | 'suspicion'} [order] Of the images: as in the file, largest mask
 *   first, most findings first.
 * @property {boolean} [reversed]
 *
 * @typedef {{ code: string, message: string }} Finding What is odd about a record.
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
 * @property {[number, number, number, number][]} boxes x1, y1, x2, y2 in image space.
 * @property {number} area Pixels of the mask.
 * @property {Mask} mask All of the annotation's masks together.
 * @property {Finding[]} findings
 *
 * @typedef {object} ImageRecord Every text comes from the file and is untrusted.
 * @property {string} id
 * @property {string | null} file A relative path without leading slash and without `..`; not URL-encoded.
 * @property {string | null} url An http(s) address.
 * @property {[number, number] | null} size Height and width.
 * @property {Finding[]} findings
 * @property {Annotation[]} annotations Those that are selected.
 *
 * @typedef {{ code: string, message: string }} Failure
 *
 * @typedef {{ id: number } & (
 *   | { verb: 'open', source: Blob | string }
 *   | { verb: 'enough' }
 *   | { verb: 'categories', text: string, most: number }
 *   | { verb: 'select', query: Query }
 *   | { verb: 'place', image: string }
 *   | { verb: 'page', start: number, count: number }
 *   | { verb: 'image', address: string }
 * )} Request What the worker is asked.
 *
 * @typedef {{ id: number, answer?: unknown, error?: Failure, progress?: Progress }} Answer What it says.
 */

/**
 * An error with a stable `code`: `unreachable`, `http`, `broken-off`, `crash`, `worker`, `closed`,
 * or the name of the browser's own error.
 */
export class AnnotationsError extends Error {
  /** @param {Failure} failure */
  constructor({ code, message }) {
    super(message);
    this.name = 'AnnotationsError';
    this.code = code;
  }
}

/**
 * Opens an annotation file. Nothing in the file makes this fail: what is wrong is told in
 * `overview.findings`.
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
  const worker = new AnnotationWorker(onProgress);
  /** @type {(() => void) | undefined} */
  let giveUp;
  const givenUp = new Promise((_, reject) => {
    giveUp = () => reject(signal?.reason);
  });
  const stop = () => worker.tell({ verb: 'enough' });
  if (giveUp) signal?.addEventListener('abort', giveUp);
  enough?.addEventListener('abort', stop);
  try {
    // A relative address means one relative to the page, as it does everywhere else.
    const from = typeof source === 'string' ? new URL(source, document.baseURI).href : source;
    const opened = worker.ask({ verb: 'open', source: from });
    if (enough?.aborted) stop();
    const overview = /** @type {Overview} */ (await Promise.race([opened, givenUp]));
    return new AnnotationFile(worker, overview);
  } catch (thrown) {
    worker.close();
    throw thrown;
  } finally {
    if (giveUp) signal?.removeEventListener('abort', giveUp);
    enough?.removeEventListener('abort', stop);
  }
}

/** An open annotation file. Its memory is the worker's, and freed by `close`. */
export class AnnotationFile {
  #worker;

  /**
   * @param {AnnotationWorker} worker
   * @param {Overview} overview
   */
  constructor(worker, overview) {
    this.#worker = worker;
    /** What the file holds. */
    this.overview = overview;
  }

  /**
   * The categories whose id or name holds a text, the most frequent first.
   * @param {string} text
   * @param {number} most
   * @returns {Promise<{ id: string, name: string, annotations: number }[]>}
   */
  async categories(text, most) {
    return /** @type {any} */ (await this.#worker.ask({ verb: 'categories', text, most }));
  }

  /**
   * Selects what `page` pages through, and answers how much that is. Before the first call
   * everything is selected.
   * @param {Query} query
   * @returns {Promise<{ images: number, annotations: number }>}
   */
  async select(query) {
    return /** @type {any} */ (await this.#worker.ask({ verb: 'select', query }));
  }

  /**
   * The place of an image in the selection, from 0; null where it is not selected.
   * @param {string} image
   * @returns {Promise<number | null>}
   */
  async place(image) {
    return /** @type {any} */ (await this.#worker.ask({ verb: 'place', image }));
  }

  /**
   * The images of the selection from `start` on, 500 at most.
   * @param {number} start
   * @param {number} count
   * @returns {Promise<ImageRecord[]>}
   */
  async page(start, count) {
    return imagesOf(await this.#worker.ask({ verb: 'page', start, count }));
  }

  /**
   * The image whose path an address ends with, selected or not, with all its annotations: one whose
   * whole path does, or else the one with the longest end in common, a file's name at least. Null
   * where there is none, or several are as near.
   * @param {string} address A path, not URL-encoded.
   * @returns {Promise<ImageRecord | null>}
   */
  async image(address) {
    return imagesOf(await this.#worker.ask({ verb: 'image', address }))[0] ?? null;
  }

  /**
   * Frees the file; everything asked afterwards, or not answered yet, rejects with code `closed`.
   */
  close() {
    this.#worker.close();
  }
}

/**
 * Gives each annotation of an answer its mask.
 * @param {any} answer
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

/** The worker as a function from requests to promises of answers. */
class AnnotationWorker {
  #worker = new Worker(new URL('./dataset-worker.js', import.meta.url), { type: 'module' });
  /** @type {Map<number, { resolve: (answer: unknown) => void, reject: (error: Error) => void }>} */
  #waiting = new Map();
  #last = 0;
  /** @type {Failure | undefined} */
  #ended;

  /** @param {((progress: Progress) => void) | undefined} onProgress */
  constructor(onProgress) {
    this.#worker.addEventListener('message', (/** @type {MessageEvent<Answer>} */ { data }) => {
      if (data.progress) {
        onProgress?.(data.progress);
        return;
      }
      const waiting = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      if (data.error) waiting?.reject(new AnnotationsError(data.error));
      else waiting?.resolve(data.answer);
    });
    this.#worker.addEventListener('error', ({ message }) => {
      this.#end({
        code: 'worker',
        message: `The worker that reads annotation files failed: ${message ?? 'it could not be loaded'}.`,
      });
    });
  }

  /**
   * @template {Request} R
   * @param {R extends any ? Omit<R, 'id'> : never} request
   * @returns {Promise<unknown>}
   */
  ask(request) {
    return new Promise((resolve, reject) => {
      if (this.#ended) {
        reject(new AnnotationsError(this.#ended));
        return;
      }
      this.#last += 1;
      this.#waiting.set(this.#last, { resolve, reject });
      this.#worker.postMessage({ ...request, id: this.#last });
    });
  }

  /**
   * Asks for something that has no answer.
   * @param {{ verb: 'enough' }} request
   */
  tell(request) {
    if (!this.#ended) this.#worker.postMessage({ ...request, id: 0 });
  }

  close() {
    this.#end({ code: 'closed', message: 'The annotation file was closed.' });
  }

  /** @param {Failure} failure */
  #end(failure) {
    this.#ended ??= failure;
    this.#worker.terminate();
    for (const { reject } of this.#waiting.values()) reject(new AnnotationsError(failure));
    this.#waiting.clear();
  }
}
