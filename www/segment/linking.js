/**
 * @file Linking in the worker: an index of static files and its encoder, in place of an endpoint.
 */

import { PageLinker, sha256Hex } from '../pkg/workers.js';
import { listText, modelBytes } from './download.js';
import { SegmentError } from './messages.js';
import { inWords } from './runtime.js';

/** @typedef {import('./messages.js').LinkAnswer} LinkAnswer */
/** @typedef {import('./messages.js').Progress} Progress */
/** @typedef {import('./runtime.js').Runtime} Runtime */
/** @typedef {{ file: string, bytes: number, sha256: string }} Part */

/**
 * @typedef {object} ImageSource
 * @property {number} width
 * @property {number} height
 * @property {(x: number, y: number, width: number, height: number) => ImageData} read
 */

/** An index that answers in the page. */
export class Linking {
  #linker;
  #encoder;
  /** @type {import('./runtime.js').InferenceSession | undefined} */
  #session;
  /** @type {ImageSource | undefined} The image asked about last. */
  #image;

  /**
   * @param {PageLinker} linker
   * @param {Uint8Array} encoder The bytes of its ONNX file.
   */
  constructor(linker, encoder) {
    this.#linker = linker;
    this.#encoder = encoder;
  }

  /**
   * Downloads an index and its encoder, or takes what is kept of them.
   * @param {string} address Of the index's header.
   * @param {(progress: Progress) => void} progress
   */
  static async open(address, progress) {
    // What fails ends the other downloads too, so that nothing tells of progress after the failure.
    const failed = new AbortController();
    const { signal } = failed;
    const header = new TextEncoder().encode(
      await listText(address, { signal, code: 'index-missing', words: 'The index of this page' }),
    );
    /** @type {{ parts: Part[], encoder: Part }} */
    const { parts, encoder } = JSON.parse(PageLinker.files(header));
    const files = [encoder, ...parts];
    const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
    const loaded = files.map(() => 0);
    const download = (/** @type {Part} */ { file, bytes, sha256 }, /** @type {number} */ at) =>
      modelBytes(
        { url: new URL(file, address).href, bytes, sha256 },
        {
          signal,
          progress: (count) => {
            loaded[at] = count;
            if (!signal.aborted)
              progress({ part: 'index', loaded: loaded.reduce((sum, one) => sum + one, 0), total });
          },
          sha256: sha256Hex,
        },
      );
    const [model, ...bytes] = await Promise.all(files.map(download)).finally(() => failed.abort());
    return new Linking(new PageLinker(header, bytes), /** @type {Uint8Array} */ (model));
  }

  /**
   * The entities a mask may show, as an endpoint would answer.
   *
   * The encoder runs on the processor, whoever segments: it is small, and so rounds as the server's does.
   * @param {Runtime} runtime
   * @param {ImageSource} image
   * @param {import('./messages.js').MaskJson} mask
   * @returns {Promise<LinkAnswer>}
   */
  async answer(runtime, image, mask) {
    const linker = this.#linker;
    const { input, output } = JSON.parse(linker.ports());
    const start = performance.now();
    linker.begin(image.width, image.height, JSON.stringify(mask), this.#image !== image);
    this.#image = image;
    for (let view = 0; view < linker.views; view += 1) {
      if (linker.has(view)) continue;
      const [x = 0, y = 0, width = 0, height = 0] = linker.window(view);
      const { data } = image.read(x, y, width, height);
      const rgba = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      const { shape, data: values } =
        /** @type {{ shape: number[], data: Float32Array | Uint8Array }} */ (
          linker.input(view, rgba)
        );
      const map = await this.#run(runtime, { name: input, shape, data: values }, output);
      linker.output(view, Uint32Array.from(map.shape), map.data);
    }
    const encoded = performance.now();
    linker.pool();
    const pooled = performance.now();
    const answer = JSON.parse(linker.answer());
    const searched = performance.now();
    const timing = {
      queue: 0,
      encode: encoded - start,
      pool: pooled - encoded,
      search: searched - pooled,
      total: searched - start,
    };
    return { ...answer, timing_ms: timing };
  }

  /**
   * @param {Runtime} runtime
   * @param {{ name: string, shape: number[], data: Float32Array | Uint8Array }} input
   * @param {string} output
   */
  async #run(runtime, input, output) {
    try {
      const session = (this.#session ??= await runtime.session(this.#encoder, 'wasm'));
      const [map] = await runtime.outputs(session, [input], [output]);
      if (!map)
        throw new SegmentError('model-output', `The linking model did not answer ${output}.`);
      return map;
    } catch (thrown) {
      throw inWords(thrown);
    }
  }
}
