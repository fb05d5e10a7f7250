/**
 * @file From opening the page to the first sample image with its masks on the screen, each time in
 * a fresh headless Chromium; `node benches/cold_page.mjs [TIMES]`.
 */

import { launch, newPage, serve } from '../tests/browser/support.mjs';

const times = Number(process.argv[2] ?? 5);
const server = await serve();
/**
 * Milliseconds from the start of the navigation to the first frame that shows masks.
 * @type {number[]}
 */
const shown = [];
for (let time = 0; time < times; time += 1) {
  const browser = await launch();
  const { page, errors } = await newPage(browser);
  await page.addInitScript(() => {
    const look = () => {
      const viewer = /** @type {import('../www/mask-viewer.js').MaskViewer | null} */ (
        document.querySelector('mask-viewer')
      );
      // What this frame is drawn from is on the screen at the next.
      if (viewer?.snapshot?.shown.length)
        requestAnimationFrame((now) => {
          document.documentElement.dataset.shown = String(now);
        });
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
  await page.goto(`${server.address}index.html`);
  shown.push(Number(await page.locator('html[data-shown]').getAttribute('data-shown')));
  await browser.close();
  if (errors.length) throw new Error(errors.join('\n'));
}
await server.close();
shown.sort((a, b) => a - b);
console.log(
  `first masks after ${shown.map((ms) => ms.toFixed(0)).join(', ')} ms; median ${(shown[shown.length >> 1] ?? NaN).toFixed(0)}`,
);
