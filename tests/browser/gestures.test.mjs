/**
 * @file Hands on the page: wheel and pinch keep what is under them in place, images come by drop
 * and paste, a tampered model is refused in words.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { FIXTURES, PHOTO } from './fixtures.mjs';
import { bring, drawByWebGpu, openPage, PATIENCE, serve, startSite, until } from './support.mjs';

const { server, browser } = await startSite(FIXTURES);

const openSamples = (options) => openPage(browser, `${server.address}#image=world_001`, options);

/**
 * Sets the view and returns the stage's box in the window.
 */
function setView(page, view) {
  return page.evaluate((wanted) => {
    const viewer = document.querySelector('mask-viewer');
    viewer.view = wanted;
    const { x, y, width, height } =
      (viewer.shadowRoot?.querySelector('[part~=stage]')).getBoundingClientRect();
    return { x, y, width, height };
  }, view);
}

/**
 * The view once its scale is not `before`.
 */
async function viewAfter(page, before) {
  for (const end = Date.now() + PATIENCE; ;) {
    const view = await page.evaluate(() => document.querySelector('mask-viewer').view);
    if (view && view.scale !== before) return view;
    assert.ok(Date.now() < end, 'the view never zoomed');
    await page.waitForTimeout(50);
  }
}

/**
 * The point of the image under a point of the stage.
 * @param {[number, number]} at In CSS pixels from the stage's corner.
 */
function inImage(view, stage, [x, y]) {
  return [
    view.x + (x - stage.width / 2) / view.scale,
    view.y + (y - stage.height / 2) / view.scale,
  ];
}

function assertNear(actual, expected) {
  for (const [axis, value] of actual.entries()) {
    assert.ok(Math.abs(value - (expected[axis] ?? NaN)) < 0.75, `${actual} is not ${expected}`);
  }
}

test('the wheel zooms in and out around the pointer', async () => {
  const { page, errors, close } = await openSamples();
  const view = { x: 480, y: 320, scale: 1 };
  const stage = await setView(page, view);
  const at = [stage.width / 2 + 70, stage.height / 2 - 50];
  await page.mouse.move(stage.x + at[0], stage.y + at[1]);
  await page.mouse.wheel(0, -240);
  const closer = await viewAfter(page, 1);
  assert.ok(closer.scale > 1.2, `scale ${closer.scale}`);
  assertNear(inImage(closer, stage, at), inImage(view, stage, at));
  await page.mouse.wheel(0, 240);
  const back = await viewAfter(page, closer.scale);
  assert.ok(Math.abs(back.scale - 1) < 0.01, `scale ${back.scale}`);
  assertNear([back.x, back.y], [view.x, view.y]);
  assert.deepEqual(errors, []);
  await close();
});

test('two fingers zoom around their middle and do not click', async () => {
  const { page, errors, close } = await openSamples({ hasTouch: true });
  const view = { x: 480, y: 320, scale: 1 };
  const stage = await setView(page, view);
  const devtools = await page.context().newCDPSession(page);
  const middle = [stage.x + stage.width / 2 - 40, stage.y + stage.height / 2 + 30];
  /**
   * @param {number[]} offsets Of the fingers from the middle.
   */
  const touch = (type, offsets) =>
    devtools.send('Input.dispatchTouchEvent', {
      type,
      touchPoints: offsets.map((offset, id) => ({
        x: (middle[0] ?? 0) + offset,
        y: middle[1] ?? 0,
        id,
      })),
    });
  await touch('touchStart', [-40]);
  await touch('touchStart', [-40, 40]);
  for (const apart of [50, 60, 70, 80]) await touch('touchMove', [-apart, apart]);
  await touch('touchEnd', []);
  const closer = await viewAfter(page, 1);
  assert.ok(Math.abs(closer.scale - 2) < 0.05, `fingers twice as far apart: scale ${closer.scale}`);
  const at = [stage.width / 2 - 40, stage.height / 2 + 30];
  assertNear(inImage(closer, stage, at), inImage(view, stage, at));
  await page.waitForTimeout(200);
  const prompts = await page.evaluate(
    () => document.querySelector('mask-viewer').snapshot?.prompts,
  );
  assert.deepEqual(prompts, []);
  assert.deepEqual(errors, []);
  await close();
});

test('a swipe on the image moves the image, one beside it the page, and none both', async () => {
  const { page, errors, close } = await openSamples({
    viewport: { width: 390, height: 600 },
    hasTouch: true,
    isMobile: true,
  });
  const stage = await setView(page, { x: 480, y: 320, scale: 1 });
  const devtools = await page.context().newCDPSession(page);
  const swipe = async (x, y, dy) => {
    const touch = (type, points) =>
      devtools.send('Input.dispatchTouchEvent', { type, touchPoints: points });
    await touch('touchStart', [{ x, y }]);
    for (let step = 1; step <= 6; step += 1)
      await touch('touchMove', [{ x, y: y + (step * dy) / 6 }]);
    await touch('touchEnd', []);
    await page.waitForTimeout(300);
    return page.evaluate(() => [scrollY, document.querySelector('mask-viewer').view.y]);
  };
  const [still, moved] = await swipe(stage.x + 180, stage.y + 150, -90);
  assert.equal(still, 0);
  assert.ok(moved > 400, `the image's middle is at ${moved}`);
  const note = await page.locator('mask-viewer .masks').boundingBox();
  const [scrolled, same] = await swipe(note.x + 20, note.y + 20, -90);
  assert.ok(scrolled > 20, `scrolled by ${scrolled}`);
  assert.equal(same, moved);
  assert.deepEqual(errors, []);
  await close();
});

