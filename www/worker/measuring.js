/** @file Workers that measure the annotations of a large file side by side. */

import { MasklinkError } from './errors.js';
import { WorkerClient } from './rpc.js';

/** Files up to this many bytes are read in a second, before other workers would have started. */
const MIN_BYTES = 32 << 20;
/** Maximum number of workers: one splits the file at some hundred MB a second. */
const MAX_WORKERS = 6;

/** Workers that measure; a batch goes to the one with the fewest. */
export class MeasuringWorkers {
  /** Each worker with the number of its batches under way. */
  #workers;

  /** @param {number} count At least 1. */
  constructor(count) {
    const start = () =>
      new Worker(new URL('./measure.js', import.meta.url), { type: 'module', name: 'measure' });
    this.#workers = Array.from({ length: count }, () => ({
      client: new WorkerClient(start),
      batches: 0,
    }));
  }

  /**
   * Creates as many workers as a file of some bytes is worth; null where one worker reads it alone.
   * @param {number} bytes
   */
  static for(bytes) {
    const count = Math.min(MAX_WORKERS, navigator.hardwareConcurrency ?? 1);
    return bytes > MIN_BYTES && count > 1 && typeof Worker === 'function'
      ? new MeasuringWorkers(count)
      : null;
  }

  /**
   * Measures a batch, as `measureBatch` of the module does.
   * @param {number} first
   * @param {Uint8Array} json
   * @param {Uint32Array} lengths
   * @returns {Promise<string>}
   */
  async measure(first, json, lengths) {
    const worker = this.#workers.reduce((a, b) => (b.batches < a.batches ? b : a));
    worker.batches += 1;
    try {
      return await worker.client.call('measure', { first, json, lengths });
    } finally {
      worker.batches -= 1;
    }
  }

  /** Ends the workers. */
  end() {
    for (const { client } of this.#workers)
      client.end(new MasklinkError('cancelled', 'The file is not read any further.'));
  }
}
