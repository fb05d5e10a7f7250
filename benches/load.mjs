/**
 * @file A bounded load on the linking endpoint over the loopback: clients that link masks, some that upload
 * new images, and an index that is loaded anew meanwhile. Prints the times by their percentiles and the
 * server's memory, and fails at any status but 200, 201, 429 and 503.
 *
 * `./build.sh build` first, then `node benches/load.mjs [--clients 64] [--uploads 8] [--seconds 60]`.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    clients: { type: 'string', default: '64' },
    uploads: { type: 'string', default: '8' },
    seconds: { type: 'string', default: '60' },
    reload: { type: 'string', default: '5' },
    server: { type: 'string', multiple: true, default: [] },
  },
});
const [CLIENTS, UPLOADERS, SECONDS, RELOAD] = [
  options.clients,
  options.uploads,
  options.seconds,
  options.reload,
].map(Number);
const ROOT = join(import.meta.dirname, '..');
const TARGET = process.env.CARGO_TARGET_DIR ?? join(ROOT, 'target');
const SAMPLES = join(ROOT, 'www/samples');
const EXPECTED = new Set([200, 201, 429, 503]);

/** @typedef {{ status: number, millis: number }} Outcome */

/** @type {Map<string, Outcome[]>} */
const outcomes = new Map([
  ['link', []],
  ['upload', []],
]);
const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
const sha256 = (/** @type {Buffer} */ bytes) => createHash('sha256').update(bytes).digest('hex');

const { images, annotations } = JSON.parse(readFileSync(join(SAMPLES, 'annotations.json'), 'utf8'));
const questions = annotations.slice(0, 100).map((/** @type {any} */ { image_id, segmentation }) => {
  const image = images.find((/** @type {any} */ one) => one.id === image_id);
  return {
    bytes: readFileSync(join(SAMPLES, 'images', image.file_name)),
    mask: segmentation[0],
  };
});

const server = spawn(
  process.env.MASKLINK ?? join(TARGET, 'release/masklink'),
  ['serve', '--port', '0', '--rate', '0', '--index', join(TARGET, 'index'), ...options.server],
  { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, RUST_LOG: 'masklink=info' } },
);
process.once('exit', () => server.kill());
/** Number of times that the server has loaded the index anew. */
let reloads = 0;
createInterface(server.stderr).on('line', (line) => {
  if (line.includes('loaded the index')) reloads += 1;
  else if (!line.includes('INFO')) console.error(line);
});
const address = await new Promise((resolve, reject) => {
  server.stdout.on('data', (line) => resolve(/http:\/\/\S+/.exec(String(line))?.[0]));
  server.on('exit', (status) => reject(new Error(`the server ended with ${status}`)));
});

/**
 * Sends one request and returns its status and body.
 * @param {string} method
 * @param {string} path
 * @param {Buffer | string} body
 * @returns {Promise<{ status: number, text: string }>}
 */
function send(method, path, body) {
  const headers = { 'content-type': method === 'PUT' ? 'image/jpeg' : 'application/json' };
  return new Promise((resolve, reject) => {
    const sent = request(new URL(path, address), { method, agent, headers }, (response) => {
      let text = '';
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/**
 * Sends one request and keeps its time; waits a second where the server is busy.
 * @param {'link' | 'upload'} kind
 * @param {string} path
 * @param {Buffer | string} body
 */
async function measured(kind, path, body) {
  const started = performance.now();
  const { status, text } = await send(kind === 'upload' ? 'PUT' : 'POST', path, body);
  assert.ok(EXPECTED.has(status), `${kind}: ${status} ${text}`);
  outcomes.get(kind)?.push({ status, millis: performance.now() - started });
  if (status >= 400) await pause(1000);
}

/** @param {number} number */
async function client(number) {
  for (let turn = number; performance.now() < end; turn += CLIENTS) {
    const { bytes, mask } = questions[turn % questions.length];
    if (number < UPLOADERS) {
      // Bytes after the end of a JPEG make another image of the same pixels.
      const other = Buffer.concat([bytes, randomBytes(16)]);
      await measured('upload', `v1/images/${sha256(other)}`, other);
    } else {
      const image = { sha256: sha256(bytes) };
      await measured('link', 'v1/link', JSON.stringify({ image, mask, top_k: 5 }));
    }
  }
}

/** The server's resident memory in megabytes, and its maximum; nothing where the system does not tell. */
function memory() {
  try {
    const text = readFileSync(`/proc/${server.pid}/status`, 'utf8');
    const of = (/** @type {string} */ key) =>
      Number(new RegExp(`${key}:\\s+(\\d+)`).exec(text)?.[1]) / 1024;
    return { now: of('VmRSS'), peak: of('VmHWM') };
  } catch {
    return { now: NaN, peak: NaN };
  }
}

/** @param {number[]} sorted @param {number} part */
const percentile = (sorted, part) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN;

for (const bytes of new Set(questions.map((/** @type {any} */ one) => one.bytes)))
  assert.ok((await send('PUT', `v1/images/${sha256(bytes)}`, bytes)).status < 300);
const before = memory();
const end = performance.now() + 1000 * SECONDS;
const reloading = setInterval(() => server.kill('SIGHUP'), 1000 * RELOAD);
const half = pause(500 * SECONDS).then(memory);
await Promise.all(Array.from({ length: CLIENTS }, (_, number) => client(number)));
clearInterval(reloading);
const { text: measurements } = await send('GET', 'metrics', '');
const [middle, after] = [await half, memory()];
server.removeAllListeners('exit');
server.kill();

for (const [kind, all] of outcomes) {
  const done = all.filter(({ status }) => status < 300).map(({ millis }) => millis);
  done.sort((a, b) => a - b);
  const refused = all.length - done.length;
  const times = [0.5, 0.95, 0.99].map((part) => percentile(done, part).toFixed(0)).join(', ');
  console.log(
    `${kind}: ${done.length} (${(done.length / SECONDS).toFixed(1)}/s), ${refused} times 429 or 503; ` +
      `p50, p95, p99 in ms: ${times}`,
  );
}
for (const stage of ['queue', 'prepare', 'encode', 'pool', 'search']) {
  const of = (/** @type {string} */ key) =>
    Number(
      new RegExp(`^masklink_${stage}_seconds_${key} (\\S+)`, 'm').exec(measurements)?.[1] ?? NaN,
    );
  console.log(
    `${stage}: mean ${((1000 * of('sum')) / of('count')).toFixed(2)} ms of ${of('count')}`,
  );
}
console.log(
  `${reloads} reloads; memory ${before.now.toFixed(0)} MB before, ${middle.now.toFixed(0)} halfway, ` +
    `${after.now.toFixed(0)} after, ${after.peak.toFixed(0)} at most`,
);
