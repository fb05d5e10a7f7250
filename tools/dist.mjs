/**
 * Lays the page out in a folder: www/, the WebAssembly modules named and the vendored runtime
 * files. A file that is already there with the same bytes keeps its date, one that no longer
 * belongs is removed. The benchmark page comes with its module, `workbench`.
 *
 * Usage: node tools/dist.mjs DIST PKG MODULE…
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';

const [dist, pkg, ...modules] = process.argv.slice(2);
if (!dist || !pkg || modules.length === 0)
  throw new Error('usage: node tools/dist.mjs DIST PKG MODULE…');

/** Files of www/ that are about the sources and not for visitors. */
const LEFT_OUT = new Set(['jsconfig.json', 'vendor.json']);
const PRECOMPRESSED = /\.(br|gz)$/;
// An index carries its encoder with it; the card and file it is made from are for whoever makes one.
const CARD = 'models/link-encoder.json';
const { file: encoder } = JSON.parse(readFileSync(join('www', CARD), 'utf8'));
const { models } = JSON.parse(readFileSync('www/models/models.json', 'utf8'));
LEFT_OUT.add(CARD);
if (!models.some((/** @type {{encoder: {url: string}}} */ model) => model.encoder.url === encoder))
  LEFT_OUT.add(`models/${encoder}`);
/** The page of the module `workbench`. */
const BENCH_PAGE = /^bench[.-]/;

/** Every file below `folder`, relative to it. @param {string} folder @returns {string[]} */
function filesBelow(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
}

/** Where each published file comes from. @type {Map<string, string>} */
const sources = new Map();
for (const file of filesBelow('www')) {
  if (
    LEFT_OUT.has(file) ||
    file.endsWith('.d.ts') ||
    (BENCH_PAGE.test(file) && !modules.includes('workbench'))
  )
    continue;
  sources.set(file, join('www', file));
}
for (const file of modules.flatMap((module) => [`${module}.js`, `${module}_bg.wasm`]))
  sources.set(join('pkg', file), join(pkg, file));
if (existsSync('www/vendor.json')) {
  /** @type {{from: string, to: string, gzip?: boolean}[]} */
  const vendored = JSON.parse(readFileSync('www/vendor.json', 'utf8'));
  for (const { from, to, gzip } of vendored)
    sources.set(to, gzip ? gzipped(join('node_modules', from)) : join('node_modules', from));
}

/**
 * The gzipped copy of a file, beside the wasm package; made again when the file is newer.
 * @param {string} file
 * @returns {string}
 */
function gzipped(file) {
  const copy = join(dirname(pkg), 'vendor', `${basename(file)}.gzip`);
  if (!existsSync(copy) || statSync(copy).mtimeMs < statSync(file).mtimeMs) {
    mkdirSync(dirname(copy), { recursive: true });
    writeFileSync(copy, gzipSync(readFileSync(file), { level: 9 }));
  }
  return copy;
}

let written = 0;
for (const [file, source] of sources) {
  const target = join(dist, file);
  if (
    existsSync(target) &&
    statSync(target).size === statSync(source).size &&
    readFileSync(target).equals(readFileSync(source))
  )
    continue;
  mkdirSync(dirname(target), { recursive: true });
  cpSync(source, target);
  for (const variant of [`${target}.br`, `${target}.gz`]) rmSync(variant, { force: true });
  written += 1;
}
for (const file of filesBelow(dist)) {
  if (!sources.has(file.replace(PRECOMPRESSED, '')) && !file.startsWith('index/'))
    rmSync(join(dist, file));
}
console.log(`    ${sources.size} files, ${written} written`);
