/** @file Reads an annotation file as a stream and keeps it for the calls that follow. */

import init, { AnnotationReader } from '../pkg/workers.js';
import { MasklinkError } from './errors.js';
import { isGzip, unpacking } from './gzip.js';

/** @typedef {import('../pkg/workers.js').AnnotationFile} AnnotationFile */
/** @typedef {import('../pkg/workers.js').AnnotationPage} AnnotationPage */

/** Milliseconds between two reports of progress. */
const BETWEEN_PROGRESS = 100;

/** @type {AnnotationFile | undefined} */
let file;

/** Returns the open annotation file's queries. */
export function opened() {
  const annotations = file;
  if (!annotations) throw new MasklinkError('not-open', 'No annotation file is open.');
  return {
    /** @param {string} text @param {number} count */
    categories: (text, count) => JSON.parse(annotations.categories(text, count)),
    /** @param {object} query */
    select: (query) => {
      const [images, selected] = annotations.select(JSON.stringify(query));
      return { images, annotations: selected };
    },
    /** @param {string} key */
    place: (key) => annotations.placeOf(key) ?? null,
    /** @param {number} start @param {number} count */
    page: (start, count) => contentOf(annotations.page(start, count)),
    /**
     * @param {{ key: string, width: number, height: number, orientation: number, isTurned: boolean }} image
     */
    opened: ({ key, width, height, orientation, isTurned }) =>
      contentOf(annotations.imageOpened(key, width, height, orientation, isTurned)),
    /** @param {string[]} paths */
    countFound: (paths) => annotations.countFound(paths),
    /** @param {string} address */
    image: (address) => contentOf(annotations.imageAt(address)),
  };
}

/** @param {AnnotationPage} page It is freed. */
function contentOf(page) {
  const content = { images: JSON.parse(page.images()), boundaries: page.boundaries() };
  page.free();
  return /** @type {{ images: any, boundaries: Uint32Array<ArrayBuffer> }} */ (content);
}

/**
 * Reads a file to its end, or to where the call is cancelled, and keeps what was read.
 * @param {Blob | string} source
 * @param {import('./rpc.js').Call} call
 */
export async function openAnnotations(source, { signal, progress }) {
  await init();
  const { stream, total } = await streamOf(source);
  const reader = stream.getReader();
  signal.addEventListener('abort', () => reader.cancel());
  const parser = new AnnotationReader();
  let reported = 0;
  for (;;) {
    const { done, value } = await reader.read().catch((cause) => {
      const [bytes] = parser.progress();
      parser.free();
      throw new MasklinkError(
        'broken-off',
        `Reading the file stopped after ${bytes} bytes: ${cause}`,
        {
          cause,
        },
      );
    });
    if (done || signal.aborted || !parser.push(value)) break;
    if (performance.now() - reported > BETWEEN_PROGRESS) {
      const [bytes, images, categories, annotations] = parser.progress();
      progress({ bytes, total, images, categories, annotations });
      // Chunks that are there already come without a turn of the event loop, and no cancel could arrive.
      await new Promise((resolve) => setTimeout(resolve));
      reported = performance.now();
    }
  }
  // Tells the source that no more is read; after its end that does nothing.
  await reader.cancel();
  file = parser.finish();
  return { result: JSON.parse(file.overview()) };
}

/**
 * @param {Blob | string} source
 * @returns {Promise<{ stream: ReadableStream<Uint8Array>, total: number | null }>}
 */
async function streamOf(source) {
  if (typeof source !== 'string') {
    if (!(await isGzip(source))) return { stream: source.stream(), total: source.size };
    return { stream: unpacking(source), total: null };
  }
  const response = await fetch(source).catch((cause) => {
    const advice = 'Check the address, and that its server allows other pages (CORS).';
    throw new MasklinkError('unreachable', `${source} could not be fetched. ${advice}`, { cause });
  });
  if (!response.ok || !response.body) {
    const status = `${response.status} ${response.statusText}`.trimEnd();
    throw new MasklinkError('http', `${source} could not be loaded: the server returned ${status}`);
  }
  // The length of an encoded body is not that of what it decodes to.
  const length = response.headers.get('content-encoding')
    ? null
    : response.headers.get('content-length');
  return { stream: response.body, total: length === null ? null : Number(length) };
}
