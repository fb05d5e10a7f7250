/**
 * @file The worker that owns ONNX Runtime: answers clicks with masks and, where no endpoint does,
 *   masks with entities.
 *
 * It computes one thing at a time in the order asked; only a cancel overtakes, and downloading an
 * index keeps no click waiting. What it says is in `segment/messages.js`.
 */

import init from './pkg/workers.js';
import { Engine } from './segment/engine.js';
import { Linking } from './segment/linking.js';
import { SegmentError, cancelled, codeOf, messageOf } from './segment/messages.js';
import { Runtime } from './segment/runtime.js';

/** @typedef {import('./segment/messages.js').Request} Request */
/** @typedef {import('./segment/messages.js').Reply} Reply */
/** @typedef {import('./segment/linking.js').ImageSource & { free: () => void }} ImageSource */

/** @type {Engine | undefined} */
let engine;
/** @type {Promise<Runtime> | undefined} */
let runtime;
/** The index asked last. @type {{ address: string, opening: Promise<Linking> } | undefined} */
let index;
/** The image given last. @type {ImageSource | undefined} */
let image;
/** @type {Map<number, AbortController>} What is waiting or under way, by ticket. */
const open = new Map();
/** @type {Promise<void>} */
let last = Promise.resolve();

self.addEventListener('message', (/** @type {MessageEvent<Request>} */ { data: request }) => {
  if (request.type === 'cancel') {
    open.get(request.ticket)?.abort();
    return;
  }
  const controller = new AbortController();
  open.set(request.ticket, controller);
  if ('image' in request && request.image) useImage(request.image);
  const asked = {
    request,
    image,
    index: request.type === 'link' ? openIndex(request.index) : undefined,
  };
  const queue = () => {
    last = last.then(() => serve(asked, controller.signal));
    last.catch((thrown) => self.reportError(thrown));
  };
  if (asked.index) asked.index.then(queue, queue);
  else queue();
});

/**
 * A question with what it is about, which later ones may change.
 * @typedef {object} Asked
 * @property {Exclude<Request, { type: 'cancel' }>} request
 * @property {ImageSource | undefined} image
 * @property {Promise<Linking> | undefined} index
 */

/**
 * @param {Asked} asked
 * @param {AbortSignal} signal
 */
async function serve(asked, signal) {
  const { ticket } = asked.request;
  try {
    if (signal.aborted) throw cancelled();
    say({ type: 'done', ticket, result: await answer(asked, signal) });
  } catch (thrown) {
    // A module that trapped is in no state to go on: die, and be started anew.
    if (thrown instanceof WebAssembly.RuntimeError) throw thrown;
    say({ type: 'failed', ticket, code: codeOf(thrown, 'worker'), message: messageOf(thrown) });
  } finally {
    open.delete(ticket);
  }
}

/**
 * @param {Asked} asked
 * @param {AbortSignal} signal
 */
async function answer({ request, image: about, index: opening }, signal) {
  switch (request.type) {
    case 'open': {
      await init();
      engine = await Engine.open(request.options, {
        signal,
        runtime: () => runtimeFor(request.options),
        progress,
        status: (status) => say({ type: 'status', status }),
      });
      return engine.status;
    }
    case 'encode': {
      const { width, height, read } = given(about);
      return await opened().encode(request.ticket, read(0, 0, width, height));
    }
    case 'click':
      return await opened().click(
        request.ticket,
        request.question,
        given(about),
        (result) => say({ type: 'provisional', ticket: request.ticket, result }),
        signal,
      );
    case 'link': {
      const linking = await /** @type {Promise<Linking>} */ (opening);
      return await linking.answer(await runtimeFor(request.options), given(about), request.mask);
    }
  }
}

function opened() {
  if (!engine) throw new SegmentError('model-missing', 'The model is not loaded; open it first.');
  return engine;
}

/** @param {ImageSource | undefined} about */
function given(about) {
  if (!about) throw new SegmentError('image-missing', 'There is no image yet.');
  return about;
}

/**
 * ONNX Runtime, which clicks and links share.
 * @param {import('./segment/messages.js').OpenOptions} options
 */
function runtimeFor(options) {
  if (!runtime) {
    progress({ part: 'runtime', loaded: 0, total: 0 });
    runtime = Runtime.load(options);
    runtime.catch(() => {
      runtime = undefined;
    });
  }
  return runtime;
}

/** @param {string} address */
function openIndex(address) {
  if (index?.address !== address) {
    const opening = init().then(() => Linking.open(address, progress));
    index = { address, opening };
    // Ask again the next time; who asked this time is told by the question's own answer.
    opening.catch(() => {
      index = undefined;
    });
  }
  return index.opening;
}

/** @param {ImageBitmap | ImageData} source */
function useImage(source) {
  image?.free();
  let freed = false;
  image = {
    width: source.width,
    height: source.height,
    read(x, y, width, height) {
      if (freed) throw new SegmentError('superseded', 'Another image took its place.');
      const context = new OffscreenCanvas(Math.max(width, 1), Math.max(height, 1)).getContext(
        '2d',
        { willReadFrequently: true },
      );
      if (!context)
        throw new SegmentError(
          'image-unreadable',
          'The image could not be read: the browser gave no canvas for it.',
        );
      if (source instanceof ImageData) context.putImageData(source, -x, -y);
      else context.drawImage(source, -x, -y);
      return context.getImageData(0, 0, width, height);
    },
    free() {
      freed = true;
      if (!(source instanceof ImageData)) source.close();
    },
  };
}

/** @param {import('./segment/messages.js').Progress} what */
function progress(what) {
  say({ type: 'progress', progress: what });
}

/** @param {Reply} reply */
function say(reply) {
  self.postMessage(reply);
}