for (const gesture of ['drop', 'paste']) {
  test(`an image comes by ${gesture}`, async () => {
    const { page, errors, close } = await openSamples();
    await bring(page, [PHOTO], gesture);
    await until(
      page,
      "snapshot.image === 'mine.bmp' && `${snapshot.size}` === '8,6' && snapshot.shown.length === 0",
    );
    assert.deepEqual(errors, []);
    await close();
  });
}

test('an image larger than the GPU’s limit is scaled down with a message', async () => {
  const { page, errors, close } = await openSamples();
  await drawByWebGpu(page);
  await page.evaluate(async () => {
    // A busy browser may have no adapter at once; WebGPU's least limit then gives a width.
    const adapter = await navigator.gpu.requestAdapter();
    const limit = adapter?.limits.maxTextureDimension2D ?? 8192;
    const canvas = new OffscreenCanvas(Math.min(32_000, 2 * limit), 4);
    canvas.getContext('2d')?.fillRect(0, 0, 9, 4);
    const viewer = document.querySelector('mask-viewer');
    await viewer.openImage(await canvas.convertToBlob(), { key: 'wide' });
  });
  await until(page, "snapshot.image === 'wide'");
  const status = page.locator('#status');
  await status.getByText(/is scaled to \d+x\d+: this GPU allows at most/).waitFor();
  await page
    .getByRole('listbox', { name: /sample/i })
    .getByRole('option')
    .first()
    .click();
  await until(page, "snapshot.image !== 'wide' && snapshot.shown.length > 0");
  await status.getByText(/is scaled to/).waitFor({ state: 'detached' });
  assert.deepEqual(errors, []);
  await close();
});

test('Escape cancels a box that the pointer is drawing', async () => {
  const { page, errors, close } = await openSamples();
  const stage = await setView(page, { x: 480, y: 320, scale: 1 });
  await page.evaluate(() => {
    document.querySelector('mask-viewer').tool = 'box';
  });
  await until(page, "snapshot.tool === 'box'");
  const [x, y] = [stage.x + stage.width / 2, stage.y + stage.height / 2];
  const frames = page.locator('mask-viewer .frame-mark');
  await page.mouse.move(x - 60, y - 60);
  await page.mouse.down();
  await page.mouse.move(x, y, { steps: 3 });
  await frames.waitFor();
  await page.keyboard.press('Escape');
  await page.mouse.move(x + 20, y + 20, { steps: 3 });
  assert.equal(await frames.count(), 0);
  await page.mouse.up();
  await page.waitForTimeout(200);
  const prompts = () =>
    page.evaluate(() =>
      document.querySelector('mask-viewer').snapshot?.prompts.map(({ type }) => type),
    );
  assert.deepEqual(await prompts(), []);
  // The next box is drawn as ever.
  await page.mouse.move(x - 60, y - 60);
  await page.mouse.down();
  await page.mouse.move(x, y, { steps: 3 });
  await page.mouse.up();
  await until(page, 'snapshot.prompts.length > 0');
  assert.deepEqual(await prompts(), ['box']);
  assert.deepEqual(errors, []);
  await close();
});

test('a dropped file that is not an image shows an error, and the page still works', async () => {
  const { page, close } = await openSamples();
  await bring(page, [{ name: 'notes.txt', type: 'text/plain', content: 'not an image' }]);
  await page
    .locator('mask-viewer')
    .getByText(/not an image the browser can read/)
    .first()
    .waitFor();
  await page
    .getByRole('listbox', { name: /sample/i })
    .getByRole('option')
    .first()
    .click();
  await until(page, 'snapshot.shown.length > 0');
  await close();
});

test('a model with a wrong SHA-256 is refused with a message', async () => {
  const models = JSON.parse(
    readFileSync(join(import.meta.dirname, '../../www/models/models.json'), 'utf8'),
  );
  models.models[0].decoder.sha256 = 'a'.repeat(64);
  const tampered = await serve({ '/models/models.json': JSON.stringify(models) });
  const { page, close } = await openPage(browser, tampered.address);
  await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    viewer.configure({ endpoint: null });
    viewer.clickAt(530, 300);
  });
  await until(page, 'snapshot.segmentFailure');
  const failure = await page.evaluate(
    () => document.querySelector('mask-viewer').snapshot?.segmentFailure,
  );
  assert.equal(failure?.code, 'model-hash');
  const hint = page.locator('mask-viewer [part~=hint]');
  assert.match(await hint.innerText(), /its SHA-256 is another/);
  const panel = await page.locator('#entities-body').innerText();
  assert.doesNotMatch(panel, /SHA-256/, 'the reason is shown twice');
  assert.equal(
    await page.locator('mask-viewer').getByText('Loading the model').isVisible(),
    false,
    'it still says that it loads',
  );
  await close();
  await tampered.close();
});
