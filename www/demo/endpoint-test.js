/**
 * @file Tests a linking endpoint: whether it is reached, lets this page read its responses, speaks the
 *   protocol, and by which index it links.
 */

import { loadViewer, encodeRle } from '../viewer/module.js';

/** Milliseconds that an endpoint has for a response. */
const TIMEOUT = 10_000;
/** Width and height of the image that is sent: grey, made here. */
const SIDE = 32;
/** Version of the protocol that this page speaks. */
const VERSION = 1;
/** Header of the page's own index, relative to the page. */
const INDEX = 'index/index.json';

/** @typedef {{ words: string, isGood: boolean }} Result */

const good = (/** @type {string} */ words) => ({ words, isGood: true });
const bad = (/** @type {string} */ words) => ({ words, isGood: false });

/**
 * Tests an endpoint with a small grey image instead of the one that is open.
 * @param {string} endpoint Its address.
 * @param {string} token Empty for none.
 * @returns {Promise<Result[]>} One line for each thing that was found out.
 */
export async function testEndpoint(endpoint, token) {
  const { base, query } = parts(endpoint);
  const body = await smallRequest();
  const started = performance.now();
  /** @type {Response} */
  let response;
  try {
    response = await fetch(`${base}v1/link${query}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token && { authorization: `Bearer ${token}` }),
      },
      body,
      credentials: 'omit',
      referrerPolicy: 'no-referrer',
      signal: AbortSignal.timeout(TIMEOUT),
    });
  } catch (thrown) {
    return [await unreadable(base, thrown)];
  }
  const milliseconds = Math.round(performance.now() - started);
  const lines = [
    good(`Reached in ${milliseconds} ms.`),
    good('This page may read its responses (CORS).'),
    await versionOf(base),
  ];
  let answer = null;
  try {
    answer = await response.json();
  } catch (thrown) {
    if (isTimeout(thrown))
      return [...lines, bad(`Its response did not end within ${TIMEOUT / 1000} s.`)];
    // Something else than JSON is no response of the protocol.
  }
  lines.push(response.ok ? indexOf(answer) : refused(response.status, token, answer));
  return lines;
}

/**
 * Returns the address that paths of the protocol are appended to, and the query that chooses a back end.
 * @param {string} endpoint
 */
function parts(endpoint) {
  const address = new URL(endpoint, document.baseURI);
  const backend = address.searchParams.get('backend');
  const base = `${address.origin}${address.pathname.replace(/\/*$/, '/')}`;
  return { base, query: backend ? `?backend=${encodeURIComponent(backend)}` : '' };
}

/**
 * Tests the index that the page links with where there is no endpoint.
 * @returns {Promise<Result[]>}
 */
export async function testOwnIndex() {
  const first = good('No endpoint: masks are linked in this page.');
  try {
    const response = await fetch(INDEX, { signal: AbortSignal.timeout(TIMEOUT) });
    if (!response.ok) return [first, bad(`This page has no index (${response.status}).`)];
    const { encoder, entities } = await response.json();
    return [first, good(`Its index has ${amount(entities)} entities, encoder ${encoder?.id}.`)];
  } catch {
    return [first, bad('The index of this page cannot be read.')];
  }
}

/** Returns a request to link all of a small grey image. */
async function smallRequest() {
  await loadViewer();
  const canvas = new OffscreenCanvas(SIDE, SIDE);
  const context = canvas.getContext('2d');
  if (!context) throw new Error('This browser cannot make an image.');
  context.fillStyle = '#808080';
  context.fillRect(0, 0, SIDE, SIDE);
  const blob = await canvas.convertToBlob({ type: 'image/png' });
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const data = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
  const mask = encodeRle(SIDE, SIDE, Uint32Array.of(0, SIDE * SIDE));
  return JSON.stringify({ image: { data }, mask, top_k: 1 });
}

/**
 * Distinguishes an endpoint that does not answer from one that does not let this page read its responses.
 * @param {string} base
 * @param {unknown} thrown
 * @returns {Promise<Result>}
 */
async function unreadable(base, thrown) {
  if (isTimeout(thrown)) return bad(`Not reached: no response within ${TIMEOUT / 1000} s.`);
  try {
    // The response cannot be read; that there is one is all that this shows.
    await fetch(`${base}healthz`, { mode: 'no-cors', signal: AbortSignal.timeout(TIMEOUT) });
  } catch {
    const isMixed = location.protocol === 'https:' && base.startsWith('http:');
    return bad(
      isMixed
        ? 'Not reached: a page served by https may not ask an address with http.'
        : 'Not reached: nothing answers at this address. Check it, and that the server runs.',
    );
  }
  return bad(
    'Reached, but it does not let this page read its responses (CORS). ' +
      `Start it with --allow-origin ${location.origin}.`,
  );
}

/** @param {unknown} thrown */
function isTimeout(thrown) {
  return thrown instanceof DOMException && thrown.name === 'TimeoutError';
}

/** @param {string} base @returns {Promise<Result>} */
async function versionOf(base) {
  try {
    const response = await fetch(`${base}v1/openapi.json`, {
      credentials: 'omit',
      signal: AbortSignal.timeout(TIMEOUT),
    });
    const version = (await response.json()).info?.version;
    if (typeof version !== 'string') throw new Error('no version');
    return Number.parseInt(version, 10) === VERSION
      ? good(`Speaks version ${version} of the linking protocol.`)
      : bad(`Speaks version ${version} of the linking protocol; this page speaks ${VERSION}.`);
  } catch {
    return good('Does not state its version of the linking protocol.');
  }
}

/** @param {any} body @returns {Result} */
function indexOf(body) {
  const model = body?.model;
  if (!Array.isArray(body?.entities) || !model)
    return bad('Its response is not a response of the linking protocol. Check the address.');
  const { encoder, entities, exemplars, prototypes = 0, index_sha256: hash } = model;
  return good(
    `Links by index ${String(hash).slice(0, 8)} (encoder ${encoder}): ${amount(entities)} entities by ` +
      `${amount(exemplars)} masks and ${amount(prototypes)} classes.`,
  );
}

/**
 * @param {number} status
 * @param {string} token
 * @param {any} problem
 * @returns {Result}
 */
function refused(status, token, problem) {
  if (status === 401)
    return bad(token ? 'Refuses this token.' : 'Needs a token: fill it in above.');
  if ((status === 404 || status === 405) && !problem?.type)
    return bad('Is not a linking endpoint: there is none at v1/link below this address. Check it.');
  const detail = problem?.detail ?? problem?.title;
  return bad(`Cannot link (${status})${detail ? `: ${detail}` : ''}.`.replace('..', '.'));
}

/** @param {unknown} count */
function amount(count) {
  return Number(count).toLocaleString('en');
}
