/**
 * @file The cards of a result: broader entities, classes, missing example images, and results that
 * are not sure.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FIXTURES, MIXED_ANSWER } from './fixtures.mjs';
import { linkFirstMask, violations } from './steps.mjs';
import { openPage, startSite } from './support.mjs';

const { server, browser } = await startSite(FIXTURES);

const card = (page, title) =>
  page.locator('.card', { has: page.getByRole('heading', { name: title }) });

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
