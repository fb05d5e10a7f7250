/**
 * @file The cards of a result: broader entities, classes, missing example images, and results that
 * are not sure.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FIXTURES, MIXED_ANSWER } from './fixtures.mjs';
import { card, clickInImage, linkFirstMask, violations } from './steps.mjs';
import { freePort, openPage, startSite, until, withoutIndex } from './support.mjs';

const { server, browser } = await startSite(FIXTURES);

test('cards tell broader entities and the class that was seen', async () => {
  const { page, errors, close } = await openPage(browser, server.address);
  await linkFirstMask(page, MIXED_ANSWER);
  const [duck, bird, apple] = await Promise.all(
    ['Duck', 'Bird', 'Apple'].map((title) => card(page, title).innerText()),
  );
  assert.match(duck, /Seen as: drake/);
  assert.match(duck, /no example image/);
  assert.match(duck, /60 %/);
  assert.doesNotMatch(duck, /Broader/);
  assert.match(bird, /Broader: covers several kinds/);
  assert.match(bird, /30 %/);
  assert.doesNotMatch(apple, /Seen as/, 'a class with the entity’s own name tells nothing');
  assert.doesNotMatch(apple, /Broader|no example image/);
  assert.equal(await card(page, 'Apple').locator('svg image').count(), 1);
  assert.equal(await card(page, 'Bird').locator('.letter').innerText(), 'B');
  assert.deepEqual(errors, []);
  await close();
});

test('a result says that the image’s own examples were left out', async () => {
  for (const excluded_image of [true, undefined]) {
    const { page, errors, close } = await openPage(browser, server.address);
    await linkFirstMask(page, { ...MIXED_ANSWER, excluded_image });
    const words = page.getByText('This image’s own examples were left out.');
    assert.equal(await words.count(), excluded_image ? 1 : 0);
    assert.deepEqual(errors, []);
    await close();
  }
});

/** Returns the states that the page has noted in its global `states`, with the present one. */
function noted(page) {
  return page.evaluate(() => {
    globalThis.note();
    return [...globalThis.states];
  });
}

test('cards stay, dimmed, while a mask is edited', async () => {
  const { page, errors, close } = await openPage(browser, server.address);
  await clickInImage(page, { x: 480, y: 300 });
  await until(page, "snapshot.linking.phase === 'answered'");
  const body = page.locator('#entities-body');
  const stale = () => body.evaluate((node) => node.classList.contains('stale'));
  assert.equal(await stale(), false);
  assert.match(
    await page.locator('#status div', { hasText: 'Compared by' }).getAttribute('title'),
    /encoding [\d.]+ ms, averaging [\d.]+ ms, searching [\d.]+ ms/,
  );
  // The states of the panel from the second click on.
  await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    const body = document.getElementById('entities-body');
    globalThis.states = new Set();
    globalThis.note = () =>
      globalThis.states.add(
        [
          viewer.snapshot.linking.phase,
          body.querySelector('.card') ? 'cards' : 'none',
          body.classList.contains('stale') ? 'dimmed' : 'clear',
        ].join(', '),
      );
    viewer.addEventListener('update', () => queueMicrotask(globalThis.note));
    viewer.clickAt(500, 320, { add: true });
  });
  await until(
    page,
    "snapshot.prompts.length === 2 && !snapshot.segmenting && snapshot.linking.phase === 'answered'",
  );
  const seen = await noted(page);
  assert.ok(
    seen.every((state) => state.includes(', cards, ')),
    seen.join('; '),
  );
  assert.ok(
    seen.some((state) => state.endsWith('dimmed')),
    seen.join('; '),
  );
  assert.equal(await stale(), false);
  assert.deepEqual(errors, []);
  await close();
});

test('the name field opens by keyboard', async () => {
  const { page, errors, close } = await openPage(browser, server.address);
  await linkFirstMask(page, MIXED_ANSWER);
  await page.getByRole('button', { name: 'None of these: name it' }).focus();
  await page.keyboard.press('Enter');
  await page.locator('[data-focus=kept-name]:focus').waitFor();
  assert.deepEqual(errors, []);
  await close();
});

test('no cards of one object are shown while undo links another again', async () => {
  const { page, errors, close } = await openPage(browser, server.address);
  const isAnswered = "!snapshot.segmenting && snapshot.linking.phase === 'answered'";
  const click = (x, y, add) =>
    page.evaluate(
      ([atX, atY, isMore]) => {
        document.querySelector('mask-viewer').clickAt(atX, atY, { add: isMore });
      },
      [x, y, add],
    );
  for (const [x, y, add, count] of [
    [480, 300, false, 1],
    [500, 320, true, 2],
    [100, 500, false, 1],
    [120, 510, true, 2],
  ]) {
    await click(x, y, add);
    await until(page, `snapshot.prompts.length === ${count} && ${isAnswered}`);
  }
  await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    const body = document.getElementById('entities-body');
    globalThis.states = new Set();
    const isFirst = () => viewer.snapshot.prompts[0]?.x === 480;
    const isWaiting = () =>
      viewer.snapshot.segmenting || viewer.snapshot.linking.phase === 'asking';
    globalThis.note = () => {
      if (isFirst())
        globalThis.states.add([isWaiting(), body.querySelector('.card') !== null].join());
    };
    viewer.addEventListener('update', () => queueMicrotask(globalThis.note));
    viewer.undoStep();
    viewer.undoStep();
  });
  await until(page, `snapshot.prompts[0]?.x === 480 && ${isAnswered}`);
  const seen = await noted(page);
  assert.deepEqual(seen.toSorted(), ['false,true', 'true,false'], 'waiting, cards');
  assert.deepEqual(errors, []);
  await close();
});

