/** @file The page as a stranger meets it: drawn, by keyboard alone, on a phone, dark and light, without WebGPU, and with hostile data. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { FIXTURES, HOSTILE, HOSTILE_ANSWER } from './fixtures.mjs';
import { launch, newPage, serve } from './support.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** How long a first drawing may take here: SwiftShader compiles its shaders on a shared processor. */
const PATIENCE = 60_000;

/** @type {Awaited<ReturnType<typeof serve>>} */
let server;
/** @type {import('playwright-core').Browser} */
let browser;

before(async () => {
  server = await serve(FIXTURES);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

/** @typedef {import('../../www/mask-viewer.js').MaskViewer} MaskViewer */

/** The page with its first sample drawn. @param {import('playwright-core').BrowserContextOptions & { path?: string, in?: import('playwright-core').Browser }} [options] */
async function openPage({ path = '', in: where = browser, ...options } = {}) {
  const opened = await newPage(where, options);
  await opened.page.goto(server.address + path);
  await opened.page.waitForFunction(() => {
    const viewer = /** @type {MaskViewer | null} */ (document.querySelector('mask-viewer'));
    return (viewer?.snapshot?.shown.length ?? 0) > 0;
  }, null, { timeout: PATIENCE });
  return opened;
}

/**
 * Waits until the first viewer's snapshot fulfils a condition.
 * @param {import('playwright-core').Page} page
 * @param {string} condition An expression of `snapshot`.
 */
function until(page, condition) {
  return page.waitForFunction(`((snapshot) => snapshot && ${condition})(document.querySelector('mask-viewer').snapshot)`, null, { timeout: PATIENCE });
}

/** How many different colours a picture of the stage has, sampled; an empty stage has one. @param {import('playwright-core').Page} page */
async function coloursOnStage(page) {
  const shot = await page.locator('mask-viewer').first().locator('[part~=stage]').screenshot();
  return page.evaluate(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes]));
    const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
    if (!context) return 0;
    context.drawImage(bitmap, 0, 0);
    const pixels = new Uint32Array(context.getImageData(0, 0, bitmap.width, bitmap.height).data.buffer);
    return new Set(pixels.filter((_, index) => index % 97 === 0)).size;
  }, shot.toString('base64'));
}

/** What axe-core finds wrong, in words. @param {import('playwright-core').Page} page */
async function violations(page) {
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const axe = /** @type {any} */ (globalThis).axe;
    const { violations: found } = await axe.run(document, { resultTypes: ['violations'] });
    return found.flatMap((/** @type {any} */ { id, nodes }) => nodes.map((/** @type {any} */ node) => `${id}: ${node.target} ${node.failureSummary}`));
  });
}

test('a sample is drawn by WebGPU with its masks, and nothing complains', async () => {
  const { page, errors, close } = await openPage();
  await page.getByRole('radio', { name: 'Select a mask' }).click();
  await page.waitForTimeout(500);
  assert.ok(await coloursOnStage(page) > 200, 'the stage shows a picture');
  assert.match(await page.locator('#status').innerText(), /WebGPU/);
  const masks = page.getByRole('listbox', { name: /^Masks/ }).getByRole('option');
  assert.ok(await masks.count() >= 1);
  await masks.first().click();
  await until(page, 'snapshot.selected === 0');
  assert.ok(await page.getByRole('heading', { name: 'Annotation' }).isVisible());
  assert.ok(await page.getByRole('link', { name: /Q\d+/ }).first().isVisible());
  assert.deepEqual(errors.filter((text) => !text.includes('recorded.json')), []);
  await close();
});

test('hovering a mask on the picture marks it in the list', async () => {
  const { page, close } = await openPage();
  await page.getByRole('radio', { name: 'Select a mask' }).click();
  const at = await page.evaluate(() => {
    const viewer = /** @type {MaskViewer} */ (document.querySelector('mask-viewer'));
    /** @type {(string | undefined)[]} */
    const names = /** @type {any} */ (globalThis).hovered = [];
    viewer.addEventListener('mask-hover', (event) => names.push(/** @type {CustomEvent} */ (event).detail?.id));
    const { left, top, width, height } = viewer.getBoundingClientRect();
    return { left, top, width, height };
  });
  for (let step = 1; step < 20; step += 1) await page.mouse.move(at.left + (at.width * step) / 20, at.top + at.height * 0.42);
  const names = await page.evaluate(() => /** @type {any} */ (globalThis).hovered);
  assert.ok(names.some(Boolean), 'some mask lies on that line');
  await close();
});

