/**
 * @file Downloads the files of a model or an index: with progress, taken up again where they broke
 *   off, checked, and kept by hash.
 *
 * What is kept is asked for by its SHA-256, so a model that changed is another entry and an old one
 * never passes for it. Where the browser keeps nothing (a page that is no secure context), files
 * are downloaded each time.
 */

import { sha256Hex } from '../pkg/workers.js';
import { MasklinkError, messageOf } from './errors.js';
import { hexOf } from './hex.js';

const CACHE = 'masklink-models';
/**
 * Attempts at a download that keeps breaking off, and the pause before each further one in
 * milliseconds.
 */
const ATTEMPTS = 3;
const PAUSE = 500;

/**
 * @typedef {object} ModelFile
 * @property {string} url Absolute.
 * @property {number} bytes
 * @property {string} sha256
 */

/**
 * @typedef {object} Watch
 * @property {AbortSignal} signal
 * @property {(loaded: number, total: number) => void} progress
 */

/**
 * Downloads under way, by the hash of the file, with what aborts them and the functions that learn of
 * their progress.
 * @type {Map<string, { bytes: Promise<Uint8Array<ArrayBuffer>>, signal: AbortSignal,
 *   listeners: Set<Watch['progress']> }>}
 */
const underWay = new Map();

/**
 * The file's bytes, from the cache or the network, of the right length and hash. A file that is being
 * downloaded already is not downloaded a second time, unless that download is aborted.
 * @param {ModelFile} file
 * @param {Watch} watch
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
export async function modelBytes(file, { signal, progress }) {
  for (let known = underWay.get(file.sha256); known; known = underWay.get(file.sha256)) {
    known.listeners.add(progress);
    try {
      return await known.bytes;
    } catch (thrown) {
      if (signal.aborted || !known.signal.aborted) throw thrown;
      // The other one was cancelled, and has kept what had arrived.
    }
  }
  const listeners = new Set([progress]);
  const report = (/** @type {number} */ loaded, /** @type {number} */ total) =>
    listeners.forEach((listen) => listen(loaded, total));
  const bytes = checkedBytes(file, { signal, progress: report }).finally(() =>
    underWay.delete(file.sha256),
  );
  underWay.set(file.sha256, { bytes, signal, listeners });
  return await bytes;
}

/**
 * @param {ModelFile} file
 * @param {Watch} watch
 */
async function checkedBytes(file, watch) {
  const cache = await openCache();
  const kept = await read(cache, keyOf(file, 'whole'));
  if (kept && (await isRight(kept, file))) {
    watch.progress(file.bytes, file.bytes);
    return kept;
  }
  const bytes = await download(file, cache, watch);
  await cache?.delete(keyOf(file, 'part'));
  if (!(await isRight(bytes, file))) {
    throw new MasklinkError(
      'model-hash',
      `The file ${file.url} is not the one its list describes: its SHA-256 is another. ` +
        'Reload the page; if this happens again, the publisher must correct the list or the file.',
    );
  }
  await write(cache, keyOf(file, 'whole'), bytes);
  return bytes;
}

/**
 * The text of a list of files: the newest there is, or the one kept from the last visit where there
 * is no network.
 * @param {string} address
 * @param {{ code: string, what: string }} list `what` it lists and the failure's `code`.
 */
export async function listText(address, { code, what }) {
  const cache = await openCache();
  try {
    const response = await fetch(address, { cache: 'no-cache' });
    if (!response.ok)
      throw new MasklinkError(
        code,
        `${what} (${address}) could not be fetched: the server returned ${response.status}.`,
      );
    const text = await response.text();
    const before = await (await cache?.match(address))?.text();
    await write(cache, address, text);
    if (cache && before !== undefined && before !== text) await forgetUnlisted(cache);
    return text;
  } catch (thrown) {
    if (thrown instanceof MasklinkError) throw thrown;
    const kept = await cache?.match(address);
    if (kept) return await kept.text();
    throw new MasklinkError(
      code,
      `${what} (${address}) could not be fetched; check the connection and try again.`,
      { cause: thrown },
    );
  }
}

/**
 * Forgets the files that no list names any more, which were those of an earlier version.
 * @param {Cache} cache
 */
async function forgetUnlisted(cache) {
  const requests = await cache.keys();
  const hashOf = (/** @type {Request} */ { url }) =>
    /\/masklink-model-cache\/([0-9a-f]{64})\//.exec(url)?.[1];
  const lists = await Promise.all(
    requests
      .filter((request) => !hashOf(request))
      .map(async (request) => (await cache.match(request))?.text()),
  );
  const listed = new Set(lists.flatMap((text) => text?.match(/\b[0-9a-f]{64}\b/g) ?? []));
  const unlisted = requests.filter(
    (request) => hashOf(request) && !listed.has(hashOf(request) ?? ''),
  );
  await Promise.all(unlisted.map((request) => cache.delete(request)));
}

