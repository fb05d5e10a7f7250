/**
 * @file From opening the page to the first outline of a click, in a fresh headless Chromium with nothing
 * cached, on a link of 150 ms and 1.6 Mbit/s: clicked as soon as masks are shown, and after the page was
 * idle for 40 s. All connections share the link, those of workers too.
 *
 * `./build.sh dist` first, then `node benches/cold_click.mjs [--times 3]`.
 */

import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { launch, newPage, until } from '../tests/browser/support.mjs';
import { StaticServer } from '../tools/static_server.mjs';

const { values: options } = parseArgs({ options: { times: { type: 'string', default: '3' } } });
const DIST = join(import.meta.dirname, '../dist');
const LINK = { delay: 150, bytesPerSecond: 1.6e6 / 8 };

/**
 * Opens the page, waits, clicks, and returns the seconds from the click to the outline and the megabytes
 * sent.
 * @param {number} idle Milliseconds.
 */
async function visit(idle) {
  const server = new StaticServer((path) => join(DIST, path === '/' ? 'index.html' : path));
  await server.start();
  server.link = LINK;
  const browser = await launch();
  const { page } = await newPage(browser, { prefetches: true });
  await page.goto(`${server.address}/`);
  await until(page, 'snapshot.shown.length > 0');
  await page.waitForTimeout(idle);
  const before = server.sent.reduce((sum, { bytes }) => sum + bytes, 0);
  const started = performance.now();
  await page.evaluate(() => {
    const viewer = /** @type {import('../www/mask-viewer.js').MaskViewer} */ (
      document.querySelector('mask-viewer')
    );
    const [width = 0, height = 0] = viewer.snapshot?.size ?? [];
    viewer.clickAt(width / 2, height / 2);
  });
  await until(page, 'snapshot.candidates.length > 0');
  const seconds = (performance.now() - started) / 1000;
  const all = server.sent.reduce((sum, { bytes }) => sum + bytes, 0);
  if (process.env.VERBOSE)
    for (const { path, bytes } of server.sent) if (bytes > 1e5) console.log(path, bytes);
  await browser.close();
  server.close();
  return { seconds, before: before / 1e6, all: all / 1e6 };
}

const median = (/** @type {number[]} */ list) =>
  list.toSorted((a, b) => a - b)[list.length >> 1] ?? NaN;
for (const idle of [0, 40_000]) {
  const visits = [];
  for (let time = 0; time < Number(options.times); time += 1) visits.push(await visit(idle));
  const of = (/** @type {'seconds' | 'before' | 'all'} */ key) =>
    median(visits.map((one) => one[key])).toFixed(1);
  console.log(
    `${idle / 1000} s idle: first outline ${of('seconds')} s after the click; ` +
      `${of('before')} MB asked for before it, ${of('all')} MB in all`,
  );
}
