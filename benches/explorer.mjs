/**
 * @file The explorer at full size: makes annotations of the published shape, a pack and a sidecar, serves
 * them, and measures what a visitor waits for, in a headless Chromium with nothing cached.
 *
 * `node benches/explorer.mjs [--annotations 5245421] [--file 4GB] [--folder DIR] [--times 3] [--slow]`
 *
 * The data is made in DIR (by default in the system's temporary folder) unless it is there already, and
 * kept. `--slow` delays each response by 100 ms and sends 10 Mbit/s over all connections together.
 * `--screenshots DIR` writes one of each view.
 */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PATIENCE, launch, newPage } from '../tests/browser/support.mjs';
import { StaticServer } from '../tools/static_server.mjs';

const { values: options } = parseArgs({
  options: {
    annotations: { type: 'string', default: '5245421' },
    file: { type: 'string', default: '4GB' },
    folder: { type: 'string', default: join(tmpdir(), 'masklink-explorer') },
    times: { type: 'string', default: '3' },
    slow: { type: 'boolean', default: false },
    screenshots: { type: 'string' },
  },
});
const ROOT = join(import.meta.dirname, '..');
const MASKLINK = process.env.MASKLINK ?? join(ROOT, 'target/release/masklink');
const TIMES = Number(options.times);
/** Maximum time that a local file takes to open, in milliseconds. */
const LONG = 1_200_000;
const LINK = { delay: 100, bytesPerSecond: 10e6 / 8 };

mkdirSync(options.folder, { recursive: true });
const at = (/** @type {string} */ name) => join(options.folder, name);
const dataset = at(`annotations-${options.annotations}.json`);
const part = at(`annotations-${options.file}.json`);
const pack = at(`pack-${options.annotations}`);
const sidecar = at(`annotations-${options.file}.masklink`);

