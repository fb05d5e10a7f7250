/**
 * @file The page's side of the worker: one image, questions with the newest first, and its events.
 */

import { SegmentError, cancelled } from './segment/messages.js';

/** @typedef {import('./segment/messages.js').Answer} Answer */
/** @typedef {import('./segment/messages.js').Encoded} Encoded */
/** @typedef {import('./segment/messages.js').LinkAnswer} LinkAnswer */
/** @typedef {import('./segment/messages.js').MaskJson} MaskJson */
/** @typedef {import('./segment/messages.js').ModelStatus} ModelStatus */
/** @typedef {import('./segment/messages.js').OpenOptions} OpenOptions */
/** @typedef {import('./segment/messages.js').Question} Question */
/** @typedef {import('./segment/messages.js').Reply} Reply */
/** @typedef {import('./segment/messages.js').Request} Request */

/**
 * @typedef {object} Waiting
 * @property {(result: any) => void} resolve
 * @property {(error: SegmentError) => void} reject
 * @property {(answer: Answer) => void} [provisional]
 */

/**
 * Segments an image by clicks, in a worker that is started by the first call that needs it.
 *
 * ```js
 * const segmenter = new SegmentClient({ manifest: new URL('models/models.json', document.baseURI).href });
 * segmenter.addEventListener('progress', ({ detail }) => show(detail.part, detail.loaded / detail.total));
 * segmenter.useImage(imageBitmap);
 * const { candidates, best } = await segmenter.click({ points: [[120, 80, 1]] });
 * ```
 *
 * Events, all with a `detail`: `progress` ({@link import('./segment/messages.js').Progress}) while
 * something is loaded; `status` ({@link ModelStatus}) when it is known who computes, and when that
 * changes; `timings` (`{ encode: number, run: number }` or `{ decode: number, run: number }`, in
 * milliseconds) after each run; `crash` (`{ message: string }`) when the worker died: the next call
 * starts another, which encodes the image again.
 *
 * A promise that is rejected holds a {@link SegmentError} with a stable `code`: `superseded` when a
 * newer question or image took its place, `cancelled`, or what went wrong.
 */
export class SegmentClient extends EventTarget {
  /** @type {OpenOptions} */
  #options;
  /** @type {Worker | undefined} */
  #worker;
  /** @type {Map<number, Waiting>} */
  #waiting = new Map();
  #tickets = 0;
  /** @type {Promise<ModelStatus> | undefined} */
  #opening;
  /**
   * `given` once the worker has it.
   * @type {{ source: ImageBitmap | ImageData, given?: boolean, encoding?: Promise<Encoded> } |
   *   undefined}
   */
  #image;
  /** @type {number | undefined} The worker's ticket of the link that has no answer yet. */
  #linking;
  /** @type {{ waiting: Waiting } | undefined} The newest question that has no answer yet. */
  #question;
  /** @type {Promise<void>} Ends when the worker has answered what it was asked last. */
  #turn = Promise.resolve();
  /** @type {ModelStatus | undefined} */
  status;

  /** @param {OpenOptions} options */
  constructor(options) {
    super();
    this.#options = options;
  }

