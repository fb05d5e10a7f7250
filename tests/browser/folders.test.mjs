/**
 * @file Images of a dataset: found in folders and at addresses in other forms of their names, dropped
 * with their annotations, and cut off.
 */

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { FIXTURES, annotationFile, annotationRecord, imageRecord } from './fixtures.mjs';
import { bring, openPage, startSite, until } from './support.mjs';

const TINY = FIXTURES['/tiny.bmp'];
const { server, browser } = await startSite({ ...FIXTURES, '/there/tiny.bmp': TINY });

const folder = mkdtempSync(join(tmpdir(), 'masklink-'));
after(() => rmSync(folder, { recursive: true }));
mkdirSync(join(folder, 'images/04'), { recursive: true });
for (const name of ['images/04/Tiny 1#.BMP', 'images/u\u0308.bmp', 'other.bmp'])
  writeFileSync(join(folder, name), TINY);

/** A dataset of images with one mask each. */
function datasetOf(images) {
  return annotationFile(
    images.map((image, id) => ({ ...imageRecord(id), ...image })),
    images.map((_, id) => annotationRecord(`a${id}`, id)),
  );
}

/** Opens the page and a dataset, with a folder or an address of its images. */
async function withDataset(text, { images, prefix }) {
  const opened = await openPage(browser, server.address);
  const { page } = opened;
  await page.getByRole('button', { name: 'Open a dataset' }).click();
  await page
    .getByLabel('Annotation file (JSON)')
    .setInputFiles({ name: 'set.json', mimeType: 'application/json', buffer: Buffer.from(text) });
  if (images) await page.getByLabel('Folder on this computer').setInputFiles(images);
  if (prefix) await page.getByLabel('Or address prefix').fill(prefix);
  await page.getByRole('button', { name: 'Open', exact: true }).click();
  await page.getByRole('heading', { name: 'set.json' }).waitFor();
  return opened;
}

const hasImage = (page) =>
  page.evaluate(() => Boolean(document.querySelector('mask-viewer').bitmap));

test('images of a folder are found by other forms of their names, and counted', async () => {
  const text = datasetOf([
    { file_name: '..\\..\\04\\tiny 1#.png' },
    { file_name: 'https://example.org/a/%C3%BC.bmp' },
    { coco_url: 'http://example.org/OTHER.bmp' },
    { file_name: '05/gone.jpg' },
  ]);
  const { page, errors, close } = await withDataset(text, { images: folder });
  await page.getByText('3 of 4 images found here.').waitFor();
  for (const id of ['0', '1', '2']) {
    await page.evaluate((key) => {
      location.hash = `image=${key}`;
    }, id);
    await until(page, `snapshot.image === '${id}' && snapshot.shown.length === 1`);
    assert.ok(await hasImage(page), id);
  }
  await page.evaluate(() => {
    location.hash = 'image=3';
  });
  await page
    .locator('mask-viewer')
    .getByText(/None of the 3 chosen files matches 05\/gone\.jpg/)
    .first()
    .waitFor();
  assert.deepEqual(errors, []);
  await close();
});

test('an image that is not below the address is taken from its own', async () => {
  const text = datasetOf([
    { file_name: 'gone/tiny.bmp', coco_url: `${server.address}there/tiny.bmp` },
    { file_name: 'gone/a#?.bmp', coco_url: `${server.address}nowhere.bmp` },
  ]);
  const { page, close } = await withDataset(text, { prefix: server.address });
  await until(page, "snapshot.image === '0' && snapshot.shown.length === 1");
  assert.ok(await hasImage(page));
  await page.evaluate(() => {
    location.hash = 'image=1';
  });
  await page
    .locator('mask-viewer')
    .getByText(/gone\/a%23%3F\.bmp .*404.*nowhere\.bmp/)
    .first()
    .waitFor();
  await close();
});

for (const [name, content] of [
  ['set.json', (text) => text],
  ['set.json.gz', (text) => gzipSync(text)],
]) {
  test(`${name} and its image, dropped together, open with each other`, async () => {
    const { page, errors, close } = await openPage(browser, server.address);
    await bring(page, [
      { name: 'Tiny.bmp', type: 'image/bmp', content: TINY },
      { name, content: content(datasetOf([{ file_name: 'x/tiny.png' }])) },
    ]);
    await page.getByText('Its images are looked for among 1 dropped image.').waitFor();
    await page.getByRole('button', { name: 'Open', exact: true }).click();
    await page.getByText('1 of 1 image found here.').waitFor();
    await until(page, "snapshot.image === '0' && snapshot.shown.length === 1");
    assert.ok(await hasImage(page));
    assert.deepEqual(errors, []);
    await close();
  });
}

