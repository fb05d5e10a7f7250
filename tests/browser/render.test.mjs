/**
 * @file Compares the WebGPU renderer with the CPU renderer in headless Chromium, over the scenes
 *   of the native test, and rebuilds a lost device. Uses the module `workbench`.
 */

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pngOf } from '../../www/viewer/png.js';
import { launch, newPage, serve } from './support.mjs';

const TARGET = process.env.CARGO_TARGET_DIR ?? join(import.meta.dirname, '../../target');

const opened = [];
let page;
let errors;

before(async () => {
  const server = await serve({
    '/empty.html': '<!doctype html><title>render test</title><link rel="icon" href="icon.svg">',
  });
  const browser = await launch();
  opened.push(server, browser);
  ({ page, errors } = await newPage(browser));
  await page.goto(`${server.address}empty.html`);
  await page.evaluate(`(async () => {
    const { init, RenderTest } = await import('./workbench.js');
    await init();
    window.renderTest = await RenderTest.open();
  })()`);
});

after(async () => {
  for (const one of opened.reverse()) await one.close();
});

/**
 * @param {string} body of an async function whose `test` is the renderers' test
 */
function inPage(body) {
  return page.evaluate(`(async (test) => { ${body} })(window.renderTest)`);
}

/** Writes expected | difference | actual and returns the path. */
async function panels(name) {
  const { width, rgba } = await inPage(
    'return { width: test.panelsWidth, rgba: Array.from(test.panels()) };',
  );
  const png = await pngOf({
    width,
    height: rgba.length / width / 4,
    pixels: Uint8Array.from(rgba),
  });
  mkdirSync(join(TARGET, 'tmp/render'), { recursive: true });
  const path = join(TARGET, 'tmp/render', `browser-${name.replace(/[^a-z0-9]+/gi, '-')}.png`);
  writeFileSync(path, Buffer.from(await png.arrayBuffer()));
  return path;
}

test('GPU and CPU draw equal frames in the browser', async () => {
  const names = await inPage('return test.names();');
  assert.equal(names.length, 25);
  const failures = [];
  console.log(`adapter: ${await inPage('return test.adapter();')}`);
  for (const [index, name] of names.entries()) {
    const { tolerable, difference } = await inPage(
      `await test.draw(${index}); return { tolerable: test.tolerable, difference: test.difference };`,
    );
    console.log(`${name.padEnd(36)} ${difference}`);
    if (!tolerable) failures.push(`${name}: ${difference}: ${await panels(name)}`);
  }
  assert.deepEqual(failures, [], 'expected | difference | actual');
});

test('an ImageBitmap is drawn like the same image from bytes', async () => {
  const tolerable = await inPage(`
    const index = test.names().indexOf('both');
    const data = new ImageData(new Uint8ClampedArray(test.image(index)), test.imageWidth(index));
    await test.draw(index, await createImageBitmap(data));
    return test.tolerable && test.colors > 100;
  `);
  assert.ok(tolerable, `${await inPage('return test.difference;')}: ${await panels('bitmap')}`);
});

test('a rebuilt renderer draws the same frame, image included', async () => {
  const after = await inPage(`
    const index = test.names().indexOf('both');
    const data = new ImageData(new Uint8ClampedArray(test.image(index)), test.imageWidth(index));
    await test.draw(index, await createImageBitmap(data));
    const reason = await test.lose();
    const refused = await test.redraw(index).then(() => 'drawn', (error) => error.code);
    await test.rebuild();
    await test.redraw(index);
    return { reason, refused, tolerable: test.tolerable, colors: test.colors };
  `);
  const { reason, refused, tolerable, colors } = after;
  assert.equal(reason, 'it was destroyed');
  assert.equal(refused, 'device-lost');
  assert.ok(tolerable, await panels('rebuilt'));
  assert.ok(Number(colors) > 100, 'something was drawn');
  assert.deepEqual(errors, []);
});
