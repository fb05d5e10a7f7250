/** @file Browser functions for the models' Rust code: downloads, requests, and ONNX Runtime itself. */

import { bytesOf } from './body.js';
import { cancelled, listText, modelBytes, pause } from './download.js';
import { Downloads } from './downloads.js';
import { MasklinkError, messageOf } from './errors.js';
import { fetchRuntime, loadRuntime } from './runtime.js';

/** Address of ONNX Runtime's files, relative to this script. */
const RUNTIME = new URL('../vendor/onnxruntime/', import.meta.url).href;

/** Implements the extern type `Platform` of `src/web/host.rs`. */
export class Platform {
  #downloads;

  /** @param {(progress: import('./downloads.js').Progress) => void} progress */
  constructor(progress) {
    this.#downloads = new Downloads(progress);
  }

  /** Ends all downloads; what has arrived is kept, and the next attempt continues there. */
  cancelDownloads() {
    this.#downloads.cancel();
  }

  /**
   * @param {import('./runtime.js').Provider} [provider]
   * @param {import('./runtime.js').Build} [build]
   */
  async loadRuntime(provider, build) {
    return await loadRuntime(RUNTIME, this.#runtimeFiles(), provider, build);
  }

  /**
   * Downloads the runtime's files to the browser's cache.
   * @param {import('./runtime.js').Provider} [provider]
   * @param {import('./runtime.js').Build} [build]
   */
  async fetchRuntime(provider, build) {
    await fetchRuntime(RUNTIME, this.#runtimeFiles(), provider, build);
  }

  /**
   * Returns a function that downloads files of the runtime, also ended by a cancel before it is called.
   * @returns {(file: import('./download.js').ModelFile) => Promise<Uint8Array<ArrayBuffer>>}
   */
  #runtimeFiles() {
    const { signal } = this.#downloads;
    return async (file) => {
      const [bytes] = await this.#downloads.run([file], modelBytes, signal);
      if (!bytes) throw new MasklinkError('runtime-missing', `${file.url} is not there.`);
      return bytes;
    };
  }

  /**
   * @param {string} address
   * @param {string} code Of the failure.
   * @param {string} what Is listed, for the failure's message.
   */
  async listText(address, code, what) {
    const { signal } = this.#downloads;
    const text = await listText(address, { code, what });
    // The caller downloads the listed files next.
    if (signal.aborted) throw cancelled();
    return text;
  }

  /**
   * Downloads files side by side. The failure of one ends the others.
   * @param {string} base The address that the files' are relative to.
   * @param {string} json `[{ part, url, bytes, sha256 }]`
   * @returns {Promise<Uint8Array[]>}
   */
  download(base, json) {
    /** @type {{ url: string, bytes: number, sha256: string }[]} */
    const files = JSON.parse(json);
    const absolute = files.map((file) => ({ ...file, url: new URL(file.url, base).href }));
    const all = this.#downloads.run(absolute, modelBytes);
    // The caller may fail at something else before it waits for the files.
    all.catch(() => {});
    return all;
  }

  /**
   * Sends a request and reads the whole response.
   * @param {{
   *   method: string,
   *   url: string,
   *   headers: [string, string][],
   *   body: Uint8Array<ArrayBuffer> | Blob,
   *   timeout: number,
   *   maxBytes: number,
   * }} request
   * @param {AbortSignal} signal
   */
  async fetch({ method, url, headers, body, timeout, maxBytes }, signal) {
    const timer = AbortSignal.timeout(timeout);
    try {
      const response = await fetch(url, {
        method,
        headers,
        body: method === 'GET' ? null : body,
        signal: AbortSignal.any([signal, timer]),
        credentials: 'omit',
        referrerPolicy: 'no-referrer',
      });
      return {
        status: response.status,
        retryAfter: response.headers.get('retry-after'),
        body: await bytesOf(response, maxBytes),
      };
    } catch (thrown) {
      const code = signal.aborted ? 'cancelled' : timer.aborted ? 'timeout' : 'unreachable';
      throw new MasklinkError(code, messageOf(thrown), { cause: thrown });
    }
  }

  /**
   * @param {number} millis
   * @param {AbortSignal} signal
   */
  async sleep(millis, signal) {
    await pause(millis, signal);
  }
}