/**
 * @param {ModelFile} file
 * @param {Cache | undefined} cache
 * @param {Watch} watch
 */
async function download(file, cache, watch) {
  const bytes = new Uint8Array(file.bytes);
  const part = await read(cache, keyOf(file, 'part'));
  let loaded = part && part.length < file.bytes ? part.length : 0;
  if (part && loaded) bytes.set(part);
  for (let attempt = 1; ; attempt += 1) {
    try {
      for await (const [at, chunk] of chunks(file, loaded, watch.signal)) {
        if (at + chunk.length > file.bytes) throw wrongLength(file, 'more');
        bytes.set(chunk, at);
        loaded = at + chunk.length;
        watch.progress(loaded, file.bytes);
      }
      if (loaded === file.bytes) return bytes;
      throw wrongLength(file, 'less');
    } catch (thrown) {
      const over = thrown instanceof MasklinkError || watch.signal.aborted || attempt === ATTEMPTS;
      if (!over) {
        await pause(PAUSE * attempt, watch.signal);
        continue;
      }
      if (loaded && !(thrown instanceof MasklinkError))
        await write(cache, keyOf(file, 'part'), bytes.slice(0, loaded));
      if (watch.signal.aborted) throw cancelled();
      if (thrown instanceof MasklinkError) throw thrown;
      throw new MasklinkError(
        'model-unreachable',
        `The file ${file.url} could not be downloaded (${messageOf(thrown)}). ` +
          'Check the connection and try again; the download continues where it stopped.',
        { cause: thrown },
      );
    }
  }
}

/**
 * Waits for some milliseconds, or until the signal is aborted.
 * @param {number} milliseconds
 * @param {AbortSignal} signal
 */
export async function pause(milliseconds, signal) {
  if (signal.aborted) return;
  await new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
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

/**
 * The pieces of a file from `start` on, or from 0 where the server does not serve parts, each with its place.
 * @param {ModelFile} file
 * @param {number} start
 * @param {AbortSignal} signal
 * @returns {AsyncGenerator<[number, Uint8Array]>}
 */
async function* chunks(file, start, signal) {
  let response = await fetch(file.url, {
    signal,
    headers: start ? { Range: `bytes=${start}-` } : {},
  });
  const rest =
    response.status === 206 && response.headers.get('Content-Range')?.startsWith(`bytes ${start}-`);
  if (start && !rest && response.status !== 200) {
    // The server cannot go on from there: all of it.
    await response.body?.cancel();
    response = await fetch(file.url, { signal });
  }
  if (!rest && response.status !== 200) {
    await response.body?.cancel();
    throw new MasklinkError(
      'model-unreachable',
      `The file ${file.url} could not be downloaded: the server returned ${response.status}.`,
    );
  }
  let at = rest ? start : 0;
  const reader = response.body?.getReader();
  for (let piece = await reader?.read(); piece && !piece.done; piece = await reader?.read()) {
    yield [at, piece.value];
    at += piece.value.length;
  }
}

/** Returns the error of a cancelled download. */
export function cancelled() {
  return new MasklinkError(
    'cancelled',
    'The download was cancelled; it continues where it stopped.',
  );
}

/**
 * @param {ModelFile} file
 * @param {'more' | 'less'} way
 */
function wrongLength(file, way) {
  return new MasklinkError(
    'model-size',
    `The file ${file.url} has ${way} than the ${file.bytes} bytes that its list states; ` +
      'the publisher must correct the list or the file.',
  );
}

/**
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {ModelFile} file
 */
async function isRight(bytes, file) {
  if (bytes.length !== file.bytes) return false;
  if (!globalThis.crypto?.subtle) return sha256Hex(bytes) === file.sha256;
  return hexOf(await crypto.subtle.digest('SHA-256', bytes)) === file.sha256;
}

/**
 * An address that no server is asked for: the cache wants one as its key.
 * @param {ModelFile} file
 * @param {'whole' | 'part'} what
 */
function keyOf(file, what) {
  return new URL(`/masklink-model-cache/${file.sha256}/${what}`, self.location.origin).href;
}

/** @returns {Promise<Cache | undefined>} */
async function openCache() {
  try {
    return await self.caches?.open(CACHE);
  } catch (thrown) {
    console.warn(`Models are not kept for the next visit: ${messageOf(thrown)}`);
    return undefined;
  }
}

/**
 * @param {Cache | undefined} cache
 * @param {string} key
 */
async function read(cache, key) {
  const response = await cache?.match(key);
  return response && new Uint8Array(await response.arrayBuffer());
}

/**
 * @param {Cache | undefined} cache
 * @param {string} key
 * @param {Uint8Array<ArrayBuffer> | string} body
 */
async function write(cache, key, body) {
  try {
    await cache?.put(key, new Response(body));
  } catch (thrown) {
    console.warn(`The model is not kept for the next visit: ${messageOf(thrown)}`);
  }
}
