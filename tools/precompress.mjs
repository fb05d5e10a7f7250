/**
 * Writes a brotli and a gzip variant beside each file of a folder that shrinks by it, for servers
 * that choose by Accept-Encoding. Results are kept by content in a cache folder, because the
 * largest take a minute.
 *
 * Usage: node tools/precompress.mjs DIST CACHE
 */
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  writeFileSync,
} from 'node:fs';
import { extname, join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const [dist, cache] = process.argv.slice(2);
if (!dist || !cache) throw new Error('usage: node tools/precompress.mjs DIST CACHE');
mkdirSync(cache, { recursive: true });

const COMPRESSIBLE = new Set([
  '.html',
  '.css',
  '.js',
  '.mjs',
  '.json',
  '.wasm',
  '.svg',
  '.txt',
  '.md',
  '.onnx',
  '.jsonl',
]);
const SMALLEST = 1024;
/** Brotli's highest effort costs minutes on the largest modules and gains 2 %. */
const LARGE = 4 * 1024 * 1024;

/** @param {Buffer} bytes */
function brotli(bytes) {
  const quality = bytes.length > LARGE ? 9 : 11;
  return brotliCompressSync(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: quality,
      [constants.BROTLI_PARAM_LGWIN]: 22,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  });
}

const encoders = { br: brotli, gz: (/** @type {Buffer} */ bytes) => gzipSync(bytes, { level: 9 }) };
let count = 0;
for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !COMPRESSIBLE.has(extname(entry.name))) continue;
  // `masklink index -o dist/index` replaces this file, and knows nothing of variants beside it.
  if (entry.name === 'index.json') continue;
  const file = join(entry.parentPath, entry.name);
  const bytes = readFileSync(file);
  if (bytes.length < SMALLEST) continue;
  const key = createHash('sha256').update(bytes).digest('hex');
  for (const [suffix, encode] of Object.entries(encoders)) {
    const kept = join(cache, `${key}.${suffix}`);
    if (!existsSync(kept)) writeFileSync(kept, encode(bytes));
    const encoded = readFileSync(kept);
    if (encoded.length < bytes.length * 0.95) copyFileSync(kept, `${file}.${suffix}`);
  }
  count += 1;
}
console.log(`    ${count} files`);