test('a dropped folder opens with its images, without hidden files', async () => {
  const { page, errors, close } = await openPage(browser, server.address);
  const dropped = join(folder, 'dropped');
  mkdirSync(join(dropped, 'images/04'), { recursive: true });
  mkdirSync(join(dropped, '.cache'), { recursive: true });
  writeFileSync(join(dropped, 'annotations.json'), datasetOf([{ file_name: '04/tiny.png' }]));
  writeFileSync(join(dropped, 'images/04/tiny.bmp'), TINY);
  writeFileSync(join(dropped, '.cache/annotations.json'), 'not this one');
  writeFileSync(join(dropped, '.cache/other.bmp'), TINY);
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files: [dropped], dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver', 'drop'])
    await session.send('Input.dispatchDragEvent', { type, x: 600, y: 300, data });
  await page.getByText('Its images are looked for among 1 dropped image.').waitFor();
  await page.getByRole('button', { name: 'Open', exact: true }).click();
  await page.getByRole('heading', { name: 'annotations.json' }).waitFor();
  await page.getByText('1 of 1 image found here.').waitFor();
  await until(page, "snapshot.image === '0' && snapshot.shown.length === 1");
  assert.ok(await hasImage(page));
  assert.deepEqual(errors, []);
  await close();
});

for (const [name, size] of [
  ['another size than its file', { width: 16, height: 12 }],
  ['no size', {}],
])
  test(`polygons of an image with ${name} are drawn on the opened file`, async () => {
    const text = JSON.stringify({
      images: [{ id: 0, file_name: 'other.bmp', ...size }],
      categories: [{ id: 'Q1', name: 'Universe' }],
      annotations: [
        { id: 'a', image_id: 0, category_id: 'Q1', segmentation: [[1, 1, 7, 1, 7, 5, 1, 5]] },
      ],
    });
    const { page, errors, close } = await withDataset(text, { images: folder });
    await until(page, "snapshot.image === '0' && snapshot.shown.length === 1");
    await page.evaluate(() => document.querySelector('mask-viewer').selectMask(0));
    await until(page, 'snapshot.selected === 0 && snapshot.facts');
    const [facts, mask, failure] = await page.evaluate(() => {
      const viewer = document.querySelector('mask-viewer');
      return [viewer.snapshot.facts, viewer.maskRle(), viewer.snapshot.masksFailure];
    });
    assert.equal(failure, null);
    assert.deepEqual(mask.size, [6, 8]);
    assert.deepEqual(facts.bbox, [1, 1, 6, 4]);
    assert.equal(facts.area, 24);
    assert.deepEqual(errors, []);
    await close();
  });

test('a dropped file that cannot be read leaves the open image with its masks', async () => {
  const { page, close } = await openPage(browser, server.address);
  const before = await page.evaluate(() => {
    const { image, shown } = document.querySelector('mask-viewer').snapshot;
    return { image, shown: shown.length };
  });
  await bring(page, [{ name: 'notes.txt', type: 'text/plain', content: 'no image' }]);
  await page
    .getByText(/The image before stays open/)
    .first()
    .waitFor();
  const found = await page.evaluate(() => {
    const { image, shown } = document.querySelector('mask-viewer').snapshot;
    return { image, shown: shown.length };
  });
  assert.deepEqual(found, before);
  assert.ok(await hasImage(page));
  await close();
});

test('a JPEG that is cut off is shown as far as it is there', async () => {
  const { page, errors, close } = await openPage(browser, server.address);
  const [whole, cut] = await page.evaluate(async () => {
    const canvas = new OffscreenCanvas(320, 240);
    const context = canvas.getContext('2d');
    for (let y = 0; y < 240; y += 8)
      for (let x = 0; x < 320; x += 8) {
        context.fillStyle = `hsl(${x * y} 80% 50%)`;
        context.fillRect(x, y, 8, 8);
      }
    const blob = await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.9 });
    const bytes = new Uint8Array(await blob.arrayBuffer());
    const text = (part) => btoa(Array.from(part, (byte) => String.fromCharCode(byte)).join(''));
    return [text(bytes), text(bytes.subarray(0, Math.floor(bytes.length * 0.8)))];
  });
  /** The first half of the open image's pixels. */
  const upper = async (name, base64) => {
    await bring(page, [{ name, type: 'image/jpeg', content: Buffer.from(base64, 'base64') }]);
    await until(page, `snapshot.image === '${name}'`);
    return page.evaluate(() => {
      const { bitmap } = document.querySelector('mask-viewer');
      const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
      context.drawImage(bitmap, 0, 0);
      const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height / 2);
      return [bitmap.width, bitmap.height, ...data].join();
    });
  };
  const expected = await upper('whole.jpg', whole);
  const words = page.getByText(/The image file is cut off/).first();
  assert.equal(await words.isVisible(), false);
  assert.equal(await upper('cut.jpg', cut), expected);
  await words.waitFor();
  assert.deepEqual(errors, []);
  await close();
});
