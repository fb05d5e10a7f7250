/**
 * @file Writes the licences of what is compiled in: `licenses.mjs FILE page` for the page's modules and its
 * npm packages, `licenses.mjs FILE binary` for the program.
 *
 * Texts that several packages share stand once. A package without a text is named by its licence alone, and
 * one without either is an error.
 */

import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
/** Features and platform of what is compiled. */
const BUILDS = {
  page: ['--features', 'viewer,workers,explorer', '--filter-platform', 'wasm32-unknown-unknown'],
  binary: ['--features', 'cli', '--filter-platform', 'x86_64-unknown-linux-gnu'],
};
/** npm packages whose files the page loads. */
const BUNDLED = ['onnxruntime-web'];
const TEXTS = /^(licen[cs]e|copying|notice|unlicense|thirdpartynotices)([-_.].*)?$/i;

/** @typedef {{ name: string, version: string, license: string, folder: string }} Package */

const [file, build] = process.argv.slice(2);
if (!file || (build !== 'page' && build !== 'binary'))
  throw new Error('usage: licenses.mjs FILE page|binary');
const packages = [...crates(BUILDS[build]), ...(build === 'page' ? BUNDLED.map(npmPackage) : [])];
writeFileSync(file, notices(packages));
console.log(`${file}: ${packages.length} packages`);

/**
 * The crates that are linked in, without those that only build or test.
 * @param {string[]} options
 * @returns {Package[]}
 */
function crates(options) {
  const text = execFileSync(
    'cargo',
    ['metadata', '--format-version', '1', '--locked', '--no-default-features', ...options],
    { cwd: ROOT, maxBuffer: 1 << 28 },
  );
  const { packages: all, resolve } = JSON.parse(String(text));
  const nodes = new Map(resolve.nodes.map((/** @type {any} */ node) => [node.id, node]));
  const [seen, next] = [new Set([resolve.root]), [resolve.root]];
  for (let id = next.pop(); id; id = next.pop()) {
    for (const { pkg, dep_kinds } of nodes.get(id).deps) {
      const isLinked = dep_kinds.some((/** @type {any} */ { kind }) => kind === null);
      if (isLinked && !seen.has(pkg)) next.push(pkg);
      if (isLinked) seen.add(pkg);
    }
  }
  return all
    .filter((/** @type {any} */ { id }) => seen.has(id) && id !== resolve.root)
    .map((/** @type {any} */ { name, version, license, manifest_path }) => ({
      name,
      version,
      license: license ?? '',
      folder: dirname(manifest_path),
    }));
}

/** @param {string} name @returns {Package} */
function npmPackage(name) {
  const folder = join(ROOT, 'node_modules', name);
  const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return { name, version, license, folder };
}

/** @param {Package[]} listed */
function notices(listed) {
  /** @type {Map<string, string[]>} */
  const texts = new Map();
  const lines = [];
  for (const { name, version, license, folder } of listed) {
    const found = readdirSync(folder).filter((entry) => TEXTS.test(entry));
    if (!license && found.length === 0) throw new Error(`${name} ${version} states no licence`);
    lines.push(`${name} ${version}: ${license}`);
    for (const entry of found) {
      const text = readFileSync(join(folder, entry), 'utf8').trim().replaceAll('\r\n', '\n');
      texts.set(text, [...(texts.get(text) ?? []), `${name} ${version} (${entry})`]);
    }
  }
  const blocks = [...texts].map(([text, names]) => `${names.join('\n')}\n\n${text}`);
  const own = readFileSync(join(ROOT, 'NOTICE'), 'utf8').trim();
  return [own, `It contains:\n\n${lines.sort().join('\n')}`, ...blocks].join(
    `\n\n${'-'.repeat(80)}\n\n`,
  );
}
