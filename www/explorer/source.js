/** @file An open source of annotations: calls of its worker, which holds it and ends with it. */

import { codeOf, MasklinkError, messageOf } from '../worker/errors.js';
import { isGzip, unpacking } from '../worker/gzip.js';
import { WorkerClient } from '../worker/rpc.js';

/** @import { EntityHit, Filter, Item, OpeningProgress, Overview } from './types' */
/** @import { PublishedRecord, RawItem, Selection } from './types' */

/** Maximum length of an unpacked file: the browser keeps all of it. */
const MAX_UNPACKED = 8 * 1024 ** 3;

/** An open source; its memory is the worker's, and freed by `close`. */
export class Source {
  #worker;
  /** Called when the overview's `cannot` has changed. */
  onLimit = () => {};

  /**
   * @param {WorkerClient} worker
   * @param {Overview} overview
   * @param {string | null} address Absolute; null for a file of this computer.
   */
  constructor(worker, overview, address) {
    this.#worker = worker;
    this.overview = overview;
    this.address = address;
  }

  /**
   * Opens a file of this computer, or an address.
   * @param {Blob | string} from
   * @param {{ onProgress?: (progress: OpeningProgress) => void, signal?: AbortSignal }} [options] An
   *   aborted signal ends the worker at once.
   */
  static async open(from, { onProgress, signal } = {}) {
    const worker = new WorkerClient(start);
    const cancel = () => worker.end(cancelled());
    signal?.addEventListener('abort', cancel);
    try {
      if (signal?.aborted) throw cancelled();
      const source =
        typeof from === 'string'
          ? new URL(from, document.baseURI).href
          : await unpacked(from, { onProgress, signal });
      let { overview, isKept } = await worker.call('open', { source }, { onProgress });
      if (isKept) {
        // Another worker opens the kept catalog: the memory of a scan would never shrink.
        worker.end(cancelled());
        ({ overview } = await worker.call('open', { source }, { onProgress }));
      }
      refuseEmpty(overview);
      return new Source(worker, overview, typeof source === 'string' ? source : null);
    } catch (thrown) {
      worker.end(cancelled());
      if (codeOf(thrown, '') === 'not-annotations')
        throw notAnnotations(nameOfSource(from), messageOf(thrown));
      throw thrown;
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
  }

  /**
   * Finds entities by name, also with typing errors, or by QID; an empty text lists by count.
   * @param {string} text
   * @param {number} count
   * @returns {Promise<EntityHit[]>}
   */
  entities(text, count) {
    return this.#call('entities', { text, count });
  }

  /** Selects what `page` returns. @param {Filter} filter @returns {Promise<Selection>} */
  select(filter) {
    return this.#call('select', filter);
  }

  /** Returns items of the selection. @param {number} start @param {number} count */
  async page(start, count) {
    return this.#itemsOf(await this.#call('page', { start, count }));
  }

  /**
   * Returns the position of a row in the selection; null if it is not selected.
   * @param {number} row
   * @returns {Promise<number | null>}
   */
  position(row) {
    return this.#call('position', { row });
  }

  /** Finds an annotation by its id, or the first of an image by the image's. @param {string} id */
  async find(id) {
    return this.#itemsOf(await this.#call('find', { id }));
  }

  /** Returns all items of an image. @param {string} imageId */
  async imageItems(imageId) {
    return this.#itemsOf(await this.#call('imageItems', { imageId }));
  }

  /** Returns items of other images that look alike, most alike first. @param {number} row */
  async similar(row) {
    return this.#itemsOf(await this.#call('similar', { row }));
  }

  /** Returns a record as it was published. @param {number} row @returns {Promise<PublishedRecord>} */
  record(row) {
    return this.#call('record', { row });
  }

  /** Frees the source; pending and later calls reject. */
  close() {
    this.#worker.end(new MasklinkError('closed', 'The annotations were closed.'));
  }

  /**
   * Gives each item of a page its boundaries, and notes what the source turned out to be unable to do.
   * @param {{ items: RawItem[], boundaries: Uint32Array, cannot: Overview['cannot'] }} page
   * @returns {Item[]}
   */
  #itemsOf({ items, boundaries, cannot }) {
    if (cannot.length !== this.overview.cannot.length) {
      this.overview.cannot = cannot;
      this.onLimit();
    }
    return items.map((item) => ({ ...item, boundaries: boundaries.subarray(...item.boundaries) }));
  }

  /** @param {string} method @param {unknown} argument */
  async #call(method, argument) {
    // The worker held the source: a new one would have none.
    if (!this.#worker.running)
      throw new MasklinkError('closed', 'The annotations are closed. Open them again.');
    return await this.#worker.call(method, argument);
  }
}

/** Starts the worker of a source. */
function start() {
  return new Worker(new URL('../worker/explorer.js', import.meta.url), {
    type: 'module',
    name: 'explorer',
  });
}

/**
 * Returns a file whose parts can be read: a gzip file is unpacked into a new one.
 * @param {Blob} file
 * @param {{ onProgress: ((progress: OpeningProgress) => void) | undefined,
 *   signal: AbortSignal | undefined }} options
 */
async function unpacked(file, { onProgress, signal }) {
  if (!(await isGzip(file))) return file;
  let length = 0;
  let reported = 0;
  const counting = new TransformStream({
    transform(/** @type {Uint8Array} */ piece, controller) {
      length += piece.length;
      if (length > MAX_UNPACKED)
        throw new MasklinkError('too-large', 'The unpacked file is too large. Unpack it yourself.');
      if (length - reported > 1e7) {
        reported = length;
        onProgress?.({ bytes: length, total: 0, annotations: 0, phase: 'unpacking' });
      }
      controller.enqueue(piece);
    },
  });
  try {
    const stream = unpacking(file).pipeThrough(counting, signal ? { signal } : {});
    const blob = await new Response(stream).blob();
    const name = file instanceof File ? file.name.replace(/\.gz$/i, '') : '';
    const lastModified = file instanceof File ? file.lastModified : 0;
    return new File([blob], name, { lastModified });
  } catch (cause) {
    if (signal?.aborted) throw cancelled();
    if (cause instanceof MasklinkError) throw cause;
    // Other failures are those of the disk or of memory.
    if (!(cause instanceof TypeError)) throw cause;
    throw new MasklinkError('gzip', `The gzip file is damaged: ${messageOf(cause)}.`, { cause });
  }
}

/** Returns the name of a file, or the address. @param {Blob | string} from */
function nameOfSource(from) {
  if (typeof from === 'string') return from;
  return from instanceof File ? from.name : 'The file';
}

/** Refuses something else than annotations, such as a web page. @param {Overview} overview */
function refuseEmpty({ annotations, problems }) {
  const [problem] = problems;
  if (annotations > 0 || !problem) return;
  throw new MasklinkError('not-annotations', problem.examples.join('; ') || problem.code);
}

/** @param {string} name @param {string} reason */
function notAnnotations(name, reason) {
  return new MasklinkError(
    'not-annotations',
    `${name} has no annotations: ${reason}. Choose a JSON file in the form of Mask-OVEN-Wiki or COCO.`,
  );
}

function cancelled() {
  return new MasklinkError('cancelled', 'Opening was cancelled.');
}
