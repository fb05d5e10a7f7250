/**
 * @file The downloads of the first click: their one progress, cancelled and continued, the outline under
 * the pointer once the model is fast, and an image that is slow to load.
 */

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { iou, unionOf } from './masks.mjs';
import { annotated, clickInImage, maskOf, ROOT, snapshotOf } from './steps.mjs';
import { newPage, openPage, startSite, until } from './support.mjs';

const { server, browser } = await startSite({});
const ENCODER = '/models/click-small.encoder.onnx';
const DECODER = '/models/click-small.decoder.onnx';
const BODY = readFileSync(join(ROOT, 'dist', ENCODER));
const HEADER = JSON.parse(readFileSync(join(ROOT, 'dist/index/index.json'), 'utf8'));
const VECTORS = `index/${HEADER.parts.vectors.file}`;
/** Ranges of the encoder that were asked for. */
const asked = [];
/** Whether the encoder breaks off at each attempt, and the decoder hangs. */
let breaksOff = false;
/** Serves the site, but half of the encoder hangs where no range is asked for. */
const slow = createServer(async (request, response) => {
  const { pathname } = new URL(request.url, 'http://host');
  if (pathname === DECODER && breaksOff) return;
  if (pathname === ENCODER) {
    const start = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    asked.push(start);
    const range = `bytes ${start}-${BODY.length - 1}/${BODY.length}`;
    response.writeHead(start ? 206 : 200, {
      'content-type': 'application/octet-stream',
      'content-length': BODY.length - start,
      ...(start && { 'content-range': range }),
    });
    if (breaksOff) {
      const end = start ? start + 1 : BODY.length / 2;
      response.write(BODY.subarray(start, end), () => setTimeout(() => response.destroy(), 100));
    } else if (start) response.end(BODY.subarray(start));
    else response.write(BODY.subarray(0, BODY.length / 2));
    return;
  }
  const from = await fetch(new URL(request.url, server.address));
  const type = from.headers.get('content-type') ?? 'text/plain';
  response.writeHead(from.status, { 'content-type': type });
  response.end(Buffer.from(await from.arrayBuffer()));
});
await new Promise((resolve) => {
  slow.listen(0, '127.0.0.1', () => resolve(undefined));
});
after(() => {
  slow.closeAllConnections();
  slow.close();
});

test('one progress counts all downloads, and what was cancelled is continued', async () => {
  const { page, close } = await newPage(browser);
  await page.goto(`http://127.0.0.1:${slow.address().port}/`);
  await until(page, 'snapshot.shown.length > 0');
  await clickInImage(page, { x: 480, y: 320 });
  const progress = page.locator('mask-viewer .progress');
  const size = (path) => statSync(join(ROOT, 'dist', path)).size / 1e6;
  const least =
    size(ENCODER) +
    size('models/click-small.decoder.onnx') +
    size('vendor/onnxruntime/ort-wasm-simd-threaded.wasm') +
    size(VECTORS);
  const end = Date.now() + 60_000;
  for (let total = 0; total < least;) {
    assert.ok(Date.now() < end, `${await progress.innerText()}, at least ${least} MB`);
    total = Number(
      /Loading the model, [\d.]+ of ([\d.]+) MB/.exec(await progress.innerText())?.[1],
    );
    await page.waitForTimeout(50);
  }
  // All but the half of the encoder arrives.
  await page.waitForTimeout(3000);
  await progress.getByRole('button', { name: 'Cancel' }).click();
  await until(page, "snapshot.segmentFailure?.code === 'cancelled'");
  assert.match((await snapshotOf(page)).segmentFailure.message, /continues where it stopped/);
  assert.equal(await progress.isVisible(), false);
  const before = asked.length;
  await page.mouse.move(300, 300);
  await page.mouse.move(320, 320);
  await page.waitForTimeout(500);
  assert.equal(asked.length, before, 'the pointer alone starts no download again');
  await clickInImage(page, { x: 480, y: 320 });
  await maskOf(page);
  assert.ok(asked.at(-1) >= BODY.length / 2 - 1, `continued from ${asked.at(-1)}`);
  await close();
});