test('the keyboard alone selects, zooms, draws a box and clears', async () => {
  const { page, errors, close } = await openPage();
  await page.evaluate(() => {
    const viewer = /** @type {MaskViewer} */ (document.querySelector('mask-viewer'));
    viewer.configure({ endpoint: null });
  });
  const stage = page.getByRole('application');
  // Skip link, three buttons of the head, and then the stage.
  for (let presses = 0; presses < 6 && !(await stage.evaluate((node) => node.matches(':focus'))); presses += 1) await page.keyboard.press('Tab');
  assert.ok(await stage.evaluate((node) => node.matches(':focus')), 'Tab reaches the stage');
  await page.keyboard.press('+');
  const zoomed = () => page.evaluate(() => /** @type {MaskViewer} */ (document.querySelector('mask-viewer')).view);
  assert.ok((await zoomed()) !== null, 'plus zooms');
  await page.keyboard.press('0');
  assert.equal(await zoomed(), null, 'nought fits');
  await page.keyboard.press('b');
  await until(page, "snapshot.tool === 'box'");
  await page.keyboard.press('Shift+ArrowLeft');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Shift+ArrowRight');
  await page.keyboard.press('Shift+ArrowRight');
  await page.keyboard.press('Shift+ArrowDown');
  await page.keyboard.press('Enter');
  await until(page, "snapshot.prompts.length === 1 && snapshot.prompts[0].type === 'box'");
  await page.keyboard.press('c');
  await until(page, 'snapshot.prompts.length === 0');
  await page.keyboard.press('s');
  for (let presses = 0; presses < 12; presses += 1) {
    await page.keyboard.press('Tab');
    if (await page.evaluate(() => document.querySelector('mask-viewer')?.shadowRoot?.activeElement?.getAttribute('role') === 'option')) break;
  }
  await page.keyboard.press('Enter');
  await until(page, 'snapshot.selected === 0');
  assert.match(await page.locator('mask-viewer').getByRole('status').innerText(), /selected/);
  assert.deepEqual(errors.filter((text) => !text.includes('recorded.json')), []);
  await close();
});

for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
  test(`axe-core finds nothing wrong, ${colorScheme}`, async () => {
    const { page, close } = await openPage({ colorScheme });
    // The page's own policy forbids the checker's injected script; it is put in past the policy.
    assert.deepEqual(await violations(page), []);
    await page.getByRole('listbox', { name: /^Masks/ }).getByRole('option').first().click();
    await until(page, 'snapshot.selected === 0');
    assert.deepEqual(await violations(page), [], 'with a mask selected');
    await page.getByRole('button', { name: 'Settings' }).click();
    assert.deepEqual(await violations(page), [], 'with the settings open');
    await close();
  });
}

