/**
 * @file Details of entities from Wikipedia: requested only if the setting is on, checked, and never
 * in the way of a card. A server of the test stands in for Wikipedia.
 */

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { FIXTURES, HOSTILE, MIXED_ANSWER } from './fixtures.mjs';
import { askAbout, card, linkFirstMask, openSettings } from './steps.mjs';
import { newPage, openPage, serve, startSite, until } from './support.mjs';

const summary = (fields) => JSON.stringify({ type: 'standard', ...fields });
const WIKIPEDIA = await serve(
  {
    '/summary/Duck': summary({
      wikibase_item: 'Q3736439',
      extract: 'A duck, e.g. a St. James duck, is a bird. It swims. It flies.',
      thumbnail: { source: 'tiny.bmp' },
      content_urls: { desktop: { page: 'https://en.wikipedia.org/wiki/Duck' } },
    }),
    '/summary/Bird': summary({ wikibase_item: 'Q1', extract: 'A satirical novel.' }),
    '/summary/Banana_(fruit)': summary({ extract: 'A banana is a fruit.' }),
    '/summary/Hostile': summary({
      extract: HOSTILE,
      thumbnail: { source: 'data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=' },
      content_urls: { desktop: { page: 'javascript:pwned=1' } },
    }),
    '/summary/Broken': summary({
      extract: 'No image.',
      thumbnail: { source: 'no-such-image.bmp' },
    }),
    '/summary/Long': summary({ extract: 'x'.repeat(300_000) }),
  },
  { 'access-control-allow-origin': '*' },
);
after(() => WIKIPEDIA.close());
const HOST = new URL(WIKIPEDIA.address).host;
const { server, browser } = await startSite(FIXTURES);
const FROM = `${WIKIPEDIA.address}summary/{title}`;
const ENTITIES = MIXED_ANSWER.entities.map((entity) =>
  entity.title === 'Banana'
    ? { ...entity, url: `${WIKIPEDIA.address}wiki/Banana_(fruit)` }
    : entity,
);
const ANSWER = { ...MIXED_ANSWER, entities: ENTITIES };

/** A page with stored settings, and the addresses that it requests from other hosts. */
async function openWith(stored) {
  const opened = await newPage(browser);
  const { page } = opened;
  const asked = [];
  page.on('request', (request) => {
    if (!request.url().startsWith(server.address) && request.url().startsWith('http'))
      asked.push(request);
  });
  await page.addInitScript((settings) => {
    if (!localStorage.getItem('masklink.settings'))
      localStorage.setItem('masklink.settings', JSON.stringify(settings));
  }, stored);
  // An image of several masks.
  await page.goto(`${server.address}#image=world_001`);
  await until(page, 'snapshot.shown.length > 1');
  return { ...opened, asked };
}
const requested = (asked) => asked.map((request) => request.url().replace(WIKIPEDIA.address, ''));

test('without the setting no request leaves for any other host', async () => {
  const { page, errors, asked, close } = await openWith({ detailsFrom: FROM });
  await linkFirstMask(page, ANSWER);
  await page.getByRole('button', { name: 'Show 1 more' }).click();
  await page.waitForLoadState('networkidle');
  assert.deepEqual(requested(asked), []);
  assert.equal(await page.locator('.details').count(), 0);
  assert.deepEqual(errors, []);
  await close();
});

test('the setting is off at first, is kept, and asks Wikipedia unless told otherwise', async () => {
  const { page, asked, close } = await openWith({});
  const kept = () => page.evaluate(() => JSON.parse(localStorage.getItem('masklink.settings')));
  await page.route('https://en.wikipedia.org/**', (route) =>
    route.fulfill({
      json: { extract: 'A bird.' },
      headers: { 'access-control-allow-origin': '*' },
    }),
  );
  let dialog = await openSettings(page);
  const check = () => dialog.getByLabel('A sentence and an image on each card');
  const from = () => dialog.getByLabel('Summaries from');
  assert.equal(await check().isChecked(), false);
  assert.equal(
    await from().inputValue(),
    'https://en.wikipedia.org/api/rest_v1/page/summary/{title}',
  );
  await dialog.getByRole('button', { name: 'Done' }).click();
  await linkFirstMask(page, ANSWER);
  assert.deepEqual(requested(asked), []);

  dialog = await openSettings(page);
  await check().check();
  await dialog.getByRole('button', { name: 'Done' }).click();
  await card(page, 'Duck').getByText('A bird.').waitFor();
  assert.deepEqual(
    requested(asked).map((url) => url.split('/').at(-1)),
    ['Duck', 'Bird', 'Apple'],
  );
  assert.equal((await kept()).details, true);
  assert.ok(!('detailsFrom' in (await kept())), 'a default is not stored');

  dialog = await openSettings(page);
  await from().fill('https://other.example/');
  await from().blur();
  assert.equal(await from().evaluate((node) => node.validity.patternMismatch), true);
  await from().fill(FROM);
  await from().blur();
  assert.equal((await kept()).detailsFrom, FROM);
  await page.reload();
  await until(page, 'snapshot.shown.length > 0');
  dialog = await openSettings(page);
  assert.equal(await check().isChecked(), true);
  assert.equal(await from().inputValue(), FROM);
  await check().uncheck();
  await dialog.getByRole('button', { name: 'Done' }).click();
  const before = asked.length;
  await linkFirstMask(page, ANSWER);
  assert.equal(asked.length, before, 'off again, nothing is requested');
  await close();
});

