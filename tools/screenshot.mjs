/**
 * Takes the README's images from the running page: a sample, one real click, the cards that come back.
 *
 * Usage: node tools/screenshot.mjs ADDRESS FOLDER   (while `./build.sh serve` runs)
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { launch } from '../tests/browser/support.mjs';

const [address, folder] = process.argv.slice(2);
if (!address || !folder) throw new Error('usage: node tools/screenshot.mjs ADDRESS FOLDER');
mkdirSync(folder, { recursive: true });

const VARIANTS = [
  { name: 'wide-light', viewport: { width: 1280, height: 800 }, colorScheme: 'light' },
  { name: 'wide-dark', viewport: { width: 1280, height: 800 }, colorScheme: 'dark' },
  { name: 'phone-light', viewport: { width: 390, height: 844 }, colorScheme: 'light' },
  { name: 'phone-dark', viewport: { width: 390, height: 844 }, colorScheme: 'dark' },
];
/** A test image that is not in the index, and the middle of the orange between its look-alikes. */
const IMAGE = process.env.IMAGE ?? 'world_075';
const CLICK = process.env.CLICK ?? '0.47,0.35';

const browser = await launch();
for (const { name, viewport, colorScheme } of VARIANTS) {
  const context = await browser.newContext({
    viewport,
    colorScheme: /** @type {'light' | 'dark'} */ (colorScheme),
    deviceScaleFactor: name.startsWith('phone') ? 2 : 1,
  });
  const page = await context.newPage();
  await page.goto(`${address}#image=${IMAGE}`);
  const wait = async (/** @type {string} */ condition) => {
    for (let tries = 0; tries < 1200; tries += 1) {
      if (
        await page.evaluate(
          `((snapshot) => snapshot && ${condition})(document.querySelector('mask-viewer')?.snapshot)`,
        )
      )
        return;
      await page.waitForTimeout(100);
    }
    const snapshot = await page.evaluate(`document.querySelector('mask-viewer')?.snapshot`);
    throw new Error(`${name}: never ${condition}: ${JSON.stringify(snapshot)}`);
  };
  await wait('snapshot.shown.length > 0');
  await page.waitForTimeout(1500);
  await page.screenshot({ path: join(folder, `${name}-opened.png`) });
  const [x, y] = CLICK.split(',').map(Number);
  await page.evaluate(
    ([x = 0.5, y = 0.5]) => {
      const viewer = /** @type {import('../www/mask-viewer.js').MaskViewer} */ (
        document.querySelector('mask-viewer')
      );
      const [width = 1, height = 1] = viewer.snapshot?.size ?? [];
      viewer.clickAt(x * width, y * height);
    },
    [x, y],
  );
  await wait('!snapshot.segmenting && (snapshot.candidates.length > 0 || snapshot.segmentFailure)');
  await wait("['answered', 'failed'].includes(snapshot.linking.phase)");
  await page.waitForTimeout(1500);
  await page.screenshot({ path: join(folder, `${name}.png`) });
  console.log(
    name,
    JSON.stringify(await page.evaluate('document.querySelector("mask-viewer").status')),
  );
  await context.close();
}
const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
await page.goto(new URL('explore.html', address).href);
await page.locator('#gallery-options [role=option]:not([aria-label=Loading])').first().waitFor();
await page.waitForLoadState('networkidle');
await page.waitForTimeout(1500);
await page.screenshot({ path: join(folder, 'explorer-light.png') });
await browser.close();