  /** Loads the model now, not with the first click. @returns {Promise<ModelStatus>} */
  open() {
    this.#opening ??= this.#post((ticket) => ({
      type: 'open',
      ticket,
      options: this.#options,
    })).then(
      (status) => this.#setStatus(status),
      (error) => {
        this.#opening = undefined;
        throw error;
      },
    );
    return this.#opening;
  }

  /**
   * Names the image that the next questions are about. It is encoded when {@link encode} or {@link
   * click} is called.
   * @param {ImageBitmap | ImageData} source Stays the caller's, and open as long as it is the image.
   */
  useImage(source) {
    this.#supersede();
    this.#image = { source };
  }

  /** Drops the image and what is asked about it. */
  forgetImage() {
    this.#supersede();
    this.#image = undefined;
  }

  /**
   * Encodes the image now, so that the first click need not wait for it.
   * @param {ImageBitmap | ImageData} [source] Becomes the image.
   * @returns {Promise<Encoded>}
   */
  encode(source) {
    if (source) this.useImage(source);
    const image = this.#image;
    if (!image)
      return Promise.reject(new SegmentError('image-missing', 'There is no image to segment yet.'));
    image.encoding ??= this.#encode(image).catch((error) => {
      image.encoding = undefined;
      throw error;
    });
    return image.encoding;
  }

  /**
   * The masks of a question. A question asked before that has no answer yet is superseded.
   * @param {Question} question
   * @param {(answer: Answer) => void} [onProvisional] Told the first answer where the model goes on
   *   to look closer; the promise's corrects it.
   * @returns {Promise<Answer>}
   */
  click(question, onProvisional = () => {}) {
    this.#supersede();
    return new Promise((resolve, reject) => {
      const asked = (this.#question = { waiting: { resolve, reject } });
      this.#answer(asked, question, onProvisional).then(resolve, reject);
    });
  }

  /**
   * The entities that a mask of the image may show, by an index of static files. A link asked for
   * before that has no answer yet is taken back.
   * @param {string} index The address of the index's header.
   * @param {MaskJson} mask
   * @returns {Promise<LinkAnswer>}
   */
  async link(index, mask) {
    this.cancelLink();
    const image = this.#image;
    if (!image) throw new SegmentError('image-missing', 'There is no image to link in yet.');
    const asked = this.#post((ticket) => {
      this.#linking = ticket;
      return { type: 'link', ticket, options: this.#options, index, mask, ...give(image) };
    });
    const ticket = this.#linking;
    try {
      return await asked;
    } finally {
      if (this.#linking === ticket) this.#linking = undefined;
    }
  }

  /** Takes back the link that has no answer yet. */
  cancelLink() {
    if (this.#linking !== undefined)
      this.#worker?.postMessage(/** @type {Request} */ ({ type: 'cancel', ticket: this.#linking }));
    this.#linking = undefined;
  }

  /** Takes back the question, and any download under way; what has arrived of it is kept. */
  cancel() {
    this.#question?.waiting.reject(cancelled());
    this.#question = undefined;
    for (const ticket of this.#waiting.keys())
      if (ticket !== this.#linking)
        this.#worker?.postMessage(/** @type {Request} */ ({ type: 'cancel', ticket }));
  }

  /** Ends the worker and frees what it holds. The client can be used again. */
  free() {
    this.#end(new SegmentError('cancelled', 'The segmentation was ended.'));
    this.#image = undefined;
  }

  /**
   * @param {{ waiting: Waiting }} asked
   * @param {Question} question
   * @param {(answer: Answer) => void} onProvisional
   * @returns {Promise<Answer>}
   */
  async #answer(asked, question, onProvisional) {
    // One question at a time: while a graph runs, only the newest of those that come in goes on.
    for (;;) {
      await this.encode();
      if (this.#question !== asked) throw superseded();
      const turn = this.#turn;
      await turn;
      if (this.#question !== asked) throw superseded();
      if (this.#turn === turn && this.#image?.encoding) break;
    }
    const told = (/** @type {Answer} */ first) => {
      if (this.#question !== asked) return;
      this.dispatchEvent(new CustomEvent('timings', { detail: first.ms }));
      onProvisional(first);
    };
    const answering = this.#post((ticket) => ({ type: 'click', ticket, question }), told);
    this.#turn = answering.then(
      () => undefined,
      () => undefined,
    );
    const answer = await answering;
    if (this.#question !== asked) throw superseded();
    this.#question = undefined;
    this.dispatchEvent(new CustomEvent('timings', { detail: answer.ms }));
    return answer;
  }

  /**
   * @param {{ source: ImageBitmap | ImageData, given?: boolean }} image
   * @returns {Promise<Encoded>}
   */
  async #encode(image) {
    await this.open();
    await this.#turn;
    if (this.#image !== image) throw superseded();
    const encoding = this.#post((ticket) => ({ type: 'encode', ticket, ...give(image) }));
    this.#turn = encoding.then(
      () => undefined,
      () => undefined,
    );
    const encoded = await encoding;
    if (this.#image !== image) throw superseded();
    this.dispatchEvent(new CustomEvent('timings', { detail: encoded.ms }));
    return encoded;
  }

  #supersede() {
    this.#question?.waiting.reject(superseded());
    this.#question = undefined;
  }

  /**
   * @param {(ticket: number) => Request} request
   * @param {(answer: Answer) => void} [provisional]
   * @returns {Promise<any>}
   */
  #post(request, provisional) {
    return new Promise((resolve, reject) => {
      const ticket = (this.#tickets += 1);
      this.#waiting.set(ticket, { resolve, reject, provisional });
      try {
        (this.#worker ??= this.#start()).postMessage(request(ticket));
      } catch (cause) {
        this.#waiting.delete(ticket);
        if (this.#image) this.#image.given = false;
        reject(
          new SegmentError(
            'image-unreadable',
            'The image cannot be given to the worker; it may have been closed.',
            { cause },
          ),
        );
      }
    });
  }

  #start() {
    const worker = new Worker(new URL('./segment-worker.js', import.meta.url), {
      type: 'module',
      name: 'segment',
    });
    worker.addEventListener('message', (/** @type {MessageEvent<Reply>} */ { data }) =>
      this.#hear(data),
    );
    worker.addEventListener('messageerror', () => this.#crash('an answer could not be read'));
    worker.addEventListener('error', (event) => {
      event.preventDefault();
      this.#crash(event.message || 'its script could not be loaded');
    });
    return worker;
  }

  /** @param {Reply} reply */
  #hear(reply) {
    switch (reply.type) {
      case 'progress':
        this.dispatchEvent(new CustomEvent('progress', { detail: reply.progress }));
        break;
      case 'status':
        this.#setStatus(reply.status);
        break;
      case 'provisional':
        this.#waiting.get(reply.ticket)?.provisional?.(reply.result);
        break;
      case 'done':
        this.#waiting.get(reply.ticket)?.resolve(reply.result);
        this.#waiting.delete(reply.ticket);
        break;
      case 'failed':
        this.#waiting.get(reply.ticket)?.reject(new SegmentError(reply.code, reply.message));
        this.#waiting.delete(reply.ticket);
        // A runtime that broke once stays broken; another worker may have the memory it lacked.
        if (reply.code === 'model-run') this.#crash(reply.message);
        break;
      default:
    }
  }

  /** @param {ModelStatus} status */
  #setStatus(status) {
    this.status = status;
    this.dispatchEvent(new CustomEvent('status', { detail: status }));
    return status;
  }

  /** @param {string} message */
  #crash(message) {
    this.#end(
      new SegmentError(
        'worker-crashed',
        `The segmentation worker stopped (${message}). Try again: it is started anew.`,
      ),
    );
    this.dispatchEvent(new CustomEvent('crash', { detail: { message } }));
  }

  /** @param {SegmentError} error */
  #end(error) {
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#opening = this.status = undefined;
    if (this.#image) this.#image = { source: this.#image.source };
    this.#question?.waiting.reject(error);
    this.#question = undefined;
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
  }
}

/**
 * The image, unless the worker has it.
 * @param {{ source: ImageBitmap | ImageData, given?: boolean }} image
 */
function give(image) {
  if (image.given) return {};
  image.given = true;
  return { image: image.source };
}

function superseded() {
  return new SegmentError('superseded', 'A newer question took its place.');
}