test('a result that is not sure says so and shows the three nearest', async () => {
  for (const [in_index, words] of [
    [undefined, 'Not sure what this is. It looks most like'],
    [
      { known: false, probability: 0.1 },
      'Probably nothing that the index knows. It looks most like',
    ],
  ]) {
    const { page, errors, close } = await openPage(browser, server.address);
    const entities = MIXED_ANSWER.entities.map((one) => ({ ...one, score: one.score / 4 }));
    await linkFirstMask(page, { ...MIXED_ANSWER, entities, in_index });
    assert.equal(await page.locator('.verdict').innerText(), words);
    assert.deepEqual(await page.locator('.card h3').allInnerTexts(), ['Duck', 'Bird', 'Apple']);
    await page.getByRole('button', { name: 'Show 1 more' }).press('Enter');
    assert.equal(await page.locator('.card').count(), 4);
    assert.ok(await page.locator('.card:nth-child(4) a:focus').isVisible());
    assert.deepEqual(errors, []);
    await close();
  }
});

for (const colorScheme of ['light', 'dark']) {
  test(`axe-core finds nothing wrong with cards of all kinds, ${colorScheme}`, async () => {
    const { page, close } = await openPage(browser, server.address, { colorScheme });
    await linkFirstMask(page, MIXED_ANSWER);
    assert.deepEqual(await violations(page), []);
    await close();
  });
}

test('a number that is higher than its words states its condition', async () => {
  const { page, errors, close } = await openPage(browser, server.address);
  const entities = [{ ...MIXED_ANSWER.entities[0], score: 0.97 }];
  const linked = async (probability) => {
    await page.unroute('**/elsewhere/v1/link');
    const in_index = { known: true, probability };
    await linkFirstMask(page, { ...MIXED_ANSWER, entities, in_index });
    const words = await page.locator('#entities-body').innerText();
    await page.evaluate(() => document.querySelector('mask-viewer').clear());
    return words;
  };
  const doubtful = await linked(0.61);
  assert.match(doubtful, /Possibly one of these/);
  assert.match(doubtful, /knows this object at all is 61 %; the percentages below hold if it does/);
  assert.match(doubtful, /97 %/);
  assert.doesNotMatch(await linked(0.9), /at all/);
  assert.deepEqual(errors, []);
  await close();
});

test('the hint fits the tool and says what leaves the device', async () => {
  const { page, errors, close } = await openPage(browser, server.address);
  const hint = async (tool, endpoint, words) => {
    await page.evaluate(
      ([chosen, address]) => {
        const viewer = document.querySelector('mask-viewer');
        viewer.tool = chosen;
        viewer.configure({ endpoint: address });
      },
      [tool, endpoint],
    );
    await until(page, `snapshot.tool === '${tool}'`);
    const found = page.locator('#entities-body .hint').filter({ hasText: words });
    await found.waitFor();
    return found.innerText();
  };
  await hint('pick', null, /finds its outline[^]*Nothing leaves this device/);
  const selecting = await hint(
    'select',
    'https://links.example/api',
    /A comparison sends the image and the mask to links\.example\./,
  );
  assert.doesNotMatch(selecting, /outline|Refine/);
  assert.match(selecting, /come from the annotations/);
  assert.deepEqual(errors, []);
  await close();
});

test('image, title and verdict are small under a result that is probably not in the index', async () => {
  const { page, errors, close } = await openPage(browser, server.address);
  const sizes = async (in_index) => {
    const entities = MIXED_ANSWER.entities.toReversed().map((one, at) => ({
      ...one,
      evidence: MIXED_ANSWER.entities[2].evidence,
      score: [0.7, 0.1, 0.05, 0.02][at],
    }));
    await page.unroute('**/elsewhere/v1/link');
    await linkFirstMask(page, { ...MIXED_ANSWER, entities, in_index });
    return page.evaluate(() => {
      const first = document.querySelector('.card');
      const title = first.querySelector('h3');
      return [
        first.querySelector('.image').getBoundingClientRect().width,
        Number.parseFloat(getComputedStyle(title).fontSize),
        Number(getComputedStyle(document.querySelector('.verdict')).fontWeight),
      ];
    });
  };
  const [image, title, verdict] = await sizes({ known: true, probability: 0.9 });
  await page.evaluate(() => document.querySelector('mask-viewer').clear());
  const [small, plain, quiet] = await sizes({ known: false, probability: 0.1 });
  assert.ok(image > 80 && title > 18 && verdict > 500, `${image}, ${title}, ${verdict}`);
  assert.ok(small < 50 && plain < 16 && quiet === 500, `${small}, ${plain}, ${quiet}`);
  assert.deepEqual(errors, []);
  await close();
});

