/**
 * @file The page's models: carries the viewer's requests to the worker that segments and links, and
 * its results back.
 *
 * The first request starts the worker. The viewer decides whether a result is still wanted; a request
 * whose result is not wanted is aborted, which saves the worker's time.
 */

import { MasklinkError, messageOf } from '../worker/errors.js';
import { WorkerClient } from '../worker/rpc.js';
import { failureOf } from './errors.js';

/** @typedef {import('./image.js').OpenImage} OpenImage */
/** @typedef {import('../worker/downloads.js').Progress} Progress */

/** The list of models, relative to the page's scripts. */
const MANIFEST = new URL('../models/models.json', import.meta.url).href;
/** The index of pages without an endpoint, relative to the page's scripts. */
const INDEX = new URL('../index/index.json', import.meta.url).href;
/** Milliseconds that a decoder may take where the mask under the pointer is shown before the click. */
const MAX_PREVIEW = 80;
const LOADING = 'Loading the model';
const STARTING = 'Starting the model';

/** The reply to a preview that was not computed: no mask. @type {Omit<Preview, 'ticket'>} */
const NO_PREVIEW = {
  best: 0,
  size: new Uint32Array(2),
  offsets: new Uint32Array(2),
  boundaries: new Uint32Array(),
};

/** Codes of failures after which the worker may not have the bitmap that was sent with the call. */
const NOT_GIVEN = new Set(['argument-unusable', 'worker', 'image-missing']);

/**
 * @typedef {object} Segmentation The worker's result for a click.
 * @property {number} ticket
 * @property {number} best Index of the candidate that the model ranks first.
 * @property {Uint32Array} size Height, then width.
 * @property {Float32Array} scores The model's own estimate of each candidate's IoU, 0 to 1.
 * @property {Uint32Array} offsets Where each candidate's boundaries begin, and where the last one's end.
 * @property {Uint32Array} boundaries The candidates' run boundaries, column-major, one after the other.
 * @property {{ decode: number }} ms
 * @property {ModelStatus} status
 */

/** @typedef {Pick<Segmentation, 'ticket' | 'best' | 'size' | 'offsets' | 'boundaries'>} Preview */

/**
 * @typedef {object} ModelStatus The model and runtime in use, and why no faster one is.
 * @property {string} id
 * @property {string} title
 * @property {string} licence
 * @property {'webgpu' | 'wasm'} provider
 * @property {'jspi' | 'asyncify' | 'wasm'} build Of ONNX Runtime.
 * @property {number} threads
 * @property {string[]} reasons In words, one for each step down.
 */

/**
 * @typedef {object} ModelsHost
 * @property {(event: any) => void} send
 * @property {(result: Segmentation, provisional: boolean) => void} segmented
 * @property {(result: Preview) => void} previewed
 * @property {(words: string | null, size?: string, done?: number) => void} progress What is loaded, how
 *   many bytes of it have arrived, and the same from 0 to 1, without both once all are there and the model
 *   starts; null when nothing is loaded any more.
 * @property {() => string | null} token Of the endpoint.
 * @property {() => string | null} encoder The endpoint that encodes images; null, where this device does.
 * @property {() => void} changed The status has changed.
 */

/**
 * @typedef {object} Options Of the worker.
 * @property {string} [manifest]
 * @property {string} [index]
 * @property {'webgpu' | 'wasm'} [provider] Insist on this one; else the best that works.
 * @property {'jspi' | 'asyncify' | 'wasm'} [build] Insist on this one; else the one that fits.
 */

