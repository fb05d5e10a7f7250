/** @file Packs and sidecars on hosts of each kind, and large local files, in the explorer. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import {
  counted,
  downloaded,
  openExplorer,
  options,
  placeOf,
  recordOpen,
} from './explorer_steps.mjs';
import { ROOT } from './steps.mjs';
import { newPage, PATIENCE, startSite } from './support.mjs';

const MASKLINK = process.env.MASKLINK ?? join(ROOT, 'target/release/masklink');
const COUNT = 3000;
const ALL = /^3,000 masks$/;

const { server, browser } = await startSite({});
const folder = mkdtempSync(join(tmpdir(), 'masklink-pack-'));
after(() => rmSync(folder, { recursive: true }));

before(() => {
  const run = (...list) => execFileSync(MASKLINK, list, { cwd: folder, stdio: 'pipe' });
  run('synth', '--annotations', String(COUNT), '--faults', '0.1', '-o', 'a.json');
  writeVectors();
  run(
    ...['pack', '--annotations', 'a.json', '-o', 'pack'],
    ...['--vectors', 'vectors.npy', '--vector-ids', 'ids.txt'],
  );
  run('pack', '--annotations', 'a.json', '-o', 'cut');
  run('pack', '--annotations', 'a.json', '--records-at', './a.json', '-o', 'a.masklink');
  const part = join(folder, 'cut/annotations/part-00000.parquet');
  truncateSync(part, statSync(part).size - 1000);
});

/** Writes a vector for each annotation: nearest are those whose places in the file are close. */
function writeVectors() {
  const { annotations } = JSON.parse(readFileSync(join(folder, 'a.json'), 'utf8'));
  writeFileSync(
    join(folder, 'ids.txt'),
    annotations.map((/** @type {{ id: string }} */ { id }) => `${id}\n`).join(''),
  );
  const shape = `(${annotations.length}, 2)`;
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': ${shape}, }`.padEnd(117) + '\n';
  const head = Buffer.from(`\x93NUMPY\x01\x00\x76\x00${header}`, 'latin1');
  const numbers = annotations.flatMap((/** @type {unknown} */ _, /** @type {number} */ at) => {
    const angle = (at / annotations.length) * Math.PI;
    return [Math.cos(angle), Math.sin(angle)];
  });
  const bytes = Buffer.from(Float32Array.from(numbers).buffer);
  writeFileSync(join(folder, 'vectors.npy'), Buffer.concat([head, bytes]));
}

/**
 * Serves the folder from another origin than the page's, as a kind of host does, and notes each request.
 * @param {'good' | 'no ranges' | 'compressed' | 'hidden'} kind
 */
async function hostOf(kind) {
  /** @type {string[]} */
  const requests = [];
  const host = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://host').pathname;
    requests.push(`${path} ${request.headers.range ?? ''}`);
    /** @type {Record<string, string>} */
    const headers = {
      'access-control-allow-origin': '*',
      'access-control-allow-headers': 'range',
      'cache-control': 'no-store',
      ...(kind !== 'hidden' && {
        'access-control-expose-headers': 'content-range, content-encoding, content-length',
      }),
    };
    if (request.method === 'OPTIONS') return response.writeHead(204, headers).end();
    const bytes = readFileSync(join(folder, path));
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
    if (!range || kind === 'no ranges') return response.writeHead(200, headers).end(bytes);
    const [start, end] = [Number(range[1]), Math.min(Number(range[2]), bytes.length - 1)];
    headers['content-range'] = `bytes ${start}-${end}/${bytes.length}`;
    let part = bytes.subarray(start, end + 1);
    if (kind === 'compressed') {
      // A host that compresses first cuts the range out of the compressed file.
      part = gzipSync(bytes).subarray(start, end + 1);
      headers['content-encoding'] = 'gzip';
    }
    return response.writeHead(206, headers).end(part);
  });
  await new Promise((resolve) => host.listen(0, '127.0.0.1', () => resolve(null)));
  after(() => {
    host.closeAllConnections();
    host.close();
  });
  const { port } = /** @type {import('node:net').AddressInfo} */ (host.address());
  return { address: `http://127.0.0.1:${port}/`, requests };
}

