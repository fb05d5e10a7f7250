/**
 * @file Runs the benchmark page in headless Chromium with software WebGPU and prints its table:
 *   `node benches/render_frame.mjs [MASKS…]`.
 */

import { launch, newPage, serve } from '../tests/browser/support.mjs';

const counts = process.argv.slice(2);
const server = await serve();
const browser = await launch();
const { page, errors } = await newPage(browser);
page.setDefaultTimeout(0);
await page.goto(
  `${server.address}bench.html#${(counts.length ? counts : ['10', '100', '1000', '5000']).join(',')}`,
);
await page.waitForSelector('body[data-done]');
const rows = await page
  .locator('tr')
  .evaluateAll((found) =>
    found.map((row) => [...row.children].map((cell) => cell.textContent ?? '')),
  );
console.log(await page.locator('#adapter').textContent());
for (const row of rows) console.log(row.map((cell) => cell.padStart(18)).join(''));
const status = await page.locator('#status').textContent();
await browser.close();
await server.close();
if (errors.length || status !== 'Done.') throw new Error([status, ...errors].join('\n'));
