/**
 * @file From opening the page to the first sample image with its masks on the screen, each time in a
 * fresh headless Chromium with nothing cached: requests, bytes and milliseconds, on a link of 100 ms
 * and 10 Mbit/s and on this machine alone.
 *
 * `node benches/cold_page.mjs [--against DIST] [--times N]`; `--against` measures another build's
 * folder in the same run, each served by the same `masklink serve`. Chromium does not slow what a
 * worker loads, which flatters a page whose first view needs one.
 */

import { parseArgs } from 'node:util';
import { startServer } from '../tests/browser/steps.mjs';
import { PATIENCE, launch, newPage } from '../tests/browser/support.mjs';

const { values: options } = parseArgs({
  options: { against: { type: 'string' }, times: { type: 'string', default: '7' } },
});
const times = Number(options.times);
/** Limits until the page shows its first masks. */
const BUDGET = { requests: 14, kilobytes: 400, milliseconds: { link: 1800, here: 900 } };
const LINK = { latency: 100, downloadThroughput: 10e6 / 8, uploadThroughput: 10e6 / 8 };

/** @typedef {{ requests: number, kilobytes: number, milliseconds: number }} Measured */

/**
 * Opens the page once.
 * @param {string} address
 * @param {boolean} slow Whether by the slow link.
 * @returns {Promise<Measured>}
 */
async function open(address, slow) {
  const browser = await launch();
  const { page, errors } = await newPage(browser);
  if (slow) {
    const session = await page.context().newCDPSession(page);
    await session.send('Network.enable');
    await session.send('Network.emulateNetworkConditions', { offline: false, ...LINK });
  }
  /** @type {import('playwright-core').Request[]} */
  const requests = [];
  page.on('request', (request) => requests.push(request));
  await page.addInitScript(() => {
    const check = () => {
      const viewer = /** @type {import('../www/mask-viewer.js').MaskViewer | null} */ (
        document.querySelector('mask-viewer')
      );
      // This frame's image is on the screen at the next frame.
      if (viewer?.snapshot?.shown.length)
        requestAnimationFrame((now) => {
          document.documentElement.dataset.shown = String(now);
        });
      else requestAnimationFrame(check);
    };
    requestAnimationFrame(check);
  });
  await page.goto(address);
  const milliseconds = Number(
    await page.locator('html[data-shown]').getAttribute('data-shown', { timeout: PATIENCE }),
  );
  const end = (await page.evaluate(() => performance.timeOrigin)) + milliseconds;
  await page.waitForLoadState('networkidle');
  const before = requests.filter(
    (request) => /^http/.test(request.url()) && request.timing().startTime <= end,
  );
  if (process.env.VERBOSE) for (const request of before) console.log(request.url());
  const sizes = await Promise.all(before.map((request) => request.sizes()));
  const bytes = sizes.reduce(
    (sum, { responseBodySize, responseHeadersSize }) =>
      sum + responseBodySize + responseHeadersSize,
    0,
  );
  await browser.close();
  if (errors.length) throw new Error(errors.join('\n'));
  return { requests: before.length, kilobytes: bytes / 1000, milliseconds };
}

/** @param {Measured[]} all @param {keyof Measured} what */
const median = (all, what) =>
  all.map((one) => one[what]).toSorted((a, b) => a - b)[all.length >> 1] ?? NaN;

/** The builds, measured in turn, so that what else the machine does hits both alike. */
const builds = await Promise.all(
  [undefined, options.against]
    .filter((folder, index) => index === 0 || folder)
    .map(async (folder) => ({
      name: folder ?? 'this build',
      server: await startServer(...(folder ? ['--root', folder] : [])),
      /** @type {{ link: Measured[], here: Measured[] }} */
      runs: { link: [], here: [] },
    })),
);
for (let time = 0; time < times; time += 1) {
  for (const { server, runs } of builds) {
    runs.link.push(await open(server.address, true));
    runs.here.push(await open(server.address, false));
  }
}
const row = (/** @type {(string | number)[]} */ [name, ...cells]) =>
  console.log(
    String(name).padEnd(28) +
      cells
        .map((cell) => (typeof cell === 'number' ? cell.toFixed(0) : cell).padStart(12))
        .join(''),
  );
row(['until the first masks', 'requests', 'kB', '100 ms, ms', 'here, ms']);
for (const { name, server, runs } of builds) {
  row([
    name,
    median(runs.link, 'requests'),
    median(runs.link, 'kilobytes'),
    median(runs.link, 'milliseconds'),
    median(runs.here, 'milliseconds'),
  ]);
  await server.kill();
}
const { requests, kilobytes, milliseconds } = BUDGET;
row(['at most', requests, kilobytes, milliseconds.link, milliseconds.here]);
