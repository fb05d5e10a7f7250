/**
 * @file A static host for benchmarks: with ranges, compressed where a `.br` file lies beside, and as slow
 *   as a link.
 */

import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/**
 * @typedef {object} Link
 * @property {number} delay Milliseconds before each response.
 * @property {number} bytesPerSecond
 */

/** @type {Record<string, string>} */
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.wasm': 'application/wasm',
  '.json': 'application/json',
  '.jpg': 'image/jpeg',
  '.svg': 'image/svg+xml',
};

/** Serves files of folders, and notes what is sent of each. */
export class StaticServer {
  /** @type {{ path: string, bytes: number }[]} */
  sent = [];
  #fileOf;
  #server = createServer((request, response) => this.#respond(request, response));
  #free = 0;
  /** The link that all connections share; null for none. @type {Link | null} */
  link = null;

  /** @param {(path: string) => string} fileOf Returns the file of an address's path. */
  constructor(fileOf) {
    this.#fileOf = fileOf;
  }

  async start() {
    await new Promise((resolve) => this.#server.listen(0, '127.0.0.1', () => resolve(null)));
    const address = /** @type {import('node:net').AddressInfo} */ (this.#server.address());
    this.address = `http://127.0.0.1:${address.port}`;
    return this;
  }

  close() {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /**
   * @param {import('node:http').IncomingMessage} request
   * @param {import('node:http').ServerResponse} response
   */
  async #respond(request, response) {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://host').pathname);
    const file = this.#fileOf(path);
    const encoded = existsSync(`${file}.br`);
    const source = encoded ? `${file}.br` : file;
    if (!existsSync(source) || !statSync(source).isFile()) {
      response.writeHead(404).end();
      this.sent.push({ path, bytes: 0 });
      return;
    }
    const { size } = statSync(source);
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
    const [start, end] = range
      ? [Number(range[1]), Math.min(size - 1, Number(range[2]))]
      : [0, size - 1];
    const headers = {
      'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
      'content-length': end - start + 1,
      'accept-ranges': 'bytes',
      'cache-control': 'max-age=600',
      ...(encoded && { 'content-encoding': 'br' }),
      ...(range && { 'content-range': `bytes ${start}-${end}/${size}` }),
    };
    this.sent.push({ path, bytes: end - start + 1 });
    const { link } = this;
    if (link) await new Promise((resolve) => setTimeout(resolve, link.delay));
    response.writeHead(range ? 206 : 200, headers);
    const paced = new Transform({
      transform: (chunk, _, done) => {
        if (!link) return done(null, chunk);
        // All connections share the link.
        this.#free =
          Math.max(this.#free, performance.now()) + (chunk.length / link.bytesPerSecond) * 1000;
        setTimeout(() => done(null, chunk), this.#free - performance.now());
      },
    });
    await pipeline(createReadStream(source, { start, end }), paced, response).catch(() => {});
  }
}
