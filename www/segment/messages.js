/**
 * @file What the page and the worker say to each other, and what goes wrong, with a stable code.
 */

/**
 * @typedef {object} MaskJson COCO's compressed run-length encoding.
 * @property {[number, number]} size Height, then width.
 * @property {string} counts
 */

/**
 * @typedef {object} Candidate
 * @property {MaskJson} mask As large as the image.
 * @property {number} score The model's own estimate of the mask's IoU with what was meant, 0 to 1.
 */

/**
 * @typedef {object} Question In pixels of the image; a pixel covers [x, x + 1) by [y, y + 1).
 * @property {[number, number, number][]} points x, y and label: 1 is the object, 0 is not.
 * @property {[number, number, number, number] | null} [box] x1, y1, x2, y2 around the object.
 * @property {[number, number] | null} [refine] The ticket of an earlier answer for this image and
 *   which of its candidates: the model goes on from that mask. The last 16 answers are kept.
 */

/**
 * @typedef {object} Answer
 * @property {number} ticket The question's.
 * @property {Candidate[]} candidates As the model gave them.
 * @property {number} best Which of them the model thinks best.
 * @property {{ decode: number, run: number }} ms The whole answer, and the graphs' own runs in it.
 */

/**
 * @typedef {object} Encoded
 * @property {number} width
 * @property {number} height
 * @property {{ encode: number, run: number }} ms The whole encoding, and the graph's own run in it.
 */

/**
 * @typedef {object} ModelStatus What runs, and why it is not something better.
 * @property {string} id
 * @property {string} title
 * @property {string} licence
 * @property {'webgpu' | 'wasm'} provider Who computes: the GPU, or the processor by WebAssembly.
 * @property {'jspi' | 'asyncify' | 'wasm'} build Which build of ONNX Runtime.
 * @property {number} threads
 * @property {string[]} reasons In words, one for each step down.
 */

/**
 * @typedef {import('../viewer/types.js').LinkAnswer} LinkAnswer What a linking endpoint, or the
 *   worker itself, says a mask may show.
 */

/**
 * @typedef {object} Progress
 * @property {'runtime' | 'encoder' | 'decoder' | 'index'} part What is being loaded.
 * @property {number} loaded Bytes so far.
 * @property {number} total Bytes in all; 0 where that is not known.
 */

/**
 * @typedef {object} OpenOptions
 * @property {string} manifest The address of `models.json`.
 * @property {string} [model] The id of a model of it; else its default.
 * @property {'webgpu' | 'wasm'} [provider] Insist on this one; else the best that works.
 * @property {'jspi' | 'asyncify' | 'wasm'} [build] Insist on this build of ONNX Runtime; else the
 *   one that fits.
 */

/**
 * @typedef {object} LinkRequest
 * @property {'link'} type
 * @property {number} ticket
 * @property {OpenOptions} options
 * @property {string} index The address of the index's header.
 * @property {MaskJson} mask
 * @property {ImageBitmap | ImageData} [image] Unless it is the one the worker was given last.
 */

/**
 * @typedef {{ type: 'open', ticket: number, options: OpenOptions }
 *   | { type: 'encode', ticket: number, image?: ImageBitmap | ImageData }
 *   | { type: 'click', ticket: number, question: Question }
 *   | LinkRequest
 *   | { type: 'cancel', ticket: number }} Request To the worker. The tickets of one worker are all different.
 */

/**
 * @typedef {{ type: 'done', ticket: number, result: ModelStatus | Encoded | Answer | LinkAnswer }
 *   | { type: 'provisional', ticket: number, result: Answer }
 *   | { type: 'failed', ticket: number, code: string, message: string }
 *   | { type: 'progress', progress: Progress }
 *   | { type: 'status', status: ModelStatus }} Reply From the worker; each request is done or failed once.
 */

/** A failure with a stable `code`; the message says what went wrong and what to do. */
export class SegmentError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {{ cause?: unknown }} [options]
   */
  constructor(code, message, options) {
    super(message, options);
    this.name = 'SegmentError';
    this.code = code;
  }
}

/** What a question ends with that was taken back. */
export function cancelled() {
  return new SegmentError('cancelled', 'The question was taken back.');
}

/**
 * The code of anything that was thrown; `fallback` where it has none.
 * @param {unknown} thrown
 * @param {string} fallback
 */
export function codeOf(thrown, fallback) {
  const code =
    thrown instanceof Error ? /** @type {{ code?: unknown }} */ (thrown).code : undefined;
  return typeof code === 'string' ? code : fallback;
}

/**
 * The message of anything that was thrown.
 * @param {unknown} thrown
 */
export function messageOf(thrown) {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