const place = (address, more = {}) => String(new URLSearchParams({ source: address, ...more }));
const LOADED = '#gallery-options [role=option]:not([aria-label=Loading])';
const shown = (page) =>
  page.locator(LOADED).first().waitFor({ state: 'attached', timeout: PATIENCE });

for (const [kind, words] of [
  ['good', null],
  ['no ranges', /no HTTP ranges/],
  ['compressed', /compresses/],
  ['hidden', /Content-Range/],
]) {
  test(`a pack opens from a host of the kind: ${kind}`, async () => {
    const host = await hostOf(kind);
    const { page, errors, close } = await openExplorer(
      browser,
      server.address,
      place(`${host.address}pack/manifest.json`),
      ALL,
    );
    await shown(page);
    if (kind === 'good') assert.ok(host.requests.length <= 8, host.requests.join('\n'));
    if (words) await page.locator('#notes', { hasText: words }).waitFor();
    else assert.equal(await page.locator('#notes .banner').count(), 0);
    const id = 'oven_entity_train_00000042';
    await page.getByRole('searchbox').or(page.locator('#search')).first().fill(id);
    await page.keyboard.press('Enter');
    await recordOpen(page, id);
    assert.deepEqual(
      errors.filter((error) => !error.includes('ERR_CONTENT_DECODING')),
      [],
    );
    await close();
  });
}

test('a record of a pack with vectors shows those that look alike, which open', async () => {
  const host = await hostOf('good');
  const id = 'oven_entity_train_00000042';
  const { page, errors, close } = await openExplorer(
    browser,
    server.address,
    place(`${host.address}pack/manifest.json`, { record: id }),
    ALL,
  );
  await recordOpen(page, id);
  const similar = page.locator('#similar button');
  await similar.first().waitFor();
  assert.ok((await similar.count()) >= 4);
  const painted = () =>
    page.evaluate(() => {
      const canvas = document.querySelector('#similar canvas');
      const { width, height } = canvas;
      const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
      return data.some((byte) => byte > 0);
    });
  for (const end = Date.now() + PATIENCE; !(await painted());) {
    assert.ok(Date.now() < end, 'no mask is drawn');
    await page.waitForTimeout(50);
  }
  await similar.first().focus();
  await page.keyboard.press('Enter');
  await page.waitForFunction((old) => !location.hash.includes(old), id);
  const { record } = await placeOf(page);
  await recordOpen(page, record);
  await page.goBack();
  await recordOpen(page, id);
  assert.deepEqual(errors, []);
  await close();
});

test('an export of a pack keeps the order of the selection, by several workers', async () => {
  const host = await hostOf('good');
  const source = `${host.address}pack/manifest.json`;
  const exported = async (/** @type {object} */ more, format = 'CSV') => {
    const opened = await openExplorer(browser, server.address, place(source, more), ALL);
    const { page, close } = opened;
    await page.evaluate(() => {
      globalThis.workers = 0;
      globalThis.Worker = class extends Worker {
        constructor(...list) {
          super(...list);
          globalThis.workers += 1;
        }
      };
    });
    await page.getByRole('button', { name: 'Export', exact: true }).click();
    const { bytes } = await downloaded(page, () =>
      page.getByRole('dialog').getByRole('button', { name: format }).click(),
    );
    const [workers, cores] = await page.evaluate(() => [
      globalThis.workers,
      navigator.hardwareConcurrency,
    ]);
    assert.ok(cores === 1 || workers > 0, 'other workers share the reading');
    await close();
    return bytes.toString('utf8').trimEnd().split(/\r?\n/);
  };
  const [head, ...rows] = await exported({});
  const column = head.split(',').indexOf('area_share');
  const shareOf = (/** @type {string} */ line) => Number(line.split(',')[column]);
  assert.equal(rows.length, COUNT);
  assert.equal(new Set(rows).size, COUNT);
  const bin = (/** @type {string} */ line) => Math.ceil(shareOf(line) * 20);
  const [, ...smallest] = await exported({ order: 'smallest' });
  assert.deepEqual(
    smallest,
    rows.toSorted((a, b) => bin(a) - bin(b)),
  );
  const published = await exported({}, 'JSON lines, as');
  const annotations = published.map((line) => JSON.parse(line)).filter((one) => one.image_id);
  assert.deepEqual(
    annotations.map(({ id }) => id),
    rows.map((line) => line.split(',')[0]),
  );
});

