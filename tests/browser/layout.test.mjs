/** @file The layout of the page in a low window, on paper and on a phone. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openPage, startSite } from './support.mjs';

const { server, browser } = await startSite();

async function boxOf(page, selector) {
  const box = await page.locator(selector).first().boundingBox();
  assert.ok(box, selector);
  return { ...box, right: box.x + box.width, bottom: box.y + box.height };
}

for (const [width, height] of [
  [1280, 520],
  [1280, 620],
  [1920, 1080],
]) {
  test(`nothing overlaps in a window of ${width} by ${height}`, async () => {
    const { page, errors, close } = await openPage(browser, server.address, {
      viewport: { width, height },
    });
    const [viewer, strip, panel, status] = [
      await boxOf(page, 'mask-viewer'),
      await boxOf(page, '.strip'),
      await boxOf(page, '.panel'),
      await boxOf(page, '.status'),
    ];
    assert.ok(viewer.height >= 320, `the viewer is ${viewer.height} px tall`);
    assert.ok(
      viewer.bottom <= strip.y,
      `the viewer ends at ${viewer.bottom}, the strip begins at ${strip.y}`,
    );
    assert.ok(
      strip.bottom <= status.y && panel.bottom <= status.y + 1,
      `${strip.bottom}, ${panel.bottom} and ${status.y}`,
    );
    assert.ok(viewer.right <= panel.x);
    assert.deepEqual(errors, []);
    await close();
  });
}

test('a status of two lines does not shrink the image', async () => {
  const { page, errors, close } = await openPage(browser, server.address);
  const heights = await page.evaluate(() =>
    ['words', 'more words than a line has '.repeat(9)].map((textContent) => {
      const list = document.getElementById('status');
      list.replaceChildren(Object.assign(document.createElement('dd'), { textContent }));
      return [list.offsetHeight, document.querySelector('mask-viewer').offsetHeight];
    }),
  );
  const [[one = 0, before], [two = 0, after]] = heights;
  assert.ok(two > 1.5 * one, `${one} px, then ${two} px`);
  assert.equal(after, before);
  assert.deepEqual(errors, []);
  await close();
});

test('a printed page has its natural height and nothing over the image', async () => {
  const { page, errors, close } = await openPage(browser, server.address);
  await page.emulateMedia({ media: 'print' });
  const style = (selector, name) =>
    page
      .locator(selector)
      .first()
      .evaluate((node, property) => getComputedStyle(node)[property], name);
  assert.equal(await style('.panel', 'overflowY'), 'visible');
  assert.equal(await style('mask-viewer .marks', 'display'), 'none');
  assert.equal(await style('mask-viewer .swatch', 'printColorAdjust'), 'exact');
  await page.setViewportSize({ width: 1280, height: 640 });
  await page.evaluate(() =>
    document
      .querySelector('.panel')
      ?.append(Object.assign(document.createElement('p'), { textContent: 'a line '.repeat(3000) })),
  );
  const [panel, status] = [await boxOf(page, '.panel'), await boxOf(page, '.status')];
  assert.ok(panel.height > 640 && panel.bottom <= status.y, JSON.stringify({ panel, status }));
  assert.deepEqual(errors, []);
  await close();
});

test('the first screen on a phone shows samples and names tools instead of keys', async () => {
  const { page, errors, close } = await openPage(browser, server.address, {
    viewport: { width: 390, height: 844 },
    hasTouch: true,
    isMobile: true,
  });
  const strip = await boxOf(page, '.thumbnail');
  assert.ok(strip.bottom <= 844, `the first thumbnail ends at ${strip.bottom}`);
  const hint = await page.locator('#entities-body').innerText();
  assert.match(hint, /tools Add and Remove/);
  assert.doesNotMatch(hint, /Ctrl|Shift/);
  assert.deepEqual(errors, []);
  await close();
});

test('messages on a phone’s image cover none of its buttons', async () => {
  const { page, errors, close } = await openPage(browser, server.address, {
    viewport: { width: 390, height: 844 },
  });
  await page.evaluate(() =>
    document.querySelector('mask-viewer').openImage(null, { key: 'elsewhere', size: [960, 640] }),
  );
  const [hint, zoom, frame] = [
    await boxOf(page, 'mask-viewer .hint'),
    await boxOf(page, 'mask-viewer .zoom'),
    await boxOf(page, 'mask-viewer .frame'),
  ];
  assert.ok(hint.bottom <= zoom.y || hint.right <= zoom.x, JSON.stringify({ hint, zoom }));
  assert.ok(
    hint.x >= frame.x && hint.right <= frame.right && hint.y >= frame.y,
    JSON.stringify({ hint, frame }),
  );
  assert.deepEqual(errors, []);
  await close();
});