test('entities of 0 % come after the button that shows more', async () => {
  const { page, close } = await openPage(browser, server.address);
  const entities = MIXED_ANSWER.entities.map((one, at) => ({
    ...one,
    score: [0.9, 0.004, 0.001, 0][at],
  }));
  await linkFirstMask(page, { ...MIXED_ANSWER, entities });
  assert.deepEqual(await page.locator('.card h3').allInnerTexts(), ['Duck']);
  await page.getByRole('button', { name: 'Show 3 more' }).click();
  assert.equal(await page.locator('.card').count(), 4);
  await close();
});

test('an example opens larger with its mask by its button, and Escape closes it', async () => {
  const { page, errors, close } = await openPage(browser, server.address);
  const [example] = MIXED_ANSWER.entities[2].evidence;
  const outline = 'M0 0l4 0-2 4z';
  const second = { ...example, box: [4, 2, 8, 6], similarity: 0.4 };
  const evidence = [{ ...example, outline }, second, { ...second, outline: 'M0 0url(#a)' }];
  const [duck, ...others] = MIXED_ANSWER.entities;
  await linkFirstMask(page, { ...MIXED_ANSWER, entities: [{ ...duck, evidence }, ...others] });
  const small = page.getByRole('button', { name: 'Show example 1 of Duck large' });
  await small.focus();
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Examples of Duck' });
  await dialog.waitFor();
  const width = async (node) => (await node.boundingBox()).width;
  const [before, large] = [await width(small), await width(dialog.locator('svg').first())];
  assert.ok(large > 3 * before, `${before} px, then ${large} px`);
  assert.match(await dialog.innerText(), /Example 1 of 3 in the index; similarity 0\.50/);
  const shape = () => dialog.locator('path.line').getAttribute('d');
  assert.equal(await shape(), outline);
  assert.equal(await dialog.locator('image[clip-path]').count(), 1);
  for (const place of ['2 of 3', '3 of 3']) {
    await page.keyboard.press('ArrowRight');
    assert.match(await dialog.innerText(), new RegExp(`Example ${place}.*0\\.40`));
    assert.equal(await shape(), 'M4 2H8V6H4Z', 'the box, where the outline is absent or no path');
    assert.equal(await dialog.locator('image[clip-path]').count(), 0);
  }
  assert.deepEqual(await violations(page), []);
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  assert.ok(await small.evaluate((node) => node === document.activeElement));
  assert.deepEqual(errors, []);
  await close();
});

test('an example at the edge of its image is a square of that image', async () => {
  const { page, errors, close } = await openPage(browser, server.address);
  const [name, [width, height]] = await page.evaluate(() => {
    const { image, size } = document.querySelector('mask-viewer').snapshot;
    return [image, size];
  });
  const square = (x, y) => `${x} ${y} 48 48`;
  const [duck, ...others] = MIXED_ANSWER.entities;
  const evidence = [
    [0, 0, 40, 40],
    [width - 40, height - 40, width, height],
  ].map((box) => ({ annotation: 'a', image: `samples/images/${name}.jpg`, box, similarity: 0.5 }));
  await linkFirstMask(page, { ...MIXED_ANSWER, entities: [{ ...duck, evidence }, ...others] });
  for (const [at, view] of [square(0, 0), square(width - 48, height - 48)].entries())
    await page
      .getByRole('button', { name: `Show example ${at + 1} of Duck large` })
      .locator(`svg[viewBox="${view}"]`)
      .waitFor();
  assert.deepEqual(errors, []);
  await close();
});

test('a failed endpoint is one quiet line above the result of the page', async () => {
  const { page, close } = await openPage(browser, server.address);
  await withoutIndex(page);
  await page.evaluate(
    ([endpoint, answer]) => {
      const viewer = document.querySelector('mask-viewer');
      viewer.configure({ endpoint });
      viewer.selectMask(0);
      viewer.useCachedAnswers([{ mask: viewer.maskRle(), answer }]);
      viewer.askLink();
    },
    [`http://127.0.0.1:${await freePort()}/`, MIXED_ANSWER],
  );
  await until(page, "snapshot.linking.phase === 'answered'");
  const line = page.locator('#entities-body > .banner.quiet');
  assert.equal(await page.locator('#entities-body .banner').count(), 1);
  assert.match(await line.innerText(), /stored answer.*could not be reached/);
  const style = await line.evaluate((node) => {
    const { borderTopWidth, backgroundColor, fontSize } = getComputedStyle(node);
    return [borderTopWidth, backgroundColor, Number.parseFloat(fontSize) < 14];
  });
  assert.deepEqual(style, ['0px', 'rgba(0, 0, 0, 0)', true]);
  await close();
});
