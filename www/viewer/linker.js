/**
 * @file Puts the viewer's masks to the linking endpoint, as the client's rules say, or to the
 * page's own index.
 */

import { LinkClient } from '../pkg/viewer.js';
import { ViewerError, failureOf } from './errors.js';

/** The most bytes of an answer that are read; an entity takes about one kilobyte. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/**
 * @typedef {object} LinkerHost
 * @property {(event: Record<string, unknown> & { type: string }) => void} send
 * @property {() => string | null} token
 * @property {() => import('./image.js').OpenImage | undefined} image
 * @property {() => import('./segmenter.js').Segmenter | undefined} segmenter Links in the page: its
 *   worker holds the encoder.
 * @property {() => string | null} model The model's id, or null for the default.
 * @property {() => void} changed The status has changed.
 */

/**
 * @typedef {{ type: 'fetch', fetch: number, method: string, url: string, headers: [string, string][],
 *     body: { kind: 'text', text: string } | { kind: 'image', sha256: string } }
 *   | { type: 'abort', fetch: number } | { type: 'wait', timer: number, ms: number }
 *   | { type: 'answer', ticket: number, response: import('./types.js').LinkAnswer }
 *   | { type: 'fail', ticket: number, code: string, message: string }} Action
 */

export class Linker {
  #host;
  /** @type {LinkClient | undefined} */
  #client;
  /** @type {Map<number, AbortController>} */
  #fetches = new Map();
  /** @type {Set<number>} */
  #timers = new Set();
  #asked = 0;
  /**
   * Who answered last, and how fast.
   * @type {{ endpoint: string | null, words: string, milliseconds: number, timing: any } |
   *   undefined}
   */
  status;
  #endpoint = '';

  /** @param {LinkerHost} host */
  constructor(host) {
    this.#host = host;
  }

  /** @param {{ ticket: number, mask: import('./types.js').MaskJson, endpoint: string }} effect */
  link({ ticket, mask, endpoint }) {
    const image = this.#host.image();
    if (!image) {
      const failure = {
        code: 'image-missing',
        message: 'The image itself is not here, so nothing can be asked about it.',
      };
      this.#host.send({ type: 'linkFailed', ticket, failure });
      return;
    }
    this.#asked = performance.now();
    this.#endpoint = endpoint;
    this.#handle({
      type: 'ask',
      ticket,
      endpoint,
      token: this.#host.token(),
      image: image.sha256,
      mask,
    });
  }

  /** @param {{ ticket: number, mask: import('./types.js').MaskJson }} effect */
  async linkInPage({ ticket, mask }) {
    this.#asked = performance.now();
    try {
      const segmenter = this.#host.segmenter();
      if (!this.#host.image() || !segmenter)
        throw new ViewerError(
          'image-missing',
          'The image itself is not here, so nothing can be said about it.',
        );
      const answer = await segmenter.link(mask, this.#host.model());
      this.#answer(ticket, answer, 'In this page', null);
    } catch (thrown) {
      this.#host.send({ type: 'linkFailed', ticket, failure: failureOf(thrown, 'link') });
    }
  }

  /** @param {number} ticket */
  cancel(ticket) {
    this.#handle({ type: 'cancel', ticket });
    this.#host.segmenter()?.cancelLink();
  }

  /** Aborts what is under way. */
  free() {
    for (const controller of this.#fetches.values()) controller.abort();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#fetches.clear();
    this.#timers.clear();
    this.#client?.free();
    this.#client = undefined;
  }

  /** @param {Record<string, unknown> & { type: string }} event */
  #handle(event) {
    const client = (this.#client ??= new LinkClient());
    for (const action of /** @type {Action[]} */ (JSON.parse(client.handle(JSON.stringify(event)))))
      this.#perform(action);
  }

  /** @param {Action} action */
  #perform(action) {
    switch (action.type) {
      case 'fetch':
        return void this.#fetch(action);
      case 'abort':
        return this.#fetches.get(action.fetch)?.abort();
      case 'wait':
        return this.#wait(action.timer, action.ms);
      case 'answer':
        return this.#answer(action.ticket, action.response, hostOf(this.#endpoint), this.#endpoint);
      case 'fail':
        return this.#host.send({
          type: 'linkFailed',
          ticket: action.ticket,
          failure: { code: action.code, message: action.message },
        });
      default:
    }
  }

  /** @param {Extract<Action, { type: 'fetch' }>} action */
  async #fetch({ fetch: number, method, url, headers, body }) {
    const controller = new AbortController();
    this.#fetches.set(number, controller);
    try {
      // What a listener takes back at once is not sent.
      await Promise.resolve();
      const content = body.kind === 'text' ? body.text : (this.#host.image()?.blob ?? null);
      const response = await fetch(url, {
        method,
        headers,
        body: content,
        signal: controller.signal,
        credentials: 'omit',
        referrerPolicy: 'no-referrer',
      });
      const retryAfter = response.headers.get('retry-after');
      const text = await readText(response);
      if (!controller.signal.aborted)
        this.#handle({
          type: 'responded',
          fetch: number,
          status: response.status,
          retryAfter,
          body: text,
        });
    } catch (thrown) {
      if (controller.signal.aborted) return;
      const { message } = failureOf(thrown, 'unreachable');
      this.#handle({
        type: 'broke',
        fetch: number,
        reason: `The endpoint ${hostOf(url)} does not answer (${message}).`,
      });
    } finally {
      this.#fetches.delete(number);
    }
  }

  /**
   * @param {number} timer
   * @param {number} ms
   */
  #wait(timer, ms) {
    const id = window.setTimeout(() => {
      this.#timers.delete(id);
      this.#handle({ type: 'elapsed', timer });
    }, ms);
    this.#timers.add(id);
  }

  /**
   * @param {number} ticket
   * @param {import('./types.js').LinkAnswer} answer
   * @param {string} who
   * @param {string | null} endpoint
   */
  #answer(ticket, answer, who, endpoint) {
    const milliseconds = performance.now() - this.#asked;
    const own = answer.timing_ms?.total;
    const words = `${who}: ${Math.round(milliseconds)} ms${typeof own === 'number' ? `, ${own.toFixed(0)} ms of them its own` : ''}`;
    this.status = { endpoint, words, milliseconds, timing: answer.timing_ms };
    this.#host.send({ type: 'linked', ticket, answer });
    this.#host.changed();
  }
}

/**
 * The body as text, unless it is larger than any answer.
 * @param {Response} response
 */
async function readText(response) {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
    if (done) return text;
    text += value;
    if (text.length > MAX_ANSWER_BYTES) {
      await reader?.cancel();
      throw new Error('its answer is too large');
    }
  }
}

/** @param {string} address */
function hostOf(address) {
  return URL.canParse(address, document.baseURI)
    ? new URL(address, document.baseURI).host
    : address;
}