test('a pack that was uploaded in part names the file', async () => {
  const host = await hostOf('good');
  const { page, close } = await openExplorer(
    browser,
    server.address,
    place(`${host.address}cut/manifest.json`),
    ALL,
  );
  await page.locator('#problem', { hasText: 'part-00000.parquet' }).waitFor();
  await close();
});

test('a web page in place of annotations is reported as such', async () => {
  const { page, close } = await newPage(browser);
  await page.goto(`${server.address}explore.html#${place(`${server.address}index.html`)}`);
  await page.locator('#problem', { hasText: 'index.html has no annotations' }).waitFor();
  await close();
});

test('a published file is browsed where it lies, by its sidecar', async () => {
  const host = await hostOf('good');
  const { page, errors, close } = await openExplorer(
    browser,
    server.address,
    place(`${host.address}a.masklink`, { order: 'suspicion' }),
    ALL,
  );
  await shown(page);
  await options(page).first().click();
  const { record } = await placeOf(page);
  await recordOpen(page, record);
  await page.goto(
    `${server.address}explore.html#${place(`${host.address}a.masklink`, { record })}`,
  );
  await page.reload();
  await recordOpen(page, record);
  const annotations = host.requests.filter((request) => request.startsWith('/a.json'));
  assert.ok(annotations.length > 0);
  assert.ok(
    annotations.every((request) => request.includes('bytes=')),
    'only parts of the file are read',
  );
  assert.deepEqual(errors, []);
  await close();
});

test('a large file that was opened before opens by its kept catalog', async () => {
  const file = join(folder, 'large.json');
  execFileSync(MASKLINK, ['synth', '--bytes', '70MB', '-o', file], { stdio: 'pipe' });
  const { page, errors, close } = await openExplorer(browser, server.address, '', /masks/);
  const openFile = async () => {
    await page.getByRole('button', { name: 'Open a dataset' }).click();
    await page.getByLabel('File on this computer').setInputFiles(file);
    await page.getByRole('button', { name: 'Open', exact: true }).click();
    await page.locator('#source-words', { hasText: 'large.json' }).waitFor({ timeout: PATIENCE });
    await shown(page);
  };
  await openFile();
  const title = () => page.locator(LOADED).first().getAttribute('aria-label');
  const before = (await title()) ?? '';
  // A changed name in the kept catalog tells that it is what is read.
  const [name] = /[A-Z][a-z]{3,}/.exec(before) ?? [''];
  assert.ok(name, before);
  const changed = name.toUpperCase();
  await page.evaluate(
    async ([from, to]) => {
      const root = await navigator.storage.getDirectory();
      const kept = await root.getDirectoryHandle('catalogs');
      for await (const handle of kept.values()) {
        const text = await (await handle.getFile()).arrayBuffer();
        const bytes = new Uint8Array(text);
        const wanted = new TextEncoder().encode(from);
        for (let at = 0; at + wanted.length <= bytes.length; at += 1)
          if (wanted.every((byte, index) => bytes[at + index] === byte))
            bytes.set(new TextEncoder().encode(to), at);
        const out = await handle.createWritable();
        await out.write(bytes);
        await out.close();
      }
    },
    [name, changed],
  );
  await page.goto('about:blank');
  await page.goto(`${server.address}explore.html`);
  await counted(page, /masks/);
  await openFile();
  assert.match((await title()) ?? '', new RegExp(changed));
  assert.deepEqual(errors, []);
  await close();
});
