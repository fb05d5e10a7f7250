/** @file A model at work in the worker: its files, its graphs, and the image it looks at. */

import { Segmenter, sha256Hex } from '../pkg/workers.js';
import { listText, modelBytes } from './download.js';
import { SegmentError, cancelled, codeOf, messageOf } from './messages.js';
import { inWords } from './runtime.js';

/** @typedef {import('./messages.js').Progress} Progress */
/** @typedef {import('./messages.js').ModelStatus} ModelStatus */
/** @typedef {import('./runtime.js').Runtime} Runtime */
/** @typedef {import('./linking.js').ImageSource} ImageSource */

const EMBEDDING = 'image_embeddings';
const OUTPUTS = /** @type {const} */ (['iou_predictions', 'low_res_masks']);

/**
 * @typedef {object} GraphFile
 * @property {string} url
 * @property {number} bytes
 * @property {string} sha256
 */

/**
 * @typedef {object} Model An entry of `models.json`, checked.
 * @property {string} id
 * @property {string} title
 * @property {string} licence
 * @property {GraphFile & { input: string, size: number, embedding: number[] }} encoder
 * @property {GraphFile} decoder
 */

/** A model loaded and ready for an image. */
export class Engine {
  /** @type {{ encoder: Uint8Array, decoder: Uint8Array }} */
  #files;
  /**
   * @type {{ encoder: import('./runtime.js').InferenceSession, decoder:
   *   import('./runtime.js').InferenceSession } | undefined}
   */
  #sessions;
  /**
   * @type {Float32Array | undefined} The encoder's input, kept while the GPU may still fail and it
   *   be run again.
   */
  #input;

  /**
   * @param {Segmenter} segmenter
   * @param {Model} model
   * @param {Runtime} runtime
   * @param {{ encoder: Uint8Array, decoder: Uint8Array }} files
   * @param {(status: ModelStatus) => void} onStatus
   */
  constructor(segmenter, model, runtime, files, onStatus) {
    this.segmenter = segmenter;
    this.model = model;
    this.runtime = runtime;
    this.#files = files;
    this.onStatus = onStatus;
  }

  /**
   * @param {import('./messages.js').OpenOptions} options
   * @param {{ signal: AbortSignal, runtime: () => Promise<Runtime>, progress: (progress: Progress)
   *   => void, status: (status: ModelStatus) => void }} watch
   */
  static async open(options, watch) {
    const segmenter = new Segmenter(
      await listText(options.manifest, {
        signal: watch.signal,
        code: 'model-list',
        words: 'The list of models',
      }),
      options.model,
    );
    // What fails ends the other downloads too, so that nothing tells of progress after the failure.
    const failed = new AbortController();
    const signal = AbortSignal.any([watch.signal, failed.signal]);
    /** @type {Model} */
    const model = JSON.parse(segmenter.modelJson);
    const file = (/** @type {'encoder' | 'decoder'} */ part) =>
      modelBytes(
        { ...model[part], url: new URL(model[part].url, options.manifest).href },
        {
          signal,
          progress: (loaded, total) => {
            if (!signal.aborted) watch.progress({ part, loaded, total });
          },
          sha256: sha256Hex,
        },
      );
    const [runtime, encoder, decoder] = await Promise.all([
      watch.runtime(),
      file('encoder'),
      file('decoder'),
    ]).finally(() => failed.abort());
    const engine = new Engine(segmenter, model, runtime, { encoder, decoder }, watch.status);
    await engine.#orOnProcessor(() => engine.#createSessions());
    return engine;
  }

  /** @returns {ModelStatus} */
  get status() {
    const { id, title, licence } = this.model;
    const { provider, build, threads, reasons } = this.runtime;
    return { id, title, licence, provider, build, threads, reasons: [...reasons] };
  }

  /**
   * @param {number} ticket
   * @param {ImageData} image
   * @returns {Promise<import('./messages.js').Encoded>}
   */
  async encode(ticket, { width, height, data }) {
    const start = performance.now();
    const input = this.segmenter.beginEncode(
      ticket,
      width,
      height,
      new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    );
    this.#input = this.runtime.provider === 'webgpu' ? input : undefined;
    const { embedding, run } = await this.#orOnProcessor(() => this.#runEncoder(input));
    if (!this.segmenter.finishEncode(embedding)) throw superseded();
    return { width, height, ms: { encode: performance.now() - start, run } };
  }

