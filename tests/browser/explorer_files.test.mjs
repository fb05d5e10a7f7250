/** @file Files that are dropped on the explorer together, compressed, or as lines. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { counted, options, placeOf, recordOpen } from './explorer_steps.mjs';
import { FIXTURES } from './fixtures.mjs';
import { bring, newPage, startSite } from './support.mjs';

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
