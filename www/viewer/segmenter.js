/**
 * @file Puts the viewer's questions to the worker that segments and links, and its answers back as
 * events.
 */

import { SegmentClient } from '../segment-client.js';
import { failureOf } from './errors.js';

/** @typedef {import('./types.js').SegmentRequest} SegmentRequest */

/** Where the list of models is, relative to the page's scripts. */
const MANIFEST = new URL('../models/models.json', import.meta.url).href;
/** Where the index of pages without an endpoint is, relative to the page's scripts. */
const INDEX = new URL('../index/index.json', import.meta.url).href;
const PARTS = {
  runtime: 'Loading the runtime',
  encoder: 'Loading the model',
  decoder: 'Loading the model',
  index: 'Loading the index',
};
/** Earlier answers that may be refined. */
const MAX_REFINABLE = 16;

/**
 * @typedef {object} SegmenterHost
 * @property {(event: Record<string, unknown> & { type: string }) => void} send
 * @property {(words: string | null, size?: string, done?: number) => void} progress What is loaded,
 *   its size, and from 0 to 1 how much of it is there; null when nothing is loaded any more.
 * @property {() => void} changed The status has changed.
 */

export class Segmenter {
  #host;
  /** @type {SegmentClient | undefined} */
  #client;
  /** @type {string | null} */
  #model = null;
  /** @type {ImageBitmap | undefined} */
  #bitmap;
  /**
   * The image that is encoded, or being encoded, before a click.
   * @type {ImageBitmap | undefined}
   */
  #prepared;
  /** The worker's ticket of each answer, by the viewer's. @type {Map<number, number>} */
  #answers = new Map();
  /** @type {number | undefined} The question that has no answer yet. */
  #asked;
  #linking = 0;
  /** @type {{ encode?: number, decode?: number }} */
  #timings = {};

  /** @param {SegmenterHost} host */
  constructor(host) {
    this.#host = host;
  }

  /** What segments, and how long it took; undefined before the first click. */
  get status() {
    const status = this.#client?.status;
    if (!status) return undefined;
    const { encode, decode } = this.#timings;
    const times = [
      encode !== undefined && `image ${milliseconds(encode)}`,
      decode !== undefined && `click ${milliseconds(decode)}`,
    ].filter(Boolean);
    const provider =
      status.provider === 'webgpu'
        ? 'WebGPU'
        : `the CPU by WebAssembly${status.threads > 1 ? `, ${status.threads} threads` : ''}`;
    return {
      ...status,
      timings: this.#timings,
      words: `${status.title} on ${provider}${times.length > 0 ? `: ${times.join(', ')}` : ''}`,
    };
  }

  /** @param {import('./image.js').OpenImage} image */
  useImage({ bitmap }) {
    this.#bitmap = bitmap;
    this.#answers.clear();
    this.#timings = {};
    this.#client?.useImage(bitmap);
  }

  forgetImage() {
    this.#bitmap = undefined;
    this.#client?.forgetImage();
  }

  /**
   * @param {SegmentRequest} request
   * @param {string | null} model The model's id, or null for the default.
   */
  async segment({ ticket, points, box, refine }, model) {
    const client = this.#clientFor(model);
    this.#asked = ticket;
    const earlier = refine && this.#answers.get(refine[0]);
    try {
      const answered = (
        /** @type {import('../segment/messages.js').Answer} */ answer,
        provisional = false,
      ) => {
        this.#answers.set(ticket, answer.ticket);
        for (const old of [...this.#answers.keys()].slice(0, -MAX_REFINABLE))
          this.#answers.delete(old);
        this.#host.send({
          type: 'segmented',
          ticket,
          candidates: answer.candidates,
          best: answer.best,
          provisional,
        });
      };
      const question = {
        points,
        box,
        refine: /** @type {[number, number] | null} */ (
          earlier === null || earlier === undefined ? null : [earlier, refine?.[1] ?? 0]
        ),
      };
      answered(await client.click(question, (first) => answered(first, true)));
    } catch (thrown) {
      if (this.#asked === ticket)
        this.#host.send({ type: 'segmentFailed', ticket, failure: failureOf(thrown, 'segment') });
    } finally {
      if (this.#asked === ticket) this.#asked = undefined;
      // Also where the click was taken back: what was loading for it may have failed.
      this.#rest();
    }
  }

  /**
   * The entities a mask of the image may show, by the index published with the page.
   * @param {import('./types.js').MaskJson} mask
   * @param {string | null} model The model's id, or null for the default.
   * @returns {Promise<import('./types.js').LinkAnswer>}
   */
  async link(mask, model) {
    this.#linking += 1;
    try {
      // Any model's worker links alike, and another one would end what this one is asked.
      return await (this.#client ?? this.#clientFor(model)).link(INDEX, mask);
    } finally {
      this.#linking -= 1;
      this.#rest();
    }
  }

  /** Takes back the link that has no answer yet. */
  cancelLink() {
    this.#client?.cancelLink();
  }

  /**
   * Loads the model and encodes the image before the first click. What fails is told by that click.
   *
   * Another model than before waits until nothing is asked: what is asked keeps the model it was asked with.
   * @param {string | null} model
   */
  async prepare(model) {
    if (this.#client && this.#model !== model && (this.#asked !== undefined || this.#linking > 0))
      return;
    const client = this.#clientFor(model);
    if (this.#prepared === this.#bitmap) return;
    this.#prepared = this.#bitmap;
    try {
      await client.encode();
    } catch {
      // The click tells it, and tries again; a pointer that moves on must not.
    } finally {
      this.#rest();
    }
  }

  /** @param {number} ticket */
  cancel(ticket) {
    if (this.#asked !== ticket) return;
    this.#asked = undefined;
    // The download of the model goes on: the next click needs it as well.
    if (this.#client?.status) this.#client.cancel();
  }

  /** Ends the worker. */
  free() {
    this.#client?.free();
    this.#client = this.#prepared = undefined;
  }

  /** @param {string | null} model */
  #clientFor(model) {
    if (this.#client && this.#model === model) return this.#client;
    this.free();
    this.#model = model;
    this.#answers.clear();
    const client = (this.#client = new SegmentClient({
      manifest: MANIFEST,
      ...(model === null ? {} : { model }),
    }));
    client.addEventListener('progress', (event) =>
      this.#progress(/** @type {CustomEvent} */ (event).detail),
    );
    client.addEventListener('status', () => {
      this.#host.progress(null);
      this.#host.changed();
    });
    client.addEventListener('timings', (event) => {
      Object.assign(this.#timings, /** @type {CustomEvent} */ (event).detail);
      this.#host.changed();
    });
    if (this.#bitmap) client.useImage(this.#bitmap);
    return client;
  }

  /** Nothing is loaded any more, unless something is still asked. */
  #rest() {
    if (this.#asked === undefined && this.#linking === 0) this.#host.progress(null);
  }

  /** @param {import('../segment/messages.js').Progress} progress */
  #progress({ part, loaded, total }) {
    const size = total > 0 ? `, ${(total / 1e6).toFixed(1)} MB` : '';
    this.#host.progress(PARTS[part], size, total > 0 ? loaded / total : undefined);
  }
}

/** @param {number} time */
function milliseconds(time) {
  return time >= 1000 ? `${(time / 1000).toFixed(1)} s` : `${Math.round(time)} ms`;
}
