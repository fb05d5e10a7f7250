/**
 * @file Bundles the page's modules by esbuild: one program, its workers and its WebAssembly
 *   modules become files in `assets/` whose names carry a hash of their content.
 */

import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, extname, join, relative, resolve, sep } from 'node:path';
import { build } from 'esbuild';

/** The folder of all hashed files, in the published page. */
export const ASSETS = 'assets/';
const WWW = resolve('www');
/** Files that a module names by `new URL(…, import.meta.url)` and that get a hashed name. */
const HASHED = new Set(['.wasm', '.wgsl']);
const ADDRESS = /new URL\(\s*(['"])(\.{0,2}[^'"]*)\1\s*,\s*import\.meta\.url,?\s*\)/g;

/**
 * @typedef {object} Bundled
 * @property {Map<string, Uint8Array>} files Contents by path in the published page.
 * @property {Map<string, string>} entries The published path of each entry point.
 * @property {(entry: string) => { modules: string[], wasm: string[] }} needs What the browser loads
 *   to run an entry: modules that it imports, and WebAssembly modules that those name.
 */

/**
 * Bundles entry points that run in the same page; what they share is loaded once.
 * @param {string[]} entries Paths of modules and style sheets, relative to `www/`.
 * @param {string} pkg Folder of the modules that wasm-bindgen made.
 * @returns {Promise<Bundled>}
 */
export async function bundle(entries, pkg) {
  /** @type {Map<string, Uint8Array>} */
  const files = new Map();
  const addresses = new Addresses(resolve(pkg), files);
  const made = await build({
    entryPoints: entries.map((entry) => join(WWW, entry)),
    outdir: 'out',
    bundle: true,
    splitting: true,
    format: 'esm',
    target: 'esnext',
    charset: 'utf8',
    minify: true,
    metafile: true,
    write: false,
    entryNames: '[name]-[hash]',
    chunkNames: '[name]-[hash]',
    logLevel: 'warning',
    plugins: [
      { name: 'packages', setup: (esbuild) => resolvePackages(esbuild, resolve(pkg)) },
      {
        name: 'addresses',
        setup: (esbuild) =>
          esbuild.onLoad({ filter: /\.js$/ }, async ({ path }) => ({
            contents: await addresses.replacedIn(path),
            loader: 'js',
          })),
      },
    ],
  });
  const { outputs } = made.metafile;
  /** @type {Map<string, string>} */
  const published = new Map();
  for (const { path, contents } of made.outputFiles) {
    files.set(`${ASSETS}${basename(path)}`, contents);
  }
  for (const [output, { entryPoint }] of Object.entries(outputs)) {
    if (entryPoint) published.set(relative(WWW, resolve(entryPoint)), ASSETS + basename(output));
  }
  const needs = (/** @type {string} */ entry) =>
    neededBy(published.get(entry), outputs, addresses.wasmOf);
  return { files, entries: published, needs };
}

/** The addresses in modules, made relative to `assets/`, and the files and workers that they name. */
class Addresses {
  #pkg;
  #files;
  /** The hashed file of each source file that it is made from. @type {Map<string, string>} */
  wasmOf = new Map();
  /** @type {Map<string, Promise<string>>} */
  #workers = new Map();

  /**
   * @param {string} pkg
   * @param {Map<string, Uint8Array>} files Receives the files that the addresses name.
   */
  constructor(pkg, files) {
    this.#pkg = pkg;
    this.#files = files;
  }

  /**
   * Returns a module's source with each address relative to it made relative to `assets/`.
   * @param {string} path
   */
  async replacedIn(path) {
    const source = readFileSync(path, 'utf8');
    const found = [...source.matchAll(ADDRESS)];
    const published = await Promise.all(
      found.map(([, , address]) => this.#published(path, address ?? '')),
    );
    let at = 0;
    return source.replace(ADDRESS, () => `new URL('${published[at++]}', import.meta.url)`);
  }

  /** @param {string} path @param {string} address */
  async #published(path, address) {
    const target = join(dirname(path), address);
    const packed = join(this.#pkg, relative(join(WWW, 'pkg'), target));
    const file = target.startsWith(join(WWW, 'pkg')) ? packed : target;
    if (extname(file) === '.js' && existsSync(file)) {
      const worker = this.#workers.get(file) ?? this.#bundleWorker(file);
      this.#workers.set(file, worker);
      return `./${basename(await worker)}`;
    }
    if (HASHED.has(extname(file))) {
      const bytes = readFileSync(file);
      const name = `${ASSETS}${basename(file, extname(file))}-${hashOf(bytes)}${extname(file)}`;
      this.#files.set(name, bytes);
      this.wasmOf.set(path, name);
      return `./${basename(name)}`;
    }
    // Anything else keeps its name in the published page.
    const steps = relative(WWW, sourceOf(file, this.#pkg)).split(sep).join('/');
    return `../${steps}${address.endsWith('/') && !steps.endsWith('/') ? '/' : ''}`;
  }

  /** @param {string} file */
  async #bundleWorker(file) {
    const entry = relative(WWW, file);
    const worker = await bundle([entry], this.#pkg);
    for (const [name, bytes] of worker.files) this.#files.set(name, bytes);
    return /** @type {string} */ (worker.entries.get(entry));
  }
}

/**
 * Returns the modules and WebAssembly modules that the browser loads to run an entry.
 * @param {string | undefined} name Published path of the entry.
 * @param {import('esbuild').Metafile['outputs']} outputs
 * @param {Map<string, string>} wasmOf
 */
function neededBy(name, outputs, wasmOf) {
  /** @type {Set<string>} */
  const modules = new Set();
  /** @type {Set<string>} */
  const wasm = new Set();
  const follow = (/** @type {string} */ output) => {
    if (modules.has(output)) return;
    modules.add(output);
    const { imports = [], inputs = {} } = outputs[output] ?? {};
    for (const input of Object.keys(inputs)) {
      const module = wasmOf.get(resolve(input));
      if (module) wasm.add(module);
    }
    for (const { path, kind } of imports) if (kind === 'import-statement') follow(path);
  };
  follow(Object.keys(outputs).find((output) => ASSETS + basename(output) === name) ?? '');
  return { modules: [...modules].map((output) => ASSETS + basename(output)), wasm: [...wasm] };
}

/**
 * Finds the modules that wasm-bindgen made where `www/` imports them from `pkg/`, and the copies
 * of our own modules that it puts beside them where they come from.
 * @param {import('esbuild').PluginBuild} esbuild
 * @param {string} pkg
 */
function resolvePackages(esbuild, pkg) {
  esbuild.onResolve({ filter: /^\.{1,2}\// }, ({ path, resolveDir }) => {
    const inWww = relative(join(WWW, 'pkg'), join(resolveDir, path));
    const file = sourceOf(inWww.startsWith('..') ? join(resolveDir, path) : join(pkg, inWww), pkg);
    return file === join(resolveDir, path) ? undefined : { path: file };
  });
}

/** @param {string} file @param {string} pkg */
function sourceOf(file, pkg) {
  const [from, , ...steps] = relative(pkg, file).split(sep);
  return from === 'snippets' ? resolve(...steps) : file;
}

/** Returns a hash of eight letters and digits, like esbuild's. @param {Uint8Array} bytes */
function hashOf(bytes) {
  const digest = createHash('sha256').update(bytes).digest();
  return [...digest.subarray(0, 8)]
    .map((byte) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[byte % 32])
    .join('');
}
