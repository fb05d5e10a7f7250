/** @file Files that are dropped on the explorer together, compressed, or as lines. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { counted, options, placeOf, recordOpen } from './explorer_steps.mjs';
import { FIXTURES } from './fixtures.mjs';
import { newPage, startSite } from './support.mjs';

const { server, browser } = await startSite(FIXTURES);

/** Drops several files together. */
function dropAll(page, files) {
  return page.evaluate((all) => {
    const data = new DataTransfer();
    for (const { name, base64 } of all)
      data.items.add(
        new File([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], name),
      );
    document.body.dispatchEvent(
      new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }),
    );
  }, files);
}

const encoded = (content) => Buffer.from(content).toString('base64');

for (const [name, content] of [
  ['set.json', FIXTURES['/tiny.json']],
  ['set.json.gz', gzipSync(FIXTURES['/tiny.json'])],
])
  test(`${name} and its image, dropped together, open with each other`, async () => {
    const { page, errors, close } = await newPage(browser);
    await page.goto(`${server.address}explore.html`);
    await counted(page, /^409 masks/);
    await dropAll(page, [
      { name: 'tiny.bmp', base64: encoded(FIXTURES['/tiny.bmp']) },
      { name, base64: encoded(content) },
    ]);
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
    const { page, errors, close } = await newPage(browser);
    await page.goto(`${server.address}explore.html`);
    await counted(page, /^409 masks/);
    await dropAll(page, [
      { name: 'tiny.bmp', base64: encoded(FIXTURES['/tiny.bmp']) },
      { name, base64: encoded(content) },
    ]);
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
  const { page, close } = await newPage(browser);
  await page.goto(`${server.address}explore.html`);
  await counted(page, /^409 masks/);
  const half = gzipSync(FIXTURES['/tiny.json']).subarray(0, 60);
  await dropAll(page, [{ name: 'set.json.gz', base64: encoded(half) }]);
  await page
    .getByText(/The gzip file is damaged/)
    .first()
    .waitFor();
  await counted(page, /^409 masks/);
  await close();
});
