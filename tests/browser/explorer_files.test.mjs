/** @file Files that are dropped on the explorer together, compressed, or as lines. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { counted, openExplorer, options, placeOf, recordOpen } from './explorer_steps.mjs';
import { FIXTURES } from './fixtures.mjs';
import { bring, newPage, PATIENCE, startSite } from './support.mjs';

const { server, browser } = await startSite(FIXTURES);
const IMAGE = { name: 'tiny.bmp', content: FIXTURES['/tiny.bmp'] };

/** Opens the explorer and drops files on it. */
async function withDropped(files) {
  const opened = await newPage(browser);
  await opened.page.goto(`${server.address}explore.html`);
  await counted(opened.page, /^409 masks/);
  await bring(opened.page, files);
  return opened;
}

for (const [name, content] of [
  ['set.json', FIXTURES['/tiny.json']],
  ['set.json.gz', gzipSync(FIXTURES['/tiny.json'])],
])
  test(`${name} and its image, dropped together, open with each other`, async () => {
    const { page, errors, close } = await withDropped([IMAGE, { name, content }]);
    await counted(page, /^1 mask$/);
    assert.equal((await placeOf(page)).file, name);
    await options(page).first().click();
    await recordOpen(page, 'a');
    assert.equal(await page.locator('#image-problem').isVisible(), false);
    assert.deepEqual(errors, []);
    await close();
  });

const tiny = JSON.parse(FIXTURES['/tiny.json']);
const lines = (records) => records.map((record) => `${JSON.stringify(record)}\n`).join('');
const second = { ...tiny.annotations[0], id: 'b' };
const records = [...tiny.images, ...tiny.categories, ...tiny.annotations, second];

for (const [name, content] of [
  ['set.jsonl', lines(records)],
  ['set.jsonl.gz', gzipSync(lines(records))],
  ['last.ndjson', lines(records.toReversed())],
])
  test(`${name} and its image open as one record a line`, async () => {
    const { page, errors, close } = await withDropped([IMAGE, { name, content }]);
    await counted(page, /^2 masks$/);
    assert.equal(
      await page.locator('#notes details:not(.plain)').count(),
      0,
      'no line is a problem',
    );
    await page
      .getByRole('option', { name: /^Universe, 25 % of the image, suspicion/ })
      .first()
      .waitFor();
    await options(page).first().click();
    await recordOpen(page, name.startsWith('last') ? 'b' : 'a');
    assert.equal(await page.locator('#image-problem').isVisible(), false);
    assert.equal(await page.locator('#facts-body .findings').count(), 0);
    assert.deepEqual(errors, []);
    await close();
  });

test('a damaged gzip file is reported', async () => {
  const half = gzipSync(FIXTURES['/tiny.json']).subarray(0, 60);
  const { page, close } = await withDropped([{ name: 'set.json.gz', content: half }]);
  await page
    .getByText(/The gzip file is damaged/)
    .first()
    .waitFor();
  await counted(page, /^409 masks/);
  await close();
});

test('a file of something else is named, with what to do, and the dataset stays', async () => {
  const { page, errors, close } = await openExplorer(browser, server.address);
  const choose = async (name, content) => {
    await page.getByLabel('File on this computer').setInputFiles({
      name,
      mimeType: 'application/octet-stream',
      buffer: Buffer.from(content),
    });
    await page.getByRole('button', { name: 'Open', exact: true }).click();
  };
  await page.getByRole('button', { name: 'Open a dataset' }).click();
  await choose('set.json', FIXTURES['/tiny.json']);
  await counted(page, /^1 mask$/);
  await page.getByRole('button', { name: 'Open a dataset' }).click();
  await choose('owl.jpg', [0xff, 0xd8, 0xff, 0xe0, 0, 16]);
  const problem = page.locator('#problem');
  await problem.waitFor({ timeout: PATIENCE });
  const words = await problem.innerText();
  assert.match(words, /^owl\.jpg has no annotations: this is an image, not an annotation file\. /);
  assert.match(words, /Choose a JSON file in the form .* set\.json stays open\./);
  await options(page).first().click();
  await recordOpen(page, 'a');
  assert.match(await page.locator('#source-words').innerText(), /^set\.json/);
  await problem.getByRole('button', { name: 'Choose another file' }).click();
  const dialog = page.getByRole('dialog', { name: 'Open a dataset' });
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await problem.getByRole('button', { name: 'Close' }).click();
  assert.equal(await problem.isVisible(), false);
  assert.deepEqual(errors, []);
  await close();
});

test('masks without names, splits and images are described in plain words', async () => {
  const mask = { bbox: [1, 0, 3, 6], segmentation: { size: [6, 8], counts: [6, 12, 30] } };
  const file = {
    image: { image_id: 1, file_name: 'sa_1.jpg', width: 8, height: 6 },
    annotations: [1, 2].map((id) => ({ id, ...mask })),
  };
  const { page, close } = await withDropped([
    { name: 'sa_1.json', content: JSON.stringify(file) },
    { name: 'other.bmp', content: FIXTURES['/tiny.bmp'] },
  ]);
  await counted(page, /^2 masks$/);
  assert.equal(await page.locator('#source-words').innerText(), 'sa_1.json: 2 masks, 1 image.');
  const split = page.locator('.facet', { hasText: 'Dataset split' });
  assert.match(await split.innerText(), /no split\s+2/);
  await page
    .getByRole('option', { name: /^no name, 25 % of the image/ })
    .first()
    .waitFor();
  const missing = page.locator('#images-problem', { hasText: 'sa_1.jpg' });
  await missing.waitFor({ timeout: PATIENCE });
  assert.match(await missing.innerText(), /The only file of the chosen folder is not this image/);
  await options(page).first().click();
  await page.locator('#truth', { hasText: 'The annotation says: no name' }).waitFor();
  await close();
});
