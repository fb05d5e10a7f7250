/** @file Browser functions for the models' Rust code: downloads, requests, and ONNX Runtime itself. */

import { bytesOf } from './body.js';
import { listText, modelBytes } from './download.js';
import { MasklinkError, messageOf } from './errors.js';
import { fetchRuntime, loadRuntime } from './runtime.js';

/** Address of ONNX Runtime's files, relative to this script. */
const RUNTIME = new URL('../vendor/onnxruntime/', import.meta.url).href;

/** @typedef {'runtime' | 'encoder' | 'decoder' | 'index'} Part */

/**
 * @typedef {object} Progress
 * @property {Part} part What is being loaded.
 * @property {number} loaded Bytes so far.
 * @property {number} total Bytes in all; 0 where that is not known.
 */

/** Implements the extern type `Platform` of `src/web/host.rs`. */
export class Platform {
  #progress;

  /** @param {(progress: Progress) => void} progress */
  constructor(progress) {
    this.#progress = progress;
  }

  /**
   * @param {import('./runtime.js').Provider} [provider]
   * @param {import('./runtime.js').Build} [build]
   */
  async loadRuntime(provider, build) {
    this.#progress({ part: 'runtime', loaded: 0, total: 0 });
    return await loadRuntime(RUNTIME, provider, build);
  }

  /**
   * Downloads the runtime's files to the browser's cache.
   * @param {import('./runtime.js').Provider} [provider]
   * @param {import('./runtime.js').Build} [build]
   */
  async fetchRuntime(provider, build) {
    await fetchRuntime(RUNTIME, provider, build);
  }

  /**
   * @param {string} address
   * @param {string} code Of the failure.
   * @param {string} what Is listed, for the failure's message.
   */
  async listText(address, code, what) {
    return await listText(address, { code, what });
  }

  /**
   * Downloads files side by side. The failure of one ends the others.
   * @param {string} base The address that the files' are relative to.
   * @param {string} json `[{ part, url, bytes, sha256 }]`
   * @returns {Promise<Uint8Array[]>}
   */
  download(base, json) {
    /** @type {{ part: Part, url: string, bytes: number, sha256: string }[]} */
    const files = JSON.parse(json);
    const failed = new AbortController();
    const { signal } = failed;
    const loaded = files.map(() => 0);
    /** @param {Part} part */
    const report = (part) => {
      // Nothing is reported after the failure.
      if (signal.aborted) return;
      const sum = { loaded: 0, total: 0 };
      files.forEach((file, at) => {
        if (file.part !== part) return;
        sum.loaded += loaded[at] ?? 0;
        sum.total += file.bytes;
      });
      this.#progress({ part, ...sum });
    };
    const download = (/** @type {(typeof files)[number]} */ file, /** @type {number} */ at) =>
      modelBytes(
        { ...file, url: new URL(file.url, base).href },
        {
          signal,
          progress: (count) => {
            loaded[at] = count;
            report(file.part);
          },
        },
      );
    const all = Promise.all(files.map(download)).finally(() => failed.abort());
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
    if (signal.aborted) return;
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, millis);
      signal.addEventListener(
        'abort',
        () => {
          clearTimeout(timer);
          resolve(undefined);
        },
        { once: true },
      );
    });
  }
}