test('a click right after Cancel downloads again, also between the attempts at a file', async () => {
  const { page, close } = await newPage(browser);
  breaksOff = true;
  const before = asked.length;
  await page.goto(`http://127.0.0.1:${slow.address().port}/`);
  await until(page, 'snapshot.shown.length > 0');
  await clickInImage(page, { x: 480, y: 320 });
  const end = Date.now() + 60_000;
  while (asked.length < before + 2) {
    assert.ok(Date.now() < end, `${asked.length - before} attempts`);
    await page.waitForTimeout(20);
  }
  // The pause before the third attempt is a second.
  await page.waitForTimeout(300);
  breaksOff = false;
  await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    viewer.shadowRoot.querySelector('.progress button').click();
    viewer.clickAt(480, 320);
  });
  await maskOf(page);
  await close();
});

/** Makes the page believe that the decoder takes this long, and counts runs for the pointer. */
function pretendDecoder(page, milliseconds) {
  return page.addInitScript((decode) => {
    globalThis.previewCalls = 0;
    const { postMessage } = Worker.prototype;
    Worker.prototype.postMessage = function (message, transfer) {
      if (message?.method === 'preview') globalThis.previewCalls += 1;
      postMessage.call(this, message, transfer);
    };
    const { get, set } = Object.getOwnPropertyDescriptor(MessagePort.prototype, 'onmessage');
    Object.defineProperty(MessagePort.prototype, 'onmessage', {
      configurable: true,
      get,
      set(listener) {
        set.call(this, (event) => {
          for (const result of [event.data?.result, event.data?.progress?.provisional])
            if (result?.ms?.decode !== undefined) result.ms.decode = decode;
          listener(event);
        });
      },
    });
  }, milliseconds);
}

for (const [name, milliseconds, isFast] of [
  ['a fast decoder shows an outline at the pointer', 20, true],
  ['a slow decoder shows no outline at the pointer', 200, false],
])
  test(name, async () => {
    const { page, errors, close } = await newPage(browser);
    await pretendDecoder(page, milliseconds);
    await page.goto(`${server.address}#image=world_076`);
    await until(page, 'snapshot.shown.length > 0');
    await page.evaluate(() => document.querySelector('mask-viewer').configure({ endpoint: null }));
    await clickInImage(page, { x: 480, y: 320 });
    await maskOf(page);
    await until(page, "snapshot.linking.phase === 'answered'");
    const state = async () => {
      const { prompts, candidates, chosen, facts, mask } = await snapshotOf(page);
      return { prompts, candidates, chosen, facts, mask };
    };
    const before = await state();
    const runs = () => page.evaluate(() => globalThis.previewCalls);
    const outline = page.locator('mask-viewer .preview');
    const box = await page.locator('mask-viewer .stage').boundingBox();
    // Beside the clicked mask; the pointer must move to rest.
    await page.mouse.move(box.x + box.width * 0.2, box.y + box.height * 0.2);
    await page.mouse.move(box.x + box.width * 0.2 + 3, box.y + box.height * 0.2);
    if (isFast) await outline.waitFor({ state: 'attached' });
    else await page.waitForTimeout(1500);
    assert.equal(await outline.count(), isFast ? 1 : 0);
    assert.equal((await runs()) > 0, isFast, 'runs of the decoder for the pointer');
    assert.deepEqual(await state(), before);
    await page.mouse.move(box.x - 5, box.y - 5);
    await outline.waitFor({ state: 'detached' });
    assert.deepEqual(errors, []);
    await close();
  });

