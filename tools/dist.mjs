/**
 * Lays the page out in a folder: its bundled modules, the files of www/ that visitors fetch, and
 * the vendored runtime files. A file that is already there with the same bytes keeps its date, one
 * that no longer belongs is removed. The benchmark page and what tests import come with the
 * module `workbench`.
 *
 * Usage: node tools/dist.mjs DIST PKG MODULE…
 */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, extname, join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { bundle } from './bundle.mjs';
import { describeElement } from './element.mjs';
import { splitSamples } from './samples.mjs';

const [dist, pkg, ...modules] = process.argv.slice(2);
if (!dist || !pkg || modules.length === 0)
  throw new Error('usage: node tools/dist.mjs DIST PKG MODULE…');

/** The element's module: people name it in their pages. */
const ELEMENT = 'mask-viewer.js';
/** A page with the modules that are published under their own names, beside those it loads. */
const PAGES = [
  { page: 'index.html', named: [ELEMENT] },
  { page: 'explore.html', named: [] },
];
if (modules.includes('workbench'))
  PAGES.push({ page: 'bench.html', named: [] }, { page: '', named: ['workbench.js'] });

/** Sources of what is bundled or written here. */
const BUNDLED = new Set(['.js', '.css', '.html', '.wgsl', '.ts']);
/** Files of www/ that are about the sources and not for visitors. */
const LEFT_OUT = new Set([
  'jsconfig.json',
  'vendor.json',
  'csp.txt',
  'samples/cached-answers.json',
]);
const PRECOMPRESSED = /\.(br|gz)$/;
// An index carries its encoder with it; what it is made from is for whoever makes one.
const MANIFEST = 'models/link-encoder.json';
for (const file of ['kinds.jsonl', 'kinds.safetensors', 'link-calibration.json'])
  LEFT_OUT.add(`models/${file}`);
const { file: encoder } = JSON.parse(readFileSync(join('www', MANIFEST), 'utf8'));
const { models } = JSON.parse(readFileSync('www/models/models.json', 'utf8'));
LEFT_OUT.add(MANIFEST);
if (!models.some((/** @type {{encoder: {url: string}}} */ model) => model.encoder.url === encoder))
  LEFT_OUT.add(`models/${encoder}`);

/** The published files: where each comes from, or its bytes. @type {Map<string, string | Uint8Array>} */
const files = new Map();
for (const file of filesBelow('www')) {
  if (!LEFT_OUT.has(file) && !BUNDLED.has(extname(file))) files.set(file, join('www', file));
}
/** @type {{from: string, to: string, gzip?: boolean}[]} */
const vendored = JSON.parse(readFileSync('www/vendor.json', 'utf8'));
for (const { from, to, gzip } of vendored)
  files.set(to, gzip ? gzipped(join('node_modules', from)) : join('node_modules', from));
files.set('vendor/onnxruntime/files.json', runtimeList());
const samples = await splitSamples('www/samples', pkg);
for (const [file, bytes] of samples.files) files.set(`samples/${file}`, bytes);
for (const { page, named } of PAGES) await publish(page, named);
for (const [file, bytes] of describeElement(pkg)) files.set(file, bytes);

let written = 0;
for (const [file, source] of files) {
  const target = join(dist, file);
  const bytes = typeof source === 'string' ? readFileSync(source) : Buffer.from(source);
  if (existsSync(target) && readFileSync(target).equals(bytes)) continue;
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, bytes);
  for (const variant of [`${target}.br`, `${target}.gz`]) rmSync(variant, { force: true });
  written += 1;
}
for (const file of filesBelow(dist)) {
  if (!files.has(file.replace(PRECOMPRESSED, '')) && !file.startsWith('index/'))
    rmSync(join(dist, file));
}
for (const folder of readdirSync(dist, { withFileTypes: true })) {
  if (folder.isDirectory() && filesBelow(join(dist, folder.name)).length === 0)
    rmSync(join(dist, folder.name), { recursive: true });
}
console.log(`    ${files.size} files, ${written} written`);

/** Lists every file below `folder`, relative to it. @param {string} folder @returns {string[]} */
function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
}

/**
 * Bundles what a page loads, and writes the page with the names of the bundles.
 * @param {string} page Its file in www/, or '' where there is none.
 * @param {string[]} named Modules that are published under their own names too.
 */
async function publish(page, named) {
  const source = page && readFileSync(join('www', page), 'utf8');
  const script = /<script type="module" src="([^"]+)"><\/script>/.exec(source)?.[1];
  const styles = /<link rel="stylesheet" href="([^"]+)" \/>/.exec(source)?.[1];
  const own = [script, styles].filter((entry) => entry !== undefined);
  const bundled = await bundle([...named, ...own], pkg);
  for (const [file, bytes] of bundled.files) files.set(file, bytes);
  for (const entry of named) {
    // Named one by one, so that the browser fetches them at once.
    const [first, ...others] = bundled.needs(entry).modules;
    const lines = [...others.map((file) => `import './${file}';`), `export * from './${first}';`];
    files.set(entry, Buffer.from(`${lines.join('\n')}\n`));
  }
  if (!page) return;
  const policy = readFileSync('www/csp.txt', 'utf8').trim().split('\n').join('; ');
  let html = source.replace(
    '<meta http-equiv="Content-Security-Policy" content="" />',
    `<meta http-equiv="Content-Security-Policy" content="${policy}" />`,
  );
  if (!html.includes(policy)) throw new Error(`${page} has no place for its policy`);
  for (const entry of own) html = html.replace(`"${entry}"`, `"${bundled.entries.get(entry)}"`);
  const { modules: loaded, wasm } = script ? bundled.needs(script) : { modules: [], wasm: [] };
  // The browser requests the files of the first view at the same time.
  const { id, file: image } = samples.first;
  const shown = ['list.json', `images/${image}`, `records/${id}.json`].map(
    (file) => `samples/${file}`,
  );
  const fetched = [...wasm, ...(page === 'index.html' ? [...shown, 'endpoint.json'] : [])];
  const hints = [
    ...fetched.map((file) => `<link rel="preload" as="fetch" href="${file}" crossorigin />`),
    ...loaded.slice(1).map((file) => `<link rel="modulepreload" href="${file}" />`),
  ];
  files.set(page, Buffer.from(html.replace('<script', `${hints.join('\n    ')}\n    <script`)));
}

/** Lists the runtime's modules with their lengths and hashes, for progress and for their check. */
function runtimeList() {
  const listed = vendored
    .filter(({ from }) => from.endsWith('.wasm'))
    .map(({ to }) => {
      const bytes = readFileSync(/** @type {string} */ (files.get(to)));
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      return [basename(to), { bytes: bytes.length, sha256 }];
    });
  return Buffer.from(JSON.stringify(Object.fromEntries(listed)));
}

/**
 * Returns the gzipped copy of a file, beside the wasm package; made again when the file is newer.
 * @param {string} file
 * @returns {string}
 */
function gzipped(file) {
  const copy = join(dirname(/** @type {string} */ (pkg)), 'vendor', `${basename(file)}.gzip`);
  if (!existsSync(copy) || statSync(copy).mtimeMs < statSync(file).mtimeMs) {
    mkdirSync(dirname(copy), { recursive: true });
    writeFileSync(copy, gzipSync(readFileSync(file), { level: 9 }));
  }
  return copy;
}
