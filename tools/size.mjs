/**
 * Prints the sizes of what a visitor downloads, raw, gzip and brotli, against the project's
 * budgets; exit status 1 over budget. The viewer's files are found from its entry module, by its
 * imports and the WebAssembly modules that they name; the page's by its workers besides.
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
const WASM = /new URL\(\s*["'](\.{1,2}\/[^"']+\.wasm)["']/g;
const WORKERS = /new URL\(\s*["'](\.{1,2}\/[^"']+\.js)["']/g;
/** Files that the page's own tags load. */
const TAGS = /<(?:script|link)[^>]* (?:src|href)="([^"]+\.(?:js|css))"/g;

/**
 * Returns `entry` and every file that it and those name by these patterns.
 * @param {string} entry
 * @param {RegExp[]} patterns
 */
function closure(entry, patterns) {
  /** @type {Set<string>} */
  const seen = new Set();
  const waiting = [entry];
  while (waiting.length > 0) {
    const file = /** @type {string} */ (waiting.pop());
    if (seen.has(file)) continue;
    if (!existsSync(join(dist, file))) throw new Error(`${file} is named and not in ${dist}/`);
    seen.add(file);
    if (!['.js', '.html'].includes(extname(file))) continue;
    const text = readFileSync(join(dist, file), 'utf8');
    for (const [, name] of patterns.flatMap((pattern) => [...text.matchAll(pattern)]))
      waiting.push(normalize(join(dirname(file), name)));
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

const ofPage = closure('index.html', [TAGS, IMPORTS, WASM, WORKERS]);
const rows = [
  {
    what: 'viewer: element and wasm module',
    files: closure('mask-viewer.js', [IMPORTS, WASM]),
    budget: 306 * KB,
  },
  {
    what: 'whole page but models, images and ONNX Runtime',
    files: ofPage,
    budget: 1024 * KB,
  },
  {
    what: 'explorer beyond the files of the page',
    files: closure('explore.html', [TAGS, IMPORTS, WASM, WORKERS]).filter(
      (file) => !ofPage.includes(file),
    ),
    budget: 700 * KB,
  },
  {
    // Three modules: of the element, of its workers and of the explorer.
    what: 'explorer but models, images and ONNX Runtime',
    files: closure('explore.html', [TAGS, IMPORTS, WASM, WORKERS]),
    budget: 1216 * KB,
  },
];
let over = false;
const kb = (/** @type {number} */ bytes) => `${(bytes / KB).toFixed(1)} KB`.padStart(11);
const heads = ['raw', 'gzip', 'brotli', 'budget'].map((head) => head.padStart(11));
console.log(`${''.padEnd(52)}${heads.join('')}`);
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
