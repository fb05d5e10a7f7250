/**
 * @file Measures a click until its mask is on the screen, in headless Chromium, and the part of it that
 * is not the worker's; `node benches/click_path.mjs [CLICKS]`.
 */

import { launch, openPage, serve, until } from '../tests/browser/support.mjs';

/** @typedef {import('../www/mask-viewer.js').MaskViewer} MaskViewer */

const clicks = Number(process.argv[2] ?? 30);
const server = await serve();
const browser = await launch();
const { page, errors } = await openPage(browser, `${server.address}index.html`);
page.setDefaultTimeout(0);

/**
 * Clicks on an encoded image and waits until nothing of the click is running any more.
 * @param {{ x: number, y: number }} point_in_image
 */
async function clicked(point_in_image) {
  const times = await page.evaluate(async ({ x, y }) => {
    const viewer = /** @type {MaskViewer} */ (document.querySelector('mask-viewer'));
    viewer.clear();
    const frame = () =>
      new Promise((resolve) => {
        requestAnimationFrame(resolve);
      });
    await frame();
    const timings = () =>
      /** @type {{ decode: number }} */ (/** @type {any} */ (viewer.status).segment.timings);
    /**
     * @param {boolean} last Waits for the refined mask instead of the first one.
     * @returns {Promise<number>}
     */
    const mask = (last) =>
      new Promise((resolve) => {
        const look = () => {
          const { snapshot } = viewer;
          if (
            !snapshot ||
            (last && snapshot.segmenting) ||
            (snapshot.candidates.length === 0 && !snapshot.segmentFailure)
          )
            return;
          viewer.removeEventListener('update', look);
          resolve(performance.now());
        };
        viewer.addEventListener('update', look);
      });
    const [coming, corrected] = [mask(false), mask(true)];
    const start = performance.now();
    viewer.clickAt(x, y);
    const first = (await coming) - start;
    const { decode } = timings();
    await frame();
    const shown = performance.now() - start;
    const last = (await corrected) - start;
    return { decode, first, shown, last, lastDecode: timings().decode };
  }, point_in_image);
  await until(page, "snapshot.linking.phase !== 'asking'");
  return times;
}

/** @param {number[]} values */
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

const [width, height] = await page.evaluate(
  () => /** @type {MaskViewer} */ (document.querySelector('mask-viewer')).snapshot?.size ?? [0, 0],
);
await clicked({ x: width / 2, y: height / 2 });
const rows = [];
for (let at = 0; at < clicks; at += 1) {
  rows.push(
    await clicked({
      x: width * (0.2 + (0.6 * ((at * 7) % clicks)) / clicks),
      y: height * (0.3 + (0.4 * ((at * 11) % clicks)) / clicks),
    }),
  );
}
for (const [name, words] of Object.entries({
  decode: "the worker's first mask",
  first: 'click to mask',
  shown: 'click to the next frame',
  lastDecode: 'the worker with its refinement passes',
  last: 'click to the refined mask',
})) {
  console.log(
    `${words.padEnd(36)}${median(rows.map((row) => row[/** @type {'decode'} */ (name)]))
      .toFixed(1)
      .padStart(8)} ms`,
  );
}
console.log(
  `${'the page, beyond the worker'.padEnd(36)}${median(rows.map((row) => row.first - row.decode))
    .toFixed(1)
    .padStart(8)} ms, median of ${clicks}`,
);
await browser.close();
await server.close();
if (errors.length) throw new Error(errors.join('\n'));
