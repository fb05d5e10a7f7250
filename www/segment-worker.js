/**
 * @file The segmentation worker: loads a model when asked, keeps one picture encoded, answers clicks with masks.
 *
 * It does one thing at a time in the order asked; only a cancel overtakes. What it says is in `segment/messages.js`.
 */

import init from './pkg/workers.js';
import { Engine } from './segment/engine.js';
import { SegmentError, codeOf, messageOf } from './segment/messages.js';

/** @typedef {import('./segment/messages.js').Request} Request */
/** @typedef {import('./segment/messages.js').Reply} Reply */

/** @type {Engine | undefined} */
let engine;
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
  last = last.then(() => serve(request, controller.signal));
  last.catch((thrown) => self.reportError(thrown));
});
say({ type: 'ready' });

/**
 * @param {Exclude<Request, { type: 'cancel' }>} request
 * @param {AbortSignal} signal
 */
async function serve(request, signal) {
  const { ticket } = request;
  try {
    if (signal.aborted) throw new SegmentError('cancelled', 'The question was taken back.');
    say({ type: 'done', ticket, result: await answer(request, signal) });
  } catch (thrown) {
    // A module that trapped is in no state to go on: die, and be started anew.
    if (thrown instanceof WebAssembly.RuntimeError) throw thrown;
    say({ type: 'failed', ticket, code: codeOf(thrown, 'worker'), message: messageOf(thrown) });
  } finally {
    open.delete(ticket);
  }
}

/**
 * @param {Exclude<Request, { type: 'cancel' }>} request
 * @param {AbortSignal} signal
 */
async function answer(request, signal) {
  switch (request.type) {
    case 'open': {
      await init();
      engine = await Engine.open(request.options, {
        signal,
        progress: (progress) => say({ type: 'progress', progress }),
        status: (status) => say({ type: 'status', status }),
      });
      return engine.status;
    }
    case 'encode':
      return await opened().encode(request.ticket, pixelsOf(request.picture));
    case 'click':
      return await opened().click(request.ticket, request.question);
  }
}

function opened() {
  if (!engine) throw new SegmentError('model-missing', 'The model is not loaded; open it first.');
  return engine;
}

/** @param {ImageBitmap | ImageData} picture */
function pixelsOf(picture) {
  if (picture instanceof ImageData) return picture;
  const { width, height } = picture;
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  if (!context) throw new SegmentError('picture-unreadable', 'The picture could not be read: the browser gave no canvas for it.');
  context.drawImage(picture, 0, 0);
  picture.close();
  return context.getImageData(0, 0, width, height);
}

/** @param {Reply} reply */
function say(reply) {
  self.postMessage(reply);
}