test('cards show a sentence and an image of the entities shown, each requested once', async () => {
  const { page, asked, close } = await openWith({ details: true, detailsFrom: FROM });
  await linkFirstMask(page, ANSWER);
  const duck = card(page, 'Duck');
  await duck.getByText('A duck, e.g. a St. James duck, is a bird.').waitFor();
  assert.doesNotMatch(await duck.innerText(), /It swims/);
  assert.equal(
    await duck.getByRole('link', { name: 'en.wikipedia.org' }).getAttribute('href'),
    'https://en.wikipedia.org/wiki/Duck',
  );
  assert.equal(
    await duck.locator('.image img').evaluate((node) => node.src),
    `${server.address}tiny.bmp`,
  );
  await card(page, 'Bird').getByText('about something else').waitFor();
  await card(page, 'Apple').getByText(`No details from ${HOST}`).waitFor();
  assert.deepEqual(requested(asked), ['summary/Duck', 'summary/Bird', 'summary/Apple']);
  const { cookie, referer } = await asked[0].allHeaders();
  assert.deepEqual([cookie, referer], [undefined, undefined]);

  await page.getByRole('button', { name: 'Show 1 more' }).click();
  await card(page, 'Banana').getByText('A banana is a fruit.').waitFor();
  assert.equal(requested(asked).at(-1), 'summary/Banana_(fruit)');
  const first = asked.length;
  await askAbout(page, 1);
  await until(page, "snapshot.linking.phase === 'answered'");
  await card(page, 'Duck').getByText('is a bird.').waitFor();
  assert.deepEqual(
    requested(asked)
      .slice(first)
      .filter((url) => !/Apple/.test(url)),
    [],
    'only what failed is requested again',
  );
  await close();
});

test('failed and hostile details leave the cards as they are', async () => {
  const { page, close } = await openWith({ details: true, detailsFrom: FROM });
  const [duck] = ENTITIES;
  const entities = ['Hostile', 'Broken', 'Gone', 'Long'].map((title) => ({
    ...duck,
    title,
    qid: title,
  }));
  await linkFirstMask(page, { ...ANSWER, entities });
  await card(page, 'Hostile').getByText(HOSTILE).waitFor();
  assert.equal(await card(page, 'Hostile').locator('img').count(), 0);
  assert.equal(await card(page, 'Hostile').locator('.details a').count(), 0);
  assert.equal(await page.evaluate(() => globalThis.pwned), undefined);
  await card(page, 'Broken').getByText('No image.').waitFor();
  assert.equal(await card(page, 'Broken').locator('.letter').innerText(), 'B');
  await card(page, 'Gone').getByText(`No details from ${HOST}: it could not be reached.`).waitFor();
  assert.equal(await card(page, 'Gone').locator('.letter').innerText(), 'G');
  await page.getByRole('button', { name: 'Show 1 more' }).click();
  await card(page, 'Long')
    .getByText(`No details from ${HOST}: its response is too large.`)
    .waitFor();
  await close();
});

test('an address with {qid} is requested for entities with a QID only', async () => {
  const { page, asked, close } = await openWith({
    details: true,
    detailsFrom: `${WIKIPEDIA.address}item/{qid}`,
  });
  const [duck, bird] = ENTITIES;
  await linkFirstMask(page, { ...ANSWER, entities: [duck, { ...bird, qid: 'cat-7' }] });
  await card(page, 'Duck').getByText('No details').waitFor();
  assert.deepEqual(requested(asked), ['item/Q3736439']);
  assert.equal(await card(page, 'Bird').locator('.details').count(), 0);
  await close();
});

test('a result of this page does not claim that nothing was sent while details are on', async () => {
  const { page, close } = await openPage(browser, server.address);
  await askAbout(page, 0);
  await until(page, "snapshot.linking.phase === 'answered'");
  await page.getByText('Computed in this page; nothing was sent.').waitFor();
  await page.route('https://en.wikipedia.org/**', (route) => route.abort());
  const dialog = await openSettings(page);
  await dialog.getByLabel('A sentence and an image on each card').check();
  await page.getByText('Computed in this page; nothing of your image was sent.').waitFor();
  await close();
});