test('a phone shows all of it, with targets a finger can hit', async () => {
  const { page, close } = await openPage({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(overflow <= 0, `the page is ${overflow} px too wide`);
  const small = await page.evaluate(() => {
    const viewer = /** @type {MaskViewer} */ (document.querySelector('mask-viewer'));
    const controls = [...viewer.shadowRoot?.querySelectorAll('button, [role=option]') ?? [], ...document.querySelectorAll('main button, header button, [role=option]')];
    return controls.map((node) => ({ name: node.getAttribute('aria-label') ?? node.textContent, box: node.getBoundingClientRect() }))
      .filter(({ box }) => box.width > 0 && (box.width < 43.9 || box.height < 43.9)).map(({ name, box }) => `${name} ${box.width}x${box.height}`);
  });
  assert.deepEqual(small, []);
  const stage = page.locator('mask-viewer [part~=stage]');
  assert.ok(await stage.isVisible());
  await close();
});

test('without WebGPU the CPU draws, and the page says so in words', async () => {
  const without = await launch({ webgpu: false });
  try {
    const { page, errors } = await openPage({ in: without });
    assert.ok(await coloursOnStage(page) > 200, 'the stage shows a picture');
    assert.match(await page.locator('#status').innerText(), /the CPU \(.*(WebGPU|adapter)/);
    assert.deepEqual(errors.filter((text) => !text.includes('recorded.json')), []);
  } finally {
    await without.close();
  }
});

test('the address keeps picture, view and selection', async () => {
  const { page, close } = await openPage();
  await page.evaluate(() => {
    const viewer = /** @type {MaskViewer} */ (document.querySelector('mask-viewer'));
    viewer.selectMask(0);
    viewer.view = { x: 200, y: 150, scale: 2 };
    viewer.zoomBy(1);
  });
  await page.waitForFunction(() => location.hash.includes('mask=') && location.hash.includes('view='));
  const path = await page.evaluate(() => location.hash);
  await close();
  const again = await openPage({ path });
  await until(again.page, 'snapshot.selected === 0');
  const view = await again.page.evaluate(() => /** @type {MaskViewer} */ (document.querySelector('mask-viewer')).view);
  assert.ok(view && Math.abs(view.x - 200) < 1 && Math.abs(view.y - 150) < 1 && Math.abs(view.scale - 2) < 0.01, JSON.stringify(view));
  await again.close();
});

test('two viewers live on one page, and one that is removed frees what it held', async () => {
  const { page, errors, close } = await newPage(browser);
  await page.goto(`${server.address}two.html`);
  await page.waitForFunction(() => [...document.querySelectorAll('mask-viewer')].every((viewer) => /** @type {MaskViewer} */ (viewer).snapshot?.shown.length === 1), null, { timeout: PATIENCE });
  const canvas = await page.evaluate(async () => {
    const [first, second] = /** @type {MaskViewer[]} */ ([...document.querySelectorAll('mask-viewer')]);
    second?.selectMask(0);
    await new Promise((resolve) => { setTimeout(resolve, 100); });
    const drawn = first?.shadowRoot?.querySelector('canvas');
    const bitmap = first?.bitmap;
    const before = [drawn?.width, bitmap?.width];
    first?.remove();
    await new Promise((resolve) => { setTimeout(resolve, 100); });
    return { before, after: [drawn?.width, bitmap?.width], selected: [first?.snapshot?.selected, second?.snapshot?.selected] };
  });
  assert.ok(canvas.before.every((width) => width && width > 0), JSON.stringify(canvas));
  assert.deepEqual(canvas.after, [0, 0], 'the canvas has no memory and the bitmap is closed');
  assert.deepEqual(canvas.selected, [null, 0], 'the viewers are independent');
  await page.evaluate(() => document.body.append(document.createElement('mask-viewer')));
  assert.deepEqual(errors, []);
  await close();
});

test('a viewer that comes back into the document shows its picture again', async () => {
  const { page, errors, close } = await newPage(browser);
  await page.goto(`${server.address}two.html`);
  const shown = () => page.waitForFunction(() => /** @type {MaskViewer} */ (document.querySelector('mask-viewer')).snapshot?.shown.length === 1 && /** @type {MaskViewer} */ (document.querySelector('mask-viewer')).bitmap, null, { timeout: PATIENCE });
  await shown();
  await page.evaluate(() => {
    const viewer = /** @type {MaskViewer} */ (document.querySelector('mask-viewer'));
    viewer.remove();
    document.body.prepend(viewer);
  });
  await shown();
  assert.deepEqual(errors, []);
  await close();
});

test('hostile names and addresses stay text', async () => {
  const { page, errors, close } = await openPage();
  await page.evaluate(() => {
    const viewer = /** @type {MaskViewer} */ (document.querySelector('mask-viewer'));
    viewer.selectMask(0);
    viewer.configure({ endpoint: new URL('hostile', document.baseURI).href });
    viewer.askLink();
  });
  await page.route('**/hostile/v1/link', (route) => route.fulfill({
    status: 200, contentType: 'application/json', body: JSON.stringify(HOSTILE_ANSWER),
  }));
  await page.evaluate(() => /** @type {MaskViewer} */ (document.querySelector('mask-viewer')).askLink());
  await until(page, "snapshot.linking.phase === 'answered'");
  const cards = page.locator('.card');
  assert.equal(await cards.first().locator('h3').innerText(), HOSTILE);
  assert.equal(await page.locator('.card [onerror], .card script').count(), 0);
  const links = await cards.locator('a').evaluateAll((nodes) => nodes.map((node) => /** @type {HTMLAnchorElement} */ (node).protocol));
  assert.ok(links.every((protocol) => protocol === 'https:' || protocol === 'http:'), links.join());
  assert.equal(await page.evaluate(() => /** @type {any} */ (globalThis).pwned), undefined);
  assert.match(await page.locator('.verdict').innerText(), /Not sure/);
  assert.deepEqual(errors.filter((text) => !/recorded\.json|404|hostile/.test(text)), []);
  await close();
});