test('a click in the middle of the first sample gives its mask and its entity', async (t) => {
  const { page, errors, close } = await newPage(browser);
  await page.goto(server.address);
  await until(page, 'snapshot.shown.length > 0');
  const { image } = await snapshotOf(page);
  const { annotations } = annotated(join(ROOT, 'www/samples/annotations.json'), image);
  for (const { data_split: split } of annotations)
    assert.doesNotMatch(split, /train/, 'the image is not in the index');
  await clickInImage(page, { x: 480, y: 320 });
  const { bitmap } = await maskOf(page);
  const found = annotations.map((one) => [iou(bitmap, unionOf(one.segmentation)), one]);
  const [best, annotation] = found.sort(([a], [b]) => b - a)[0];
  t.diagnostic(`${image}: IoU ${best.toFixed(3)}`);
  assert.ok(best > 0.9, `IoU ${best}`);
  await until(page, "snapshot.linking.phase === 'answered'");
  const { linking, verdict } = await snapshotOf(page);
  assert.equal(linking.answer.entities[0].qid, annotation.category_id);
  assert.equal(verdict.confidence, 'likely');
  assert.deepEqual(errors, []);
  await close();
});

test('the first page of samples shows images that are not in the index', async () => {
  const { page, close } = await openPage(browser, server.address);
  const { images, annotations } = JSON.parse(
    readFileSync(join(ROOT, 'www/samples/annotations.json'), 'utf8'),
  );
  const trained = new Set(
    annotations.filter((one) => /train/.test(one.data_split)).map((one) => one.image_id),
  );
  const listed = await page.evaluate(
    async () => (await (await fetch('samples/list.json')).json()).images,
  );
  assert.equal(listed.length, images.length);
  const first = listed.findIndex(({ id }) => trained.has(id));
  assert.ok(first >= 24, `image ${first} is in the index`);
  assert.ok(listed.slice(first).every(({ id }) => trained.has(id)));
  await close();
});

test('names of the next image are not drawn over the one before', async () => {
  const { page, errors, close } = await openPage(browser, server.address);
  await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    viewer.tool = 'select';
    viewer.configure({ labels: true });
  });
  const labels = page.locator('mask-viewer .label');
  await labels.first().waitFor();
  const first = (await snapshotOf(page)).shown.map(({ title }) => title);
  const image = (await snapshotOf(page)).image;
  let release = () => {};
  const held = new Promise((resolve) => {
    release = () => resolve(undefined);
  });
  await page.route('**/samples/images/*', async (route) => {
    await held;
    await route.continue();
  });
  await page.locator('#thumbnails [role=option]').nth(5).click();
  for (let look = 0; look < 10; look += 1) {
    await page.waitForTimeout(100);
    const snapshot = await snapshotOf(page);
    assert.equal(snapshot.image, image);
    const names = await labels.allInnerTexts();
    assert.ok(names.length > 0, 'names of the image before stay');
    for (const name of names) assert.ok(first.includes(name), name);
  }
  release();
  await until(page, `snapshot.image !== '${image}' && snapshot.shown.length > 0`);
  assert.deepEqual(errors, []);
  await close();
});

test('the ring of a click that is waited for grows about its place', async () => {
  const { page, close } = await openPage(browser, server.address);
  await page.evaluate(() => (document.querySelector('mask-viewer').tool = 'pick'));
  const { x, y } = await page.locator('mask-viewer').boundingBox();
  await page.mouse.click(x + 300, y + 200);
  const rings = await page.evaluate(async () => {
    const seen = [];
    const end = performance.now() + 30_000;
    while (seen.length < 3 && performance.now() < end) {
      const ring = document.querySelector('mask-viewer').shadowRoot.querySelector('.pulse');
      if (ring) {
        const { left, right, top, bottom } = ring.getBoundingClientRect();
        seen.push([(left + right) / 2, (top + bottom) / 2]);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return seen;
  });
  assert.ok(rings.length > 0);
  for (const [left, top] of rings)
    assert.ok(Math.hypot(left - x - 300, top - y - 200) < 2, JSON.stringify(rings));
  await close();
});