export class Models {
  #host;
  #settings;
  #index;
  #client = new WorkerClient(
    () =>
      new Worker(new URL('../worker/worker.js', import.meta.url), {
        type: 'module',
        name: 'models',
      }),
    () => this.#reset(),
  );
  /** @type {OpenImage | undefined} */
  #image;
  /** The number by which the worker knows the image. */
  #imageNumber = 0;
  /** Whether this worker has the image's bitmap. */
  #given = false;
  /** Whether the image was encoded, or is being encoded, before a click. */
  #prepared = '';
  /** Aborts the preparation of an image that is not shown any more. */
  #preparing = new AbortController();
  /** The model that the worker was asked for last. @type {string | null | undefined} */
  #asked;
  /**
   * The requests under way by the viewer's ticket, with the type of the event that reports a failure.
   * @type {Map<number, { controller: AbortController, failed: string | null }>}
   */
  #open = new Map();
  #calls = 0;
  /** Whether the person cancelled the downloads; only a click then starts them again. */
  #isCancelled = false;
  /** Whether the index was asked for with the model. */
  #isIndexAsked = false;
  /** @type {ModelStatus | undefined} */
  #model;
  /** @type {{ encode?: number, decode?: number }} */
  #timings = {};
  /** Milliseconds that the decoder took for the first click; undefined before. @type {number | undefined} */
  #firstPass;
  /** @type {{ endpoint: string | null, words: string, milliseconds: number, timing: any } | undefined} */
  #linked;

  /**
   * @param {ModelsHost} host
   * @param {Options} [options]
   */
  constructor(host, { manifest = MANIFEST, index = INDEX, provider, build } = {}) {
    this.#host = host;
    this.#settings = { manifest, provider, build };
    this.#index = index;
  }

  /** The models that segmented and linked last, with their times; undefined before. */
  get status() {
    return { segment: this.#segmentStatus(), link: this.#linked };
  }

  /** @param {OpenImage} image Its bitmap stays the caller's, and open as long as it is the image. */
  useImage(image) {
    this.forgetImage();
    this.#image = image;
  }

  forgetImage() {
    this.#image = undefined;
    this.#imageNumber += 1;
    this.#given = false;
    this.#prepared = '';
    this.#timings = {};
    this.#preparing.abort();
    this.#preparing = new AbortController();
  }

  /**
   * Loads the model and encodes the image before the first click. That click reports a failure.
   * @param {string | null} model Its id, or null for the default.
   */
  async prepare(model) {
    const wanted = `${this.#imageNumber} ${model}`;
    // Requests under way keep their model; another model is loaded after they end.
    if (!this.#image || this.#prepared === wanted || this.#open.size > 0) return;
    if (this.#isCancelled) return;
    this.#use(model);
    this.#prepared = wanted;
    const { signal } = this.#preparing;
    try {
      const { status, ms } = await this.#call(
        'prepare',
        { model, encoder: this.#encoder() },
        { signal },
      );
      if (!signal.aborted) this.#report(status, ms);
    } catch (thrown) {
      // The click tries again and reports it; a pointer that moves on must not.
      this.#restartAfter(failureOf(thrown, 'models'));
    }
  }

  /**
   * Downloads the model and the runtime to the browser's caches; does nothing while the worker is busy.
   * A click reports a failure.
   * @param {string | null} model Its id, or null for the default.
   */
  async fetch(model) {
    if (this.#calls > 0) return;
    this.#use(model);
    const isRemote = this.#host.encoder() !== null;
    const request = { model, isRemote, settings: this.#settings };
    await this.#client.call('fetch', request).catch((/** @type {unknown} */ thrown) => {
      console.info(`The model is not fetched before the first click: ${messageOf(thrown)}`);
    });
  }

  /**
   * @param {import('../pkg/viewer.js').SegmentRequest} request
   * @param {string | null} model
   * @param {boolean} [linksHere] Whether masks are linked in the page: the index is downloaded with the
   *   model then.
   */
  async segment({ ticket, prompts, refine, view }, model, linksHere = false) {
    this.#use(model);
    this.#isCancelled = false;
    if (linksHere) this.#openIndex();
    const question = JSON.stringify({ ticket, prompts, refine, view });
    const take = (/** @type {Segmentation} */ result, provisional = false) => {
      this.#firstPass ??= result.ms.decode;
      this.#report(result.status, result.ms);
      this.#host.segmented(result, provisional);
    };
    await this.#perform(ticket, 'segmentFailed', async (signal) => {
      const onProgress = (/** @type {any} */ { provisional }) =>
        provisional && !signal.aborted && take(provisional, true);
      const result = await this.#call(
        'segment',
        { model, question, encoder: this.#encoder() },
        { signal, onProgress },
      );
      if (!signal.aborted) take(result);
    });
  }

  /**
   * Segments for the outline under the pointer, where the model is ready and fast; otherwise replies that
   * there is none, so that the viewer asks again later.
   * @param {import('../pkg/viewer.js').SegmentRequest} request
   * @param {string | null} model
   */
  async preview({ ticket, prompts }, model) {
    const isFast = this.#firstPass !== undefined && this.#firstPass < MAX_PREVIEW;
    if (!isFast || this.#asked !== model || this.#calls > 0)
      return this.#host.previewed({ ticket, ...NO_PREVIEW });
    const controller = new AbortController();
    const { signal } = controller;
    this.#open.set(ticket, { controller, failed: null });
    const question = JSON.stringify({ ticket, prompts, refine: null, view: null });
    try {
      const result = await this.#call('preview', { model, question }, { signal });
      if (!signal.aborted) this.#host.previewed(result ?? { ticket, ...NO_PREVIEW });
    } catch {
      // A click reports what fails.
      if (!signal.aborted) this.#host.previewed({ ticket, ...NO_PREVIEW });
    } finally {
      this.#open.delete(ticket);
    }
  }

  /**
   * Asks an endpoint, or without one the index published with the page, which entities a mask shows.
   * @param {{ ticket: number, mask: import('../pkg/viewer.js').MaskRuns, endpoint: string | null }} request
   */
  async link({ ticket, mask, endpoint }) {
    const started = performance.now();
    await this.#perform(ticket, 'linkFailed', async (signal) => {
      // A listener of this event may undo the mask, which then must not leave the page.
      await Promise.resolve();
      if (signal.aborted) return;
      const answer = await this.#entitiesOf(mask, endpoint, this.#host.token(), signal);
      if (signal.aborted) return;
      const milliseconds = performance.now() - started;
      const own = answer.timing_ms?.total;
      const words =
        `${endpoint ? hostOf(endpoint) : 'In this page'}: ${inWords(milliseconds)}` +
        (typeof own === 'number' ? `, of which ${inWords(own)} computing` : '');
      this.#linked = { endpoint, words, milliseconds, timing: answer.timing_ms };
      this.#host.send({ type: 'linked', ticket, answer });
      this.#host.changed();
    });
  }

  /** The endpoint that encodes the image in place of this device, as the worker takes it. */
  #encoder() {
    const endpoint = this.#host.encoder();
    if (!endpoint || !this.#image) return undefined;
    const { blob, sha256 } = this.#image;
    return {
      url: new URL(endpoint, document.baseURI).href,
      token: this.#host.token(),
      blob,
      sha256,
    };
  }

  /**
   * Asks an endpoint which entities a mask shows, and reports it to the caller alone.
   * @param {import('../pkg/viewer.js').MaskRuns} mask
   * @param {string} endpoint
   * @param {string | null} token Of that endpoint.
   * @param {AbortSignal} signal
   */
  ask(mask, endpoint, token, signal) {
    return this.#entitiesOf(mask, endpoint, token, signal);
  }

  /**
   * @param {import('../pkg/viewer.js').MaskRuns} mask
   * @param {string | null} endpoint
   * @param {string | null} token
   * @param {AbortSignal} signal
   * @returns {Promise<import('../pkg/viewer.js').LinkResponse>}
   */
  async #entitiesOf(mask, endpoint, token, signal) {
    const { blob, sha256 } = this.#image ?? {};
    const to = endpoint && { url: new URL(endpoint, document.baseURI).href, token, blob };
    const request = { ...mask, sha256, index: this.#index, endpoint: to };
    return JSON.parse(await this.#call('link', request, { signal }));
  }

  /**
   * Cancels the downloads, and with them the click that waits for them. The next click continues where
   * they stopped.
   */
  async cancelDownloads() {
    this.#isCancelled = true;
    const message = 'The download was cancelled. Click again: it continues where it stopped.';
    const failure = { code: 'cancelled', message };
    this.#preparing.abort();
    this.#preparing = new AbortController();
    const requests = [...this.#open];
    this.#open.clear();
    for (const [ticket, { controller, failed }] of requests) {
      controller.abort();
      if (failed) this.#host.send({ type: failed, ticket, failure });
    }
    await this.#client.call('cancelDownloads', undefined).catch(() => {});
  }

  /** Downloads the index once; a link request reports a failure. */
  async #openIndex() {
    if (this.#isIndexAsked) return;
    this.#isIndexAsked = true;
    const request = { index: this.#index, settings: this.#settings };
    await this.#client.call('openIndex', request).catch(() => {
      this.#isIndexAsked = false;
    });
  }

  /** Aborts a request. @param {number} ticket */
  cancel(ticket) {
    this.#open.get(ticket)?.controller.abort();
    this.#open.delete(ticket);
  }

  /** Ends the worker and frees what it holds; the next request starts another. */
  free() {
    this.#restart('cancelled', 'The viewer was removed.');
  }

  /** Ends the worker that holds another model, which frees that model. @param {string | null} model */
  #use(model) {
    if (this.#asked !== undefined && this.#asked !== model)
      this.#restart('cancelled', 'Another model was selected.');
    this.#asked = model;
  }

  /**
   * Ends a worker whose runtime broke: it stays broken, and another one may have the memory it lacked.
   * @param {import('../pkg/viewer.js').Failure} failure
   */
  #restartAfter({ code, message }) {
    if (code === 'model-run')
      this.#restart('worker-crashed', `The worker stopped (${message}). Try again.`);
  }

  /**
   * @param {string} code
   * @param {string} message
   */
  #restart(code, message) {
    this.#client.end(new MasklinkError(code, message));
    this.#reset();
  }

  /**
   * Does the work of a request and reports its failure, unless it was aborted.
   * @param {number} ticket
   * @param {string} failed The type of the event that reports a failure.
   * @param {(signal: AbortSignal) => Promise<void>} work
   */
  async #perform(ticket, failed, work) {
    const controller = new AbortController();
    this.#open.set(ticket, { controller, failed });
    try {
      await work(controller.signal);
    } catch (thrown) {
      const failure = failureOf(thrown, 'models');
      this.#restartAfter(failure);
      if (!controller.signal.aborted) this.#host.send({ type: failed, ticket, failure });
    } finally {
      if (this.#open.get(ticket)?.controller === controller) this.#open.delete(ticket);
    }
  }

  /**
   * Calls the worker about the image.
   * @param {string} method
   * @param {Record<string, unknown>} request
   * @param {{ signal?: AbortSignal, onProgress?: (progress: any) => void }} [options]
   */
  async #call(method, request, { signal, onProgress } = {}) {
    if (!this.#image)
      throw new MasklinkError('image-missing', 'The image is not loaded. Open it again.');
    const source = this.#given ? undefined : this.#image.bitmap;
    this.#given = true;
    this.#calls += 1;
    try {
      return await this.#client.call(
        method,
        { ...request, settings: this.#settings, image: this.#imageNumber, source },
        {
          signal,
          onProgress: (progress) => {
            if ('download' in progress) this.#loading(progress.download);
            else onProgress?.(progress);
          },
        },
      );
    } catch (thrown) {
      if (NOT_GIVEN.has(failureOf(thrown, '').code)) this.#given = false;
      throw thrown;
    } finally {
      this.#calls -= 1;
      if (this.#calls === 0) this.#host.progress(null);
    }
  }

  #reset() {
    this.#given = false;
    this.#prepared = '';
    this.#model = this.#asked = this.#firstPass = undefined;
    this.#isIndexAsked = false;
  }

  /**
   * @param {ModelStatus} status
   * @param {{ encode?: number, decode?: number }} ms
   */
  #report(status, ms) {
    this.#model = status;
    // An image that was encoded before has no time of its own again.
    const { encode, decode } = this.#timings;
    this.#timings = { encode: ms.encode ?? encode, decode: ms.decode ?? decode };
    this.#host.progress(null);
    this.#host.changed();
  }

  #segmentStatus() {
    const model = this.#model;
    if (!model) return undefined;
    const { encode, decode } = this.#timings;
    const times = [
      encode !== undefined && `image ${inWords(encode)}`,
      decode !== undefined && `click ${inWords(decode)}`,
    ].filter(Boolean);
    const threads = model.threads > 1 ? `, ${model.threads} threads` : '';
    const provider = model.provider === 'webgpu' ? 'WebGPU' : `the CPU by WebAssembly${threads}`;
    const words = `${model.title} on ${provider}${times.length > 0 ? `: ${times.join(', ')}` : ''}`;
    return { ...model, timings: this.#timings, words };
  }

  /** @param {Progress} progress */
  #loading({ loaded, total }) {
    if (this.#isCancelled) return;
    if (loaded >= total) return this.#host.progress(STARTING);
    const megabytes = (/** @type {number} */ bytes) => (bytes / 1e6).toFixed(1);
    this.#host.progress(
      LOADING,
      `, ${megabytes(loaded)} of ${megabytes(total)} MB`,
      loaded / total,
    );
  }
}

/** @param {string} address */
function hostOf(address) {
  return URL.canParse(address, document.baseURI)
    ? new URL(address, document.baseURI).host
    : address;
}

/** @param {number} milliseconds */
function inWords(milliseconds) {
  return milliseconds >= 1000
    ? `${(milliseconds / 1000).toFixed(1)} s`
    : `${Math.round(milliseconds)} ms`;
}
