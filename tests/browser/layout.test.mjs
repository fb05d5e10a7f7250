/** @file The layout of the page in windows of all widths, in a low one, on paper and on a phone. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FIXTURES, MIXED_ANSWER } from './fixtures.mjs';
import { linkFirstMask } from './steps.mjs';
import { openPage, startSite, until } from './support.mjs';

const { server, browser } = await startSite(FIXTURES);

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

test('tools stand on one line, and a card’s meter keeps clear of its buttons', async () => {
  const { page, errors, close } = await openPage(browser, server.address);
  await linkFirstMask(page, MIXED_ANSWER);
  const [keep, undo] = [
    await boxOf(page, 'button[aria-label="Keep the mask"] svg'),
    await boxOf(page, 'button[aria-label="Undo"] svg'),
  ];
  assert.equal(keep.y, undo.y, 'the key beside a word moves no icon');
  const meter = await boxOf(page, '.card .meter');
  const button = await boxOf(page, '.card .naming');
  assert.ok(button.y - meter.bottom >= 6, `${meter.bottom} and ${button.y}`);
  assert.deepEqual(errors, []);
  await close();
});

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
  await page.locator('.sheet-bar .toggle').click();
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

/** Returns what reaches over the right edge of the window, rows that scroll by themselves apart. */
function tooWide(page) {
  return page.evaluate(() => {
    const roots = [document, document.querySelector('mask-viewer').shadowRoot];
    const isScrolled = (node) => {
      for (let at = node.parentElement; at; at = at.parentElement)
        if (getComputedStyle(at).overflowX !== 'visible') return true;
      return false;
    };
    const wide = roots
      .flatMap((root) => [...root.querySelectorAll('*')])
      .filter((node) => node.getBoundingClientRect().right > innerWidth + 0.5)
      .filter((node) => !isScrolled(node) && getComputedStyle(node).clipPath === 'none')
      .map((node) => `${node.localName}.${node.className}`);
    const over = document.documentElement.scrollWidth - innerWidth;
    return over > 0 ? [...wide, `the page is ${over} px too wide`] : wide;
  });
}

// A page of 1,280 px at 200 % is one of 640.
for (const width of [320, 390, 640, 768, 1024, 1440, 2560]) {
  test(`nothing is wider than a window of ${width} px, and its header is low`, async () => {
    const { page, errors, close } = await openPage(browser, server.address, {
      viewport: { width, height: 800 },
      deviceScaleFactor: width === 640 ? 2 : 1,
    });
    assert.deepEqual(await tooWide(page), []);
    const header = await boxOf(page, '.top');
    assert.ok(header.height <= 100, `the header is ${header.height} px tall`);
    const buttons = await page
      .locator('.actions .button')
      .evaluateAll((nodes) => nodes.map((node) => node.getBoundingClientRect().y));
    assert.equal(new Set(buttons).size, 1, `buttons of the header at ${buttons}`);
    await linkFirstMask(page, MIXED_ANSWER);
    assert.deepEqual(await tooWide(page), [], 'with a result');
    assert.deepEqual(errors, []);
    await close();
  });
}

/** A page on a phone. */
function openPhone() {
  return openPage(browser, server.address, {
    viewport: { width: 390, height: 844 },
    hasTouch: true,
    isMobile: true,
  });
}

/** Waits until the sheet has the height of its position. */
async function sheetAt(page, position) {
  const sheet = page.locator(`.sheet[data-sheet=${position}]`);
  await sheet.waitFor();
  await sheet.evaluate((node) =>
    Promise.all(node.getAnimations().map((animation) => animation.finished)),
  );
  return boxOf(page, '.sheet');
}

test('a result on a phone comes up as a sheet that leaves the image and its tools in sight', async () => {
  const { page, errors, close } = await openPhone();
  const closed = await sheetAt(page, 'closed');
  assert.ok(closed.height < 80, `the closed sheet is ${closed.height} px tall`);
  assert.equal(await page.locator('#entities-title').isVisible(), false);
  await linkFirstMask(page, MIXED_ANSWER);
  const open = await sheetAt(page, 'open');
  const [card, frame, keep] = [
    await boxOf(page, '.card'),
    await boxOf(page, 'mask-viewer .frame'),
    await boxOf(page, 'mask-viewer .commands'),
  ];
  assert.ok(card.y > open.y && card.bottom <= 844, JSON.stringify({ card, open }));
  assert.ok(
    frame.y >= 0 && frame.bottom <= open.y && keep.bottom <= open.y + 1,
    JSON.stringify({ frame, keep, open }),
  );
  assert.match(await page.locator('.sheet-bar .words').innerText(), /^(Likely|Possibly) Duck$/);
  assert.deepEqual(errors, []);
  await close();
});

