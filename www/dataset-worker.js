/**
 * @file A worker that reads one annotation file as a stream, keeps it, and answers what the page asks of it.
 * `dataset-client.js` speaks with it.
 */

import init, { AnnotationReader } from './pkg/workers.js';

/**
 * @typedef {import('./dataset-client.js').Request} Request
 * @typedef {import('./pkg/workers.js').AnnotationFile} AnnotationFile
 */

/** How often the page is told how far reading has come, in milliseconds. */
const BETWEEN_PROGRESS = 100;

/** @type {AnnotationFile | undefined} */
let annotations;
/**
 * Where the bytes come from, while they come.
 * @type {ReadableStreamDefaultReader<Uint8Array> | undefined}
 */
let reading;
/** Whether the page has asked to end reading with what is there. */
let enough = false;

addEventListener('message', async (/** @type {MessageEvent<Request>} */ { data: request }) => {
  if (request.verb === 'enough') {
    enough = true;
    await reading?.cancel();
    return;
  }
  try {
    const { answer, transfer } = await answerTo(request);
    postMessage({ id: request.id, answer }, { transfer });
  } catch (thrown) {
    postMessage({ id: request.id, error: failureOf(thrown) });
  }
});

/**
 * @param {Exclude<Request, { verb: 'enough' }>} request
 * @returns {Promise<{ answer: unknown, transfer?: Transferable[] }>}
 */
async function answerTo(request) {
  switch (request.verb) {
    case 'open':
      annotations = await read(request.source, request.id);
      return { answer: JSON.parse(annotations.overview()) };
    case 'categories':
      return { answer: JSON.parse(opened().categories(request.text, request.most)) };
    case 'select': {
      const [images, selected] = opened().select(JSON.stringify(request.query));
      return { answer: { images, annotations: selected } };
    }
    case 'place':
      return { answer: opened().placeOf(request.image) ?? null };
    case 'page':
      return pageOf(opened().page(request.start, request.count));
    case 'image':
      return pageOf(opened().imageAt(request.address));
  }
}

/** @param {import('./pkg/workers.js').AnnotationPage} page It is freed. */
function pageOf(page) {
  const boundaries = page.boundaries();
  const answer = { images: JSON.parse(page.images()), boundaries };
  page.free();
  return { answer, transfer: [boundaries.buffer] };
}

function opened() {
  if (!annotations) throw new DOMException('no annotation file is open', 'InvalidStateError');
  return annotations;
}

/**
 * Reads a file to its end, or to where the page has enough.
 * @param {Blob | string} source
 * @param {number} id Of the request, to send progress under.
 */
async function read(source, id) {
  await init();
  const { stream, total } = await streamOf(source);
  const reader = (reading = stream.getReader());
  const parser = new AnnotationReader();
  let told = 0;
  for (;;) {
    const { done, value } = await reader.read().catch((cause) => {
      const [bytes] = parser.progress();
      parser.free();
      throw Object.assign(
        new Error(`The file broke off after ${bytes} bytes: ${cause}`, { cause }),
        { code: 'broken-off' },
      );
    });
    if (done || enough || !parser.push(value)) break;
    if (performance.now() - told > BETWEEN_PROGRESS) {
      const [bytes, images, categories, records] = parser.progress();
      postMessage({ id, progress: { bytes, total, images, categories, annotations: records } });
      // Chunks that are there already come without a turn of the event loop, and `enough` could not arrive.
      await new Promise((resolve) => setTimeout(resolve));
      told = performance.now();
    }
  }
  // Tells the source that no more is read; after its end that does nothing.
  await reader.cancel();
  return parser.finish();
}

/**
 * @param {Blob | string} source
 * @returns {Promise<{ stream: ReadableStream<Uint8Array>, total: number | null }>}
 */
async function streamOf(source) {
  if (typeof source !== 'string') return { stream: source.stream(), total: source.size };
  const response = await fetch(source).catch((cause) => {
    const words = `${source} could not be fetched; check the address and that its server allows other pages (CORS).`;
    throw Object.assign(new Error(words, { cause }), { code: 'unreachable' });
  });
  if (!response.ok || !response.body) {
    const words =
      `${source} could not be loaded: the server answered ${response.status} ${response.statusText}`.trimEnd();
    throw Object.assign(new Error(words), { code: 'http' });
  }
  // The length of an encoded answer is not that of what it decodes to.
  const length = response.headers.get('content-encoding')
    ? null
    : response.headers.get('content-length');
  return { stream: response.body, total: length === null ? null : Number(length) };
}

/**
 * @param {unknown} thrown
 * @returns {import('./dataset-client.js').Failure}
 */
function failureOf(thrown) {
  if (thrown instanceof WebAssembly.RuntimeError) {
    return {
      code: 'crash',
      message: `The file could not be read, most likely for want of memory (${thrown.message}).`,
    };
  }
  if (thrown instanceof Error || thrown instanceof DOMException) {
    const own = /** @type {{ code?: unknown }} */ (thrown).code;
    return { code: typeof own === 'string' ? own : thrown.name, message: thrown.message };
  }
  return { code: 'unknown', message: String(thrown) };
}
