/**
 * Clicks on photographs in the running page and prints the cards by the page's own index as rows of the
 * model card's table, with the milliseconds from a mask to its cards.
 *
 * Usage: node tools/photo_cards.mjs ADDRESS PHOTO,X,Y ...   (while `./build.sh serve` runs)
 *
 * X and Y are from 0 to 1.
 */
import { basename } from 'node:path';
import { launch } from '../tests/browser/support.mjs';

/** Number of cards in a row. */
const CARDS = 4;
/** Maximum wait for the cards of a click, in milliseconds. */
const PATIENCE = 120_000;

/** @typedef {import('../www/mask-viewer.js').MaskViewer} MaskViewer */

const [address, ...clicks] = process.argv.slice(2);
if (!address || clicks.length === 0)
  throw new Error('usage: node tools/photo_cards.mjs ADDRESS PHOTO,X,Y ...');

const browser = await launch();
const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
await page.goto(address);
await page.waitForFunction(() => {
  const viewer = /** @type {MaskViewer | null} */ (document.querySelector('mask-viewer'));
  return (viewer?.snapshot?.shown.length ?? 0) > 0;
});
/** @type {number[]} */
const waits = [];
for (const click of clicks) {
  const [photo = '', x = NaN, y = NaN] = click
    .split(',')
    .map((part, at) => (at ? Number(part) : part));
  await page.goto(address);
  await page.setInputFiles('input[type=file]', String(photo));
  const name = basename(String(photo));
  await page.waitForFunction(
    (file) => {
      const viewer = /** @type {MaskViewer | null} */ (document.querySelector('mask-viewer'));
      return viewer?.snapshot?.image?.includes(file);
    },
    name,
    { timeout: PATIENCE },
  );
  const { heading, entities, millis } = await page.evaluate(clickAt, [Number(x), Number(y)]);
  waits.push(millis);
  const cards = entities.slice(0, CARDS).map(({ title, score, broader }) => {
    return `${title}${broader ? ' (broader)' : ''} ${Math.round(100 * score)} %`;
  });
  console.log(`| ${name} | ${heading} | ${cards.join(', ')} |`);
}
waits.sort((a, b) => a - b);
console.log(`mask to cards, ms: ${waits.map(Math.round).join(' ')}`);
await browser.close();

/**
 * Clicks at a place and returns the heading and the entities of the result.
 * @param {number[]} place From 0 to 1.
 */
async function clickAt([x = 0, y = 0]) {
  const viewer = /** @type {MaskViewer} */ (document.querySelector('mask-viewer'));
  const [width = 1, height = 1] = viewer.snapshot?.size ?? [];
  viewer.configure({ endpoint: null });
  let segmented = 0;
  viewer.addEventListener('segment', () => (segmented = performance.now()), { once: true });
  const linked = new Promise((resolve) => viewer.addEventListener('link', resolve, { once: true }));
  viewer.clickAt(x * width, y * height);
  await linked;
  const millis = performance.now() - segmented;
  // The event comes before the state has changed.
  await new Promise((resolve) => setTimeout(resolve));
  const { linking, verdict } = viewer.snapshot ?? {};
  if (linking?.phase !== 'answered') throw new Error(`No result: ${JSON.stringify(linking)}`);
  return { heading: verdict?.heading ?? '', entities: linking.answer.entities, millis };
}