/** Runs the program unless its output exists. @param {string} output @param {string[]} arguments_ */
function make(output, arguments_) {
  if (existsSync(output)) return;
  const started = performance.now();
  execFileSync(MASKLINK, [...arguments_, '-o', output], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  console.log(`${arguments_[0]}: ${((performance.now() - started) / 1000).toFixed(0)} s`);
}

const SAMPLE = join(
  ROOT,
  'www/samples/images',
  readdirSync(join(ROOT, 'www/samples/images')).find((name) => name.endsWith('.jpg')) ?? '',
);

/**
 * Requests and bytes since `from`, of the app and of the data.
 * @param {StaticServer} server
 * @param {number} from
 */
function sentSince(server, from) {
  const sent = server.sent.slice(from);
  const data = sent.filter(({ path }) => /^\/(pack|data)\//.test(path));
  const images = sent.filter(({ path }) => path.startsWith('/img/'));
  const sum = (/** @type {typeof sent} */ list) => list.reduce((all, { bytes }) => all + bytes, 0);
  return {
    requests: data.length,
    bytes: sum(data),
    images: images.length,
    app: {
      requests: sent.length - data.length - images.length,
      bytes: sum(sent) - sum(data) - sum(images),
    },
  };
}

/** Returns the file of a path. @param {string} path */
function fileOf(path) {
  if (path.startsWith('/pack/')) return join(pack, path.slice(6));
  if (path.startsWith('/data/')) return join(options.folder, path.slice(6));
  if (path.startsWith('/img/')) return SAMPLE;
  return join(ROOT, 'dist', path === '/' ? 'index.html' : path);
}

const LOADED = '#gallery-options [role=option]:not([aria-label=Loading])';

/** Waits for masks in the gallery. @param {import('playwright-core').Page} page */
const isDrawn = (page) =>
  page.locator(LOADED).first().waitFor({ state: 'attached', timeout: PATIENCE });

/** Milliseconds of the page's own clock. @param {import('playwright-core').Page} page */
const now = (page) => page.evaluate(() => performance.now());

/**
 * MB of the private memory of the browser's page processes: JavaScript heaps, WebAssembly memories and
 * everything else of them.
 * @param {import('playwright-core').Browser} browser
 */
async function memory(browser) {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  await session.detach();
  const pages = processInfo.filter(({ type }) => type === 'renderer');
  const kilobytes = pages.map(({ id }) => {
    const status = readFileSync(`/proc/${id}/status`, 'utf8');
    return Number(/^RssAnon:\s+(\d+) kB/m.exec(status)?.[1] ?? NaN);
  });
  return kilobytes.reduce((sum, one) => sum + one, 0) / 1000;
}

/** @type {Map<string, Record<string, number>[]>} */
const results = new Map();
/** @param {string} name @param {Record<string, number>} figures */
function record(name, figures) {
  results.set(name, [...(results.get(name) ?? []), figures]);
  if (process.env.VERBOSE) console.log(name, figures);
}

/**
 * Measures one source in a fresh browser.
 * @param {StaticServer} server
 * @param {string} name
 * @param {string} source
 * @param {number} annotations
 */
async function measureSource(server, name, source, annotations) {
  const browser = await launch();
  const { page, errors } = await newPage(browser);
  const from = server.sent.length;
  const images = encodeURIComponent(`${server.address}/img/{file_name}`);
  await page.goto(
    `${server.address}/explore.html#source=${encodeURIComponent(source)}&images=${images}`,
  );
  await isDrawn(page);
  const first = await now(page);
  const counted = sentSince(server, from);
  record(`${name}: first masks`, {
    ms: first,
    requests: counted.requests,
    kB: counted.bytes / 1000,
  });
  record(`${name}: the app itself`, {
    requests: counted.app.requests,
    kB: counted.app.bytes / 1000,
  });
  await page.waitForLoadState('networkidle');
  const gallery = sentSince(server, from);
  record(`${name}: gallery with images`, {
    requests: gallery.requests,
    kB: gallery.bytes / 1000,
    images: gallery.images,
  });
  await measureSearch(server, page, name);
  await measureLookUps(server, page, name, annotations);
  await scroll(page);
  record(`${name}: after 2,000 records`, { MB: await memory(browser) });
  assert.deepEqual(errors, []);
  await browser.close();
}

/** @param {StaticServer} server @param {import('playwright-core').Page} page @param {string} name */
async function measureSearch(server, page, name) {
  const from = server.sent.length;
  const started = await now(page);
  await page.locator('#search').fill('ma');
  await page.locator('#hits [role=option]').first().waitFor();
  record(`${name}: search, first letters`, {
    ms: (await now(page)) - started,
    ...counts(server, from),
  });
  const again = await now(page);
  await page.locator('#search').fill('mar');
  await page.waitForFunction(() => document.querySelector('#hits [role=option]'));
  record(`${name}: search, next letter`, { ms: (await now(page)) - again });
  const chosen = server.sent.length;
  const start = await now(page);
  await page.locator('#hits [role=option]').first().click();
  await page.waitForFunction(() => location.hash.includes('entity='));
  await isDrawn(page);
  record(`${name}: entity to its first page`, {
    ms: (await now(page)) - start,
    ...counts(server, chosen),
  });
}

/** @param {StaticServer} server @param {number} from */
const counts = (server, from) => {
  const { requests, bytes } = sentSince(server, from);
  return { requests, kB: bytes / 1000 };
};

/**
 * Looks up annotations by their ids, which `masklink synth` numbers by split.
 * @param {StaticServer} server
 * @param {import('playwright-core').Page} page
 * @param {string} name
 * @param {number} annotations
 */
async function measureLookUps(server, page, name, annotations) {
  const found = [];
  for (let time = 0; time < 20 && found.length < 5; time += 1) {
    const number = Math.floor(Math.random() * annotations * 0.15);
    const id = `oven_entity_train_${String(number).padStart(8, '0')}`;
    const from = server.sent.length;
    const started = await now(page);
    await page.evaluate((record) => {
      const place = new URLSearchParams(location.hash.slice(1));
      place.set('record', record);
      place.delete('entity');
      location.hash = String(place);
    }, id);
    const shown = await page
      .waitForFunction(
        (record) => document.querySelector('#detail')?.dataset.record === record,
        id,
        {
          timeout: 5000,
          polling: 'raf',
        },
      )
      .catch(() => null);
    if (!shown) continue;
    const sent = server.sent.slice(from).filter(({ path }) => /^\/(pack|data)\//.test(path));
    const bytes = sent.reduce((sum, file) => sum + file.bytes, 0);
    found.push({ ms: (await now(page)) - started, requests: sent.length, kB: bytes / 1000 });
  }
  // The first loads the tables.
  for (const figures of found.slice(1)) record(`${name}: a record by its id`, figures);
  await page.keyboard.press('Escape');
}

/** Scrolls through 2,000 records. @param {import('playwright-core').Page} page */
async function scroll(page) {
  await page.locator('#gallery').focus();
  for (let at = 0; at < 120; at += 1) {
    await page.keyboard.press('PageDown');
    await page.waitForTimeout(50);
  }
  await isDrawn(page);
}

/** Opens the local file. @param {StaticServer} server */
async function measureLocalFile(server) {
  const browser = await launch();
  const { page, errors } = await newPage(browser);
  await page.goto(`${server.address}/explore.html`);
  await isDrawn(page);
  for (const visit of ['opened', 'opened again']) {
    if (visit === 'opened again') {
      await page.goto('about:blank');
      await page.goto(`${server.address}/explore.html`);
      await isDrawn(page);
    }
    await page.locator('#open-source').click();
    await page.locator('#open-form input[name=file]').setInputFiles(part);
    const started = await now(page);
    await page.getByRole('button', { name: 'Open', exact: true }).click();
    const name = part.split('/').at(-1) ?? '';
    await page
      .locator('#source-words', { hasText: name })
      .waitFor({ timeout: LONG, state: 'attached' });
    await isDrawn(page);
    const ms = (await now(page)) - started;
    record(`local file: ${visit}`, {
      ms,
      'MB/s': statSync(part).size / 1000 / ms,
      MB: await memory(browser),
    });
  }
  assert.deepEqual(errors, []);
  await browser.close();
}

/**
 * Writes an image of each view, wide and on a phone, light and dark.
 * @param {StaticServer} server
 * @param {string} folder
 */
async function screenshots(server, folder) {
  mkdirSync(folder, { recursive: true });
  const browser = await launch();
  const images = encodeURIComponent(`${server.address}/img/{file_name}`);
  const source = encodeURIComponent(`${server.address}/pack/manifest.json`);
  const at = `${server.address}/explore.html#source=${source}&images=${images}`;
  for (const [width, height, colorScheme] of /** @type {const} */ ([
    [1440, 900, 'light'],
    [1440, 900, 'dark'],
    [390, 844, 'light'],
  ])) {
    const { page, close } = await newPage(browser, { viewport: { width, height }, colorScheme });
    const shoot = async (/** @type {string} */ view) => {
      await page.waitForLoadState('networkidle');
      await page.screenshot({ path: join(folder, `${view}-${width}-${colorScheme}.png`) });
    };
    await page.goto(`${at}&order=suspicion`);
    await isDrawn(page);
    await shoot('gallery');
    await page.locator('#show-plots').click();
    await page.locator('#plots svg').first().waitFor();
    await shoot('plots');
    await page.locator('#show-plots').click();
    await page.locator('#random').click();
    await page.locator('#detail[data-record^=oven]').waitFor();
    await shoot('record');
    await close();
  }
  await browser.close();
}

const median = (/** @type {number[]} */ list) =>
  list.toSorted((a, b) => a - b)[list.length >> 1] ?? NaN;

make(dataset, ['synth', '--annotations', options.annotations, '--faults', '0.05']);
make(part, ['synth', '--bytes', options.file, '--faults', '0.05', '--seed', '2']);
make(pack, ['pack', '--annotations', dataset]);
const server = await new StaticServer(fileOf).start();
make(sidecar, ['pack', '--annotations', part, '--records-at', `./${part.split('/').at(-1)}`]);
server.link = options.slow ? LINK : null;
for (let time = 0; time < TIMES; time += 1) {
  await measureSource(
    server,
    'pack',
    `${server.address}/pack/manifest.json`,
    Number(options.annotations),
  );
  await measureSource(
    server,
    'sidecar',
    `${server.address}/data/${sidecar.split('/').at(-1)}`,
    1_000_000,
  );
}
if (!options.slow) await measureLocalFile(server);
if (options.screenshots) await screenshots(server, options.screenshots);
server.close();
for (const [name, runs] of results) {
  const keys = Object.keys(runs[0] ?? {});
  const cells = keys.map(
    (key) => `${median(runs.map((run) => run[key] ?? NaN)).toFixed(0)} ${key}`,
  );
  console.log(`${name.padEnd(36)} ${cells.join(', ')}`);
}
