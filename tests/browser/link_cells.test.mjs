/** @file Linking in the page by an index in cells: ranges of plain static files, damage refused. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ROOT, snapshotOf } from './steps.mjs';
import { launch, newPage, serve, until } from './support.mjs';

const TARGET = process.env.CARGO_TARGET_DIR ?? join(ROOT, 'target');
const IMAGE = 'world_011';
const CELLS = 8;
/** Maximum ranges and bytes of a question. */
const BUDGET = { ranges: 10, bytes: 3_000_000 };

let folder;
let files;
let browser;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cells-'));
  const masklink = process.env.MASKLINK ?? join(TARGET, 'release/masklink');
  const index = join(TARGET, 'index');
  execFileSync(masklink, ['cells', index, '-o', folder, '--cells', String(CELLS)]);
  const names = readdirSync(folder);
  files = Object.fromEntries(
    names.map((name) => [`/index/${name}`, readFileSync(join(folder, name))]),
  );
  // Else a failed question would show it.
  files['/samples/cached/world_011.json'] = '[]';
  browser = await launch();
});
after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Opens the image in a page of a server with these files. */
async function openPage(extra) {
  const host = await serve(extra);
  const opened = await newPage(browser);
  await opened.page.goto(`${host.address}#image=${IMAGE}`);
  await until(opened.page, `snapshot.image?.includes('${IMAGE}') && snapshot.shown.length > 0`);
  const close = async () => {
    await opened.close();
    await host.close();
  };
  return { ...opened, close };
}

/** Asks about a mask of the image's annotations, and returns the linking's state. */
async function ask(page, mask) {
  await page.evaluate((index) => {
    const viewer = document.querySelector('mask-viewer');
    viewer.selectMask(index);
    viewer.askLink();
  }, mask);
  await until(page, "['answered', 'failed'].includes(snapshot.linking.phase)");
  return (await snapshotOf(page)).linking;
}

test('cells give the first entity of the whole index, by few ranges', async (t) => {
  const whole = await openPage({});
  const inCells = await openPage(files);
  const masks = (await snapshotOf(inCells.page)).shown.length;
  let reads = [];
  inCells.page.on('response', async (response) => {
    const range = response.request().headers().range;
    if (range) reads.push({ range, status: response.status() });
  });
  let [ranges, bytes] = [0, 0];
  for (let mask = 0; mask < Math.min(masks, 4); mask += 1) {
    reads = [];
    const expected = await ask(whole.page, mask);
    const actual = await ask(inCells.page, mask);
    assert.equal(actual.phase, 'answered', JSON.stringify(actual));
    assert.equal(actual.source, 'local');
    assert.equal(actual.answer.entities[0].qid, expected.answer.entities[0].qid);
    assert.equal(actual.answer.model.exemplars, expected.answer.model.exemplars);
    const title = (page) => page.locator('.card h3').first().textContent();
    assert.equal(await title(inCells.page), await title(whole.page));
    const lengths = reads.map(({ range }) => {
      const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range) ?? [];
      return Number(last) - Number(first) + 1;
    });
    assert.ok(reads.every(({ status }) => status === 206));
    const sum = lengths.reduce((total, length) => total + length, 0);
    assert.ok(reads.length <= BUDGET.ranges && sum <= BUDGET.bytes, `${reads.length}, ${sum}`);
    [ranges, bytes] = [ranges + reads.length, bytes + sum];
  }
  assert.ok(ranges > 0, 'the first question reads cells');
  t.diagnostic(`${Math.min(masks, 4)} questions: ${ranges} ranges, ${bytes} bytes`);
  assert.deepEqual(inCells.errors, []);
  await whole.close();
  await inCells.close();
});

test('a damaged cell is refused with the name of its file', async () => {
  const { data } = JSON.parse(String(files['/index/index.json']));
  const [{ file }] = data;
  const bytes = Buffer.from(files[`/index/${file}`]);
  // A byte of each cell: whichever the question reads first is damaged.
  for (let at = 100; at < bytes.length; at += 1000) bytes[at] ^= 1;
  const { page, close } = await openPage({ ...files, [`/index/${file}`]: bytes });
  const linking = await ask(page, 0);
  assert.equal(linking.phase, 'failed', JSON.stringify(linking));
  const words = await page.locator('.banner').innerText();
  assert.ok(words.includes(file) && words.includes('damaged'), words);
  await close();
});