  /**
   * @param {number} ticket
   * @param {import('./messages.js').Question} question
   * @param {ImageSource} image The one encoded.
   * @param {(answer: import('./messages.js').Answer) => void} onProvisional Told what a closer look
   *   is going to correct.
   * @param {AbortSignal} signal Ends it before the next closer look.
   * @returns {Promise<import('./messages.js').Answer>}
   */
  async click(ticket, question, image, onProvisional, signal) {
    const start = performance.now();
    const asked = JSON.stringify(question);
    const answer = (/** @type {number} */ run) => {
      const json = this.segmenter.answerJson();
      if (!json) throw superseded();
      return { ticket, ...JSON.parse(json), ms: { decode: performance.now() - start, run } };
    };
    return answer(
      await this.#orOnProcessor(async () => {
        let run = await this.#runDecoder(this.segmenter.beginDecode(ticket, asked));
        let window = this.segmenter.zoomIn();
        if (window) onProvisional(answer(run));
        for (; window; window = this.segmenter.zoomIn()) {
          // The graphs leave the worker no moment to hear that the click was taken back.
          await new Promise((resolve) => {
            setTimeout(resolve);
          });
          if (signal.aborted) throw cancelled();
          run += await this.#runZoomed(window, image);
        }
        return run;
      }),
    );
  }

  /** @param {Float32Array} input */
  async #runEncoder(input) {
    const { input: name, size, embedding: shape } = this.model.encoder;
    const session = this.#running.encoder;
    const start = performance.now();
    const [data] = await this.runtime.run(
      session,
      [{ name, shape: [1, 3, size, size], data: input }],
      [session.outputNames[0] ?? EMBEDDING],
    );
    if (!data || data.length !== shape.reduce((product, side) => product * side, 1)) {
      throw new SegmentError(
        'model-output',
        `The model answered an embedding of ${data?.length} values, not of ${shape.join(' × ')}; it does not fit its description.`,
      );
    }
    if (!isFinite(data))
      throw new SegmentError('model-not-finite', 'The model answered values that are not finite.');
    return { embedding: { name: EMBEDDING, shape, data }, run: performance.now() - start };
  }

  /**
   * Another look for what was answered, in a window of the image that is encoded unless it was before.
   * @param {Uint32Array} window
   * @param {ImageSource} image
   * @returns {Promise<number>} How long the graphs ran, in milliseconds.
   */
  async #runZoomed([x = 0, y = 0, width = 0, height = 0], image) {
    let run = 0;
    if (width > 0) {
      const { data } = image.read(x, y, width, height);
      const closer = await this.#runEncoder(
        this.segmenter.beginZoomEncode(
          new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
        ),
      );
      if (!this.segmenter.finishEncode(closer.embedding)) throw superseded();
      run = closer.run;
    }
    return run + (await this.#runDecoder(this.segmenter.beginZoomDecode()));
  }

  /**
   * @param {{ name: string, shape: readonly number[], data: Float32Array }[]} inputs
   * @returns {Promise<number>} How long the graph ran, in milliseconds.
   */
  async #runDecoder(inputs) {
    const start = performance.now();
    const [ious, lowRes] = await this.runtime.run(this.#running.decoder, inputs, OUTPUTS);
    const run = performance.now() - start;
    if (!ious || !lowRes || !this.segmenter.finishDecode(ious, lowRes)) throw superseded();
    return run;
  }

  /**
   * Does something with the graphs; where the GPU fails at it, does it again on the processor.
   * @template T
   * @param {() => Promise<T>} work
   */
  async #orOnProcessor(work) {
    try {
      return await work();
    } catch (thrown) {
      const code = codeOf(thrown, 'provider');
      if (this.runtime.provider !== 'webgpu' || !['provider', 'model-not-finite'].includes(code))
        throw inWords(thrown);
      this.runtime.stepDown(`the GPU failed: ${messageOf(thrown)}`);
      try {
        await this.#createSessions();
        if (this.#input && this.segmenter.embedding) {
          Object.assign(this.segmenter.embedding, (await this.#runEncoder(this.#input)).embedding);
        }
        this.#input = undefined;
        this.onStatus(this.status);
        return await work();
      } catch (again) {
        throw inWords(again);
      }
    }
  }

  async #createSessions() {
    this.#sessions = {
      encoder: await this.runtime.session(this.#files.encoder),
      decoder: await this.runtime.session(this.#files.decoder),
    };
  }

  get #running() {
    if (!this.#sessions)
      throw new SegmentError('model-missing', 'The model is not loaded; open it first.');
    return this.#sessions;
  }
}

function superseded() {
  return new SegmentError('superseded', 'A newer question took its place.');
}

/** @param {Float32Array} values */
function isFinite(values) {
  // One value that is no number, or infinite, makes the sum so.
  let sum = 0;
  for (const value of values) sum += value * 0;
  return sum === 0;
}
