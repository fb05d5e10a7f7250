/**
 * Prints the sizes of what a visitor downloads, raw, gzip and brotli, against the project's
 * budgets; exit status 1 over budget. What belongs to the viewer is found by following the static
 * imports from its entry module, what belongs to the page by following the workers it starts
 * besides.
 *
 * Usage: node tools/size.mjs DIST
 */
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, extname, join, normalize } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';

const [dist] = process.argv.slice(2);
if (!dist) throw new Error('usage: node tools/size.mjs DIST');
const KB = 1024;
const MAX_A_FILE = 25 * KB * KB;

const IMPORTS = /(?:from|import)\s*["'](\.{1,2}\/[^"']+)["']/g;
const WORKERS = /new Worker\(\s*new URL\(\s*["'](\.{1,2}\/[^"']+)["']/g;

/**
 * The modules at `entries` and everything they name by these patterns, with the wasm module beside
 * each one's glue.
 * @param {string[]} entries
 * @param {RegExp[]} patterns
 */
function closure(entries, patterns) {
  /** @type {Set<string>} */
  const seen = new Set();
  const waiting = [...entries];
  while (waiting.length > 0) {
    const file = /** @type {string} */ (waiting.pop());
    if (seen.has(file)) continue;
    if (!existsSync(join(dist, file))) throw new Error(`${file} is imported and not in ${dist}/`);
    seen.add(file);
    if (!['.js', '.mjs'].includes(extname(file))) continue;
    const text = readFileSync(join(dist, file), 'utf8');
    for (const [, name] of patterns.flatMap((pattern) => [...text.matchAll(pattern)])) {
      waiting.push(normalize(join(dirname(file), name)));
    }
    if (file.startsWith('pkg/')) waiting.push(file.replace(/\.js$/, '_bg.wasm'));
  }
  return [...seen];
}

/** @param {string[]} files */
function sizes(files) {
  const parts = files.map((file) => readFileSync(join(dist, file)));
  const sum = (/** @type {(bytes: Buffer) => number} */ measure) =>
    parts.reduce((total, bytes) => total + measure(bytes), 0);
  return {
    raw: sum((b) => b.length),
    gzip: sum((b) => gzipSync(b, { level: 9 }).length),
    brotli: sum((b) => brotliCompressSync(b).length),
  };
}

const rows = [
  {
    what: 'viewer: element and wasm module',
    files: closure(['mask-viewer.js'], [IMPORTS]),
    budget: 300 * KB,
  },
  {
    what: 'whole page but models, images and ONNX Runtime',
    files: closure(['demo/main.js'], [IMPORTS, WORKERS]),
    budget: 1024 * KB,
  },
];
let over = false;
const kb = (/** @type {number} */ bytes) => `${(bytes / KB).toFixed(1)} KB`.padStart(11);
console.log(
  `${''.padEnd(52)}${'raw'.padStart(11)}${'gzip'.padStart(11)}${'brotli'.padStart(11)}${'budget'.padStart(11)}`,
);
for (const { what, files, budget } of rows) {
  const { raw, gzip, brotli } = sizes(files);
  const failed = brotli > budget;
  over ||= failed;
  console.log(
    `${what.padEnd(52)}${kb(raw)}${kb(gzip)}${kb(brotli)}${kb(budget)}${failed ? '  OVER' : ''}`,
  );
}
for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile()) continue;
  const file = join(entry.parentPath, entry.name);
  if (statSync(file).size >= MAX_A_FILE) {
    over = true;
    console.log(
      `OVER: ${file} has ${statSync(file).size} bytes, static hosts take less than ${MAX_A_FILE}`,
    );
  }
}
process.exitCode = over ? 1 : 0;
