/** @file The element in a foreign page, in another folder than dist/ and under a strict policy. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT, clickInImage, maskOf } from './steps.mjs';
import { PATIENCE, launch, newPage, serve, until } from './support.mjs';

/** The content security policy that the README asks for. */
const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; " +
  "connect-src 'self'; img-src 'self'";
const PAGE = `<!doctype html><html lang="en"><title>embedded</title>
  <link rel="icon" href="../things/masklink/icon.svg">
  <mask-viewer src="../things/masklink/samples/images/world_001.jpg"
    annotations="../things/masklink/samples/annotations.json" tool="pick" controls></mask-viewer>
  <script type="module" src="../things/masklink/mask-viewer.js"></script></html>`;

test('an element served from another folder shows masks, segments and links', async (t) => {
  const site = await serve(
    { '/a/page.html': PAGE },
    { 'content-security-policy': POLICY },
    '/things/masklink/',
  );
  t.after(site.close);
  const browser = await launch();
  t.after(() => browser.close());
  const { page, errors } = await newPage(browser);
  const outside = [];
  page.on('request', (request) => {
    const { protocol, pathname } = new URL(request.url());
    if (protocol === 'http:' && !/^\/(a|things\/masklink)\//.test(pathname)) outside.push(pathname);
  });
  page.setDefaultTimeout(PATIENCE);
  await page.goto(`${site.address}a/page.html`);
  await until(page, 'snapshot.shown.length === 4');
  await clickInImage(page, { x: 500, y: 310 });
  await maskOf(page);
  await until(page, "snapshot.linking.phase === 'answered' && snapshot.linking.source === 'local'");
  assert.deepEqual(errors, []);
  assert.deepEqual(outside, []);
});

test('the README’s snippet lists the entities of a mask that is clicked', async (t) => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const [, snippet = ''] = /```html\n([^]*?<mask-viewer [^]*?)```/.exec(readme) ?? [];
  const samples = join(ROOT, 'www/samples');
  const { images, annotations, categories } = JSON.parse(
    readFileSync(join(samples, 'annotations.json'), 'utf8'),
  );
  const [image] = images;
  const own = annotations.filter((/** @type {any} */ one) => one.image_id === image.id);
  const listed = { images: [{ ...image, file_name: 'photo.jpg' }], annotations: own, categories };
  const site = await serve(
    {
      '/page.html': `<!doctype html><html lang="en"><title>docs</title>${snippet}</html>`,
      '/photo.jpg': readFileSync(join(samples, 'images', image.file_name)),
      '/annotations.json': JSON.stringify(listed),
    },
    {},
    '/masklink/',
  );
  t.after(site.close);
  const browser = await launch();
  t.after(() => browser.close());
  const { page, errors } = await newPage(browser);
  await page.goto(`${site.address}page.html`);
  await until(page, `snapshot.shown.length === ${own.length}`);
  await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    viewer.tool = 'pick';
    viewer.clickAt(...viewer.snapshot.size.map((side) => side / 2));
  });
  await page.locator('#entities li').first().waitFor({ timeout: PATIENCE });
  assert.match((await page.locator('#entities li').first().textContent()) ?? '', /.+: \d+ %$/);
  assert.deepEqual(
    errors.filter((error) => !/favicon/.test(error)),
    [],
  );
});

test('the manifest and the types describe the element', () => {
  const manifest = JSON.parse(readFileSync(join(ROOT, 'dist/custom-elements.json'), 'utf8'));
  const [element] = manifest.modules[0].declarations;
  assert.equal(element.tagName, 'mask-viewer');
  const source = readFileSync(join(ROOT, 'www/viewer/attributes.js'), 'utf8');
  const [, observed = ''] = /observedAttributes[^]*?\[([^\]]*)\]/.exec(source) ?? [];
  const attributes = new Set(
    element.attributes.map((/** @type {{ name: string }} */ { name }) => name),
  );
  const names = [...observed.matchAll(/'([a-z-]+)'/g)].map(([, name]) => name);
  assert.ok(names.length > 0);
  for (const name of names) assert.ok(attributes.has(name), name);
  const folder = mkdtempSync(join(tmpdir(), 'masklink-types-'));
  try {
    const [good, bad] = ['tool', 'tols'].map((property) => {
      const file = join(folder, `${property}.ts`);
      const module = JSON.stringify(join(ROOT, 'dist/mask-viewer.js'));
      writeFileSync(
        file,
        `import ${module};\nconst viewer = document.querySelector('mask-viewer')!;\n` +
          `export const tool: string = viewer.${property};\nviewer.clickAt(1, 2, { add: true });\n`,
      );
      return file;
    });
    const compile = (/** @type {string | undefined} */ file) =>
      spawnSync(
        join(ROOT, 'node_modules/.bin/tsc'),
        [
          ...['--noEmit', '--strict', '--target', 'es2024', '--module', 'esnext'],
          ...['--moduleResolution', 'bundler', '--skipLibCheck', '--types', '', String(file)],
        ],
        { encoding: 'utf8' },
      );
    assert.equal(compile(good).stdout, '');
    assert.match(compile(bad).stdout, /tols/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
