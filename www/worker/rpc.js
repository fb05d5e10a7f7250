/**
 * @file Calls from a page to its worker: each with its own channel for the result, progress and cancel.
 *
 * A call needs no number, since nothing else travels on its channel. What is in the result's
 * `transfer` list moves instead of being copied.
 */

import { MasklinkError, codeOf, messageOf } from './errors.js';

/**
 * @typedef {{ progress: unknown } | { result: unknown } | { code: string, message: string }} Reply
 *   From the worker; the last two end the call.
 */

/** A worker that is started by the first call and again by the first call after it ended. */
export class WorkerClient {
  #start;
  #crashed;
  /** @type {Worker | undefined} */
  #worker;
  /** @type {Set<(error: MasklinkError) => void>} */
  #pending = new Set();

  /**
   * @param {() => Worker} start
   * @param {(message: string) => void} [crashed] Called when the worker died; its pending calls have
   *   been rejected with the code `worker-crashed`.
   */
  constructor(start, crashed = () => {}) {
    this.#start = start;
    this.#crashed = crashed;
  }

  /** Whether the worker is running. */
  get running() {
    return this.#worker !== undefined;
  }

  /**
   * Calls a method of the worker.
   * @param {string} method
   * @param {unknown} argument Copied to the worker.
   * @param {object} [options]
   * @param {(progress: any) => void} [options.onProgress]
   * @param {AbortSignal} [options.signal] Tells the worker that the result is not wanted any more; the
   *   promise then ends as the worker ends the call.
   * @returns {Promise<any>}
   */
  call(method, argument, { onProgress, signal } = {}) {
    return new Promise((resolve, reject) => {
      const { port1: port, port2 } = new MessageChannel();
      const cancel = () => port.postMessage('cancel');
      /** @param {() => void} settle */
      const end = (settle) => {
        this.#pending.delete(fail);
        signal?.removeEventListener('abort', cancel);
        port.close();
        settle();
      };
      const fail = (/** @type {MasklinkError} */ error) => end(() => reject(error));
      port.onmessage = (/** @type {MessageEvent<any>} */ { data }) => {
        if ('progress' in data) onProgress?.(data.progress);
        else if ('result' in data) end(() => resolve(data.result));
        else fail(new MasklinkError(data.code, data.message));
      };
      port.onmessageerror = () =>
        fail(new MasklinkError('worker-crashed', 'A message of the worker could not be read.'));
      this.#pending.add(fail);
      signal?.addEventListener('abort', cancel);
      try {
        (this.#worker ??= this.#open()).postMessage({ method, argument }, [port2]);
      } catch (cause) {
        fail(new MasklinkError('argument-unusable', messageOf(cause), { cause }));
      }
      if (signal?.aborted) cancel();
    });
  }

  /**
   * Ends the worker, which frees what it holds, and rejects the pending calls.
   * @param {MasklinkError} error
   */
  end(error) {
    this.#worker?.terminate();
    this.#worker = undefined;
    for (const fail of [...this.#pending]) fail(error);
  }

  #open() {
    const worker = this.#start();
    const crash = (/** @type {string} */ message) => {
      if (this.#worker !== worker) return;
      this.end(
        new MasklinkError(
          'worker-crashed',
          `The worker stopped (${message}). Try again: it restarts.`,
        ),
      );
      this.#crashed(message);
    };
    worker.addEventListener('messageerror', () => crash('a message could not be read'));
    worker.addEventListener('error', (event) => {
      event.preventDefault();
      crash(event.message || 'its script could not be loaded');
    });
    return worker;
  }
}

/**
 * Second argument of a method of the worker.
 * @typedef {object} Call
 * @property {AbortSignal} signal Aborted once the result is not wanted any more.
 * @property {(progress: unknown) => void} progress
 */

/** @typedef {{ result: unknown, transfer?: Transferable[] }} Outcome */

/**
 * Runs the calls that reach this worker and posts their results.
 * @param {Record<string, (argument: any, call: Call) => Promise<Outcome>>} methods
 */
export function serve(methods) {
  self.addEventListener('messageerror', () =>
    self.reportError(new Error('a message could not be read')),
  );
  self.addEventListener('message', async ({ data: { method, argument }, ports: [port] }) => {
    if (!port) return;
    const controller = new AbortController();
    port.onmessage = () => controller.abort();
    const post = (/** @type {Reply} */ reply, /** @type {Transferable[]} */ transfer = []) =>
      port.postMessage(reply, transfer);
    try {
      const { result, transfer } = await /** @type {any} */ (methods)[method](argument, {
        signal: controller.signal,
        progress: (/** @type {unknown} */ progress) => post({ progress }),
      });
      post({ result }, transfer);
    } catch (thrown) {
      // A module that trapped is in no state to go on: the page starts another worker.
      if (thrown instanceof WebAssembly.RuntimeError) self.reportError(thrown);
      else post({ code: codeOf(thrown, 'worker'), message: messageOf(thrown) });
    }
  });
}