test('the sheet on a phone is moved by its button, by keys and by a finger', async () => {
  const { page, errors, close } = await openPhone();
  await linkFirstMask(page, MIXED_ANSWER);
  await sheetAt(page, 'open');
  const toggle = page.locator('.sheet-bar .toggle');
  await toggle.click();
  await sheetAt(page, 'closed');
  assert.equal(await toggle.getAttribute('aria-expanded'), 'false');
  await toggle.press('Enter');
  await sheetAt(page, 'open');
  assert.equal(await toggle.getAttribute('aria-expanded'), 'true');
  await toggle.press('ArrowUp');
  const full = await sheetAt(page, 'full');
  assert.ok(full.height > 700, `${full.height} px`);
  await page.locator('.card a').first().focus();
  await page.keyboard.press('Escape');
  const { y } = await sheetAt(page, 'closed');
  assert.ok(await page.evaluate(() => document.activeElement?.classList.contains('toggle')));
  // A drag up opens it, and its release is no click that closes it again.
  await page.mouse.move(200, y + 30);
  await page.mouse.down();
  await page.mouse.move(200, y - 200, { steps: 5 });
  await page.mouse.up();
  await sheetAt(page, 'open');
  assert.deepEqual(errors, []);
  await close();
});

test('the sheet on a phone counts the kept masks and scrolls to them', async () => {
  const { page, errors, close } = await openPhone();
  await linkFirstMask(page, MIXED_ANSWER);
  await page.evaluate(() => document.querySelector('mask-viewer').keep());
  await page.getByRole('button', { name: '1 kept' }).click();
  const title = await boxOf(page, '#kept-title');
  const bar = await boxOf(page, '.sheet-bar');
  assert.ok(title.y >= bar.bottom && title.bottom < 844, JSON.stringify({ title, bar }));
  assert.deepEqual(errors, []);
  await close();
});

for (const [width, height] of [
  [768, 1024],
  [900, 700],
]) {
  test(`results are seen without scrolling at ${width} by ${height}`, async () => {
    const { page, errors, close } = await openPage(browser, server.address, {
      viewport: { width, height },
    });
    await linkFirstMask(page, MIXED_ANSWER);
    const card = await boxOf(page, '.card');
    assert.ok(card.y >= 0 && card.bottom <= height, JSON.stringify(card));
    await page.evaluate(() => document.querySelector('mask-viewer').keep());
    await until(page, 'snapshot.kept.length === 1');
    if (width < height) {
      const kept = await boxOf(page, '#kept .pick');
      assert.ok(kept.bottom <= height, JSON.stringify(kept));
    }
    assert.equal(await page.evaluate('scrollY'), 0);
    assert.deepEqual(errors, []);
    await close();
  });
}

test('tools on a phone have words, and no zoom button covers the image', async () => {
  const { page, errors, close } = await openPhone();
  const words = await page
    .locator('mask-viewer .bar .tool')
    .evaluateAll((nodes) => nodes.map((node) => node.innerText.trim().split(/\s/)[0]));
  assert.deepEqual(
    words,
    'Select Object Add Remove Box Brush Erase Move Keep Undo Redo Clear'.split(' '),
  );
  const tops = await page
    .locator('mask-viewer .tools .tool')
    .evaluateAll((nodes) => nodes.map((node) => node.getBoundingClientRect().y));
  assert.equal(new Set(tops).size, 1, `tools at ${tops}`);
  const [frame, zoom] = [
    await boxOf(page, 'mask-viewer .frame'),
    await boxOf(page, 'mask-viewer .zoom'),
  ];
  assert.ok(zoom.y >= frame.bottom, JSON.stringify({ zoom, frame }));
  assert.deepEqual(errors, []);
  await close();
});

for (const width of [320, 360, 412])
  test(`all tools are in sight on a phone of ${width} px`, async () => {
    const { page, errors, close } = await openPage(browser, server.address, {
      viewport: { width, height: 700 },
      hasTouch: true,
      isMobile: true,
    });
    const tools = await page
      .locator('mask-viewer .bar .tool:visible, mask-viewer .zoom .tool:visible')
      .evaluateAll((nodes) =>
        nodes.map((node) => {
          const { left, right, width: side, height } = node.getBoundingClientRect();
          const words = node.querySelector('.word')?.getBoundingClientRect();
          const isCut = words && (words.left < left || words.right > right);
          return { name: node.ariaLabel, left, right, side, height, isCut };
        }),
      );
    assert.ok(tools.length >= 15, `${tools.length} tools`);
    for (const tool of tools) {
      assert.ok(tool.left >= 0 && tool.right <= width, JSON.stringify(tool));
      assert.ok(tool.side >= 44 && tool.height >= 44 && !tool.isCut, JSON.stringify(tool));
    }
    assert.ok((await boxOf(page, 'mask-viewer .frame')).height >= 200);
    assert.equal(await page.evaluate('document.documentElement.scrollWidth'), width);
    assert.deepEqual(errors, []);
    await close();
  });
