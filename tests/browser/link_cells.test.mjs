/** @file Linking in the page by an index in cells: ranges of plain static files, damage refused. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ROOT, TARGET, askAbout, snapshotOf } from './steps.mjs';
import { launch, newPage, serve, until } from './support.mjs';

const MASKLINK = process.env.MASKLINK ?? join(TARGET, 'release/masklink');
const IMAGE = 'world_011';
const CELLS = 128;
/** Number of made-up vectors, so that the cells hold more bytes than a question may read. */
const MADE = 16_000;
/** Maximum ranges and bytes of a question. */
const BUDGET = { ranges: 10, bytes: 3_000_000 };

let folder;
/** The index as a whole, and in cells. */
let whole;
let inCells;
let browser;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cells-'));
  const [index, cells] = [join(folder, 'index'), join(folder, 'cells')];
  makeIndex(index);
  execFileSync(MASKLINK, ['cells', index, '-o', cells, '--cells', String(CELLS)]);
  [whole, inCells] = [filesOf(index), filesOf(cells)];
  browser = await launch();
});
after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Writes an index of the samples' vectors and of made-up ones. */
function makeIndex(index) {
  const samples = join(TARGET, 'index');
  const { parts, dimensions } = JSON.parse(readFileSync(join(samples, 'index.json'), 'utf8'));
  const linesOf = ({ file }) =>
    readFileSync(join(samples, file), 'utf8').trim().split('\n').map(JSON.parse);
  const entities = linesOf(parts.entities);
  const qids = linesOf(parts.exemplars).map(({ entity }) => entities[entity].qid);
  for (let number = 0; number < MADE; number += 1) qids.push(`Q${9_000_000_000 + number}`);
  const [vectors, names] = [join(folder, 'vectors.npy'), join(folder, 'qids.txt')];
  const known = readFileSync(join(samples, parts.vectors.file));
  writeFileSync(
    vectors,
    Buffer.concat([npyHeader(qids.length, dimensions), known, madeVectors(dimensions)]),
  );
  writeFileSync(names, qids.map((qid) => `${qid}\n`).join(''));
  const encoder = join(ROOT, 'www/models/link-encoder.json');
  const from = ['--vectors', vectors, '--vector-qids', names];
  execFileSync(MASKLINK, ['index', ...from, '--encoder', encoder, '-o', index]);
}

/** The start of a NumPy file of 16-bit floats. */
function npyHeader(rows, columns) {
  const text = `{'descr': '<f2', 'fortran_order': False, 'shape': (${rows}, ${columns}), }`;
  const padded = `${text.padEnd(117)}\n`;
  return Buffer.concat([
    Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, padded.length, 0]),
    Buffer.from(padded),
  ]);
}

/** Vectors whose numbers are 1/16 or -1/16, always the same. */
function madeVectors(dimensions) {
  const [plus, sign] = [0x2c00, 0x8000];
  const numbers = Buffer.alloc(MADE * dimensions * 2);
  for (let at = 0, seed = 1; at < numbers.length; at += 2) {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    numbers.writeUInt16LE(plus | ((seed >>> 16) & sign), at);
  }
  return numbers;
}

/** The files of an index by their paths on a server. */
function filesOf(index) {
  const names = readdirSync(index);
  const files = names.map((name) => [`/index/${name}`, readFileSync(join(index, name))]);
  // A cached result would take the place of a failed one.
  return { ...Object.fromEntries(files), '/samples/cached/world_011.json': '[]' };
}

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
  await askAbout(page, mask);
  await until(page, "['answered', 'failed'].includes(snapshot.linking.phase)");
  return (await snapshotOf(page)).linking;
}

test('cells give the first entity of the whole index, by few ranges', async (t) => {
  const expecting = await openPage(whole);
  const { page, errors, close } = await openPage(inCells);
  const masks = (await snapshotOf(page)).shown.length;
  let reads = [];
  page.on('response', async (response) => {
    const range = response.request().headers().range;
    if (range) reads.push({ range, status: response.status() });
  });
  const { data } = JSON.parse(String(inCells['/index/index.json']));
  const stored = data.reduce((total, part) => total + part.bytes, 0);
  assert.ok(stored > BUDGET.bytes, `${stored} bytes in cells, less than a question may read`);
  let [ranges, bytes] = [0, 0];
  for (let mask = 0; mask < Math.min(masks, 4); mask += 1) {
    reads = [];
    const expected = await ask(expecting.page, mask);
    const actual = await ask(page, mask);
    assert.equal(actual.phase, 'answered', JSON.stringify(actual));
    assert.equal(actual.source, 'local');
    assert.equal(actual.answer.entities[0].qid, expected.answer.entities[0].qid);
    assert.equal(actual.answer.model.exemplars, expected.answer.model.exemplars);
    const title = (one) => one.locator('.card h3').first().textContent();
    assert.equal(await title(page), await title(expecting.page));
    const lengths = reads.map(({ range }) => {
      const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range) ?? [];
      return Number(last) - Number(first) + 1;
    });
    assert.ok(reads.every(({ status }) => status === 206));
    const sum = lengths.reduce((total, length) => total + length, 0);
    t.diagnostic(
      `${actual.answer.entities[0].qid} ${reads.length} ranges, ${sum} of ${stored} bytes`,
    );
    assert.ok(reads.length <= BUDGET.ranges && sum <= BUDGET.bytes, `${reads.length}, ${sum}`);
    [ranges, bytes] = [ranges + reads.length, bytes + sum];
  }
  assert.ok(ranges > 0, 'the first question reads cells');
  t.diagnostic(`${Math.min(masks, 4)} questions: ${ranges} ranges, ${bytes} bytes`);
  assert.deepEqual(errors, []);
  await expecting.close();
  await close();
});

test('a damaged cell is refused with the name of its file', async () => {
  const { data } = JSON.parse(String(inCells['/index/index.json']));
  const [{ file }] = data;
  const bytes = Buffer.from(inCells[`/index/${file}`]);
  // A byte of each cell: whichever the question reads first is damaged.
  for (let at = 100; at < bytes.length; at += 1000) bytes[at] ^= 1;
  const { page, close } = await openPage({ ...inCells, [`/index/${file}`]: bytes });
  const linking = await ask(page, 0);
  assert.equal(linking.phase, 'failed', JSON.stringify(linking));
  const words = await page.locator('.banner').innerText();
  assert.ok(words.includes(file) && words.includes('damaged'), words);
  await close();
});
