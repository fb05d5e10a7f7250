/**
 * @file Describes the element for tools: its type declarations by the TypeScript compiler, and its
 *   custom-elements manifest by the analyzer of the same name.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { create, ts } from '@custom-elements-manifest/analyzer';

const ELEMENT = 'mask-viewer.js';
/** Folder of the declarations, in the published page. */
const TYPES = 'types';
const OPTIONS = [
  ...['--allowJs', '--checkJs', 'false', '--declaration', '--emitDeclarationOnly'],
  ...['--target', 'es2024', '--module', 'esnext', '--moduleResolution', 'bundler'],
  ...['--lib', 'es2024,dom,dom.iterable', '--types', '', '--skipLibCheck'],
];
/** The declarations that stand beside the element's script. */
const ROOT = `export * from './${TYPES}/${ELEMENT}';
import type { MaskViewer } from './${TYPES}/${ELEMENT}';
declare global {
  interface HTMLElementTagNameMap {
    'mask-viewer': MaskViewer;
  }
}
`;

/**
 * Returns the element's declarations and its manifest, by their paths in the published page.
 * @param {string} pkg Folder of the modules that wasm-bindgen made.
 * @returns {Map<string, Uint8Array>}
 */
export function describeElement(pkg) {
  const source = readFileSync(join('www', ELEMENT), 'utf8');
  const modules = [ts.createSourceFile(ELEMENT, source, ts.ScriptTarget.ES2015, true)];
  const manifest = JSON.stringify(create({ modules }), null, 2);
  /** @type {Map<string, Uint8Array>} */
  const files = new Map([
    [ELEMENT.replace('.js', '.d.ts'), Buffer.from(ROOT)],
    ['custom-elements.json', Buffer.from(`${manifest}\n`)],
  ]);
  for (const [file, text] of declarations(pkg)) files.set(`${TYPES}/${file}`, Buffer.from(text));
  return files;
}

/**
 * Compiles the element's declarations; returns those that its own refer to.
 * @param {string} pkg
 */
function declarations(pkg) {
  const folder = mkdtempSync(join(tmpdir(), 'masklink-types-'));
  try {
    const compiler = join('node_modules', '.bin', 'tsc');
    try {
      execFileSync(compiler, [...OPTIONS, '--outDir', folder, join('www', ELEMENT)]);
    } catch (thrown) {
      // Modules that wasm-bindgen made lie elsewhere: the declarations are written all the same.
      if (!existsSync(join(folder, ELEMENT.replace('.js', '.d.ts')))) throw thrown;
    }
    /** @type {Map<string, string>} */
    const found = new Map();
    const visit = (/** @type {string} */ file) => {
      if (found.has(file)) return;
      const at = file.startsWith('pkg/') ? join(pkg, file.slice(4)) : join(folder, file);
      const text = readFileSync(at, 'utf8');
      found.set(file, text);
      for (const [, name = ''] of text.matchAll(/(?:from |import\()['"](\.[^'"]+)\.js['"]/g))
        visit(normalize(join(dirname(file), `${name}.d.ts`)));
    };
    visit(ELEMENT.replace('.js', '.d.ts'));
    return found;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
