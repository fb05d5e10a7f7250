/** @file Two linking endpoints side by side: columns, the annotated entity, failures and the tally. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FIXTURES, MIXED_ANSWER } from './fixtures.mjs';
import { askAbout, openSettings, violations } from './steps.mjs';
import { openPage, startSite, until, withoutIndex } from './support.mjs';

const { server, browser } = await startSite(FIXTURES);

/** Makes an endpoint below the page return entities, or fail where there are none. */
async function answering(page, path, entities, requests = []) {
  await page.unroute(`**/${path}/v1/link*`);
  await page.route(`**/${path}/v1/link*`, async (route) => {
    requests.push(route.request());
    if (!entities) return route.fulfill({ status: 500, body: 'broken' });
    const body = JSON.stringify({ ...MIXED_ANSWER, entities });
    return route.fulfill({ status: 200, contentType: 'application/json', body });
  });
}

/** Links a mask of the first sample, and waits until both columns have come to rest. */
async function link(page, index) {
  await askAbout(page, index);
  await until(page, "snapshot.linking.phase === 'answered'");
  await page.locator('.compared').waitFor();
  await page.getByText('Asking …').waitFor({ state: 'detached' });
}

async function setSecond(page, address, token = '') {
  const dialog = await openSettings(page);
  await dialog.getByRole('textbox', { name: 'Compare with' }).fill(address);
  await dialog.getByRole('textbox', { name: 'Token of the second server' }).fill(token);
  await dialog.getByRole('button', { name: 'Done' }).click();
}

test('both endpoints are asked, and the annotated entity is marked and counted', async () => {
  const { page, errors, close } = await openPage(browser, server.address);
  const truth = await page.evaluate(
    () => document.querySelector('mask-viewer').snapshot.shown[0].qid,
  );
  const right = { ...MIXED_ANSWER.entities[0], qid: truth, title: 'Right' };
  const [first, second] = [[], []];
  await answering(page, 'first', MIXED_ANSWER.entities, first);
  await answering(page, 'second', [right, MIXED_ANSWER.entities[1]], second);
  await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    viewer.configure({ endpoint: new URL('first', document.baseURI).href });
    viewer.token = 'secret';
  });
  await setSecond(page, `${server.address}second`);
  await link(page, 0);
  assert.deepEqual([first.length, second.length], [1, 1]);
  assert.equal(first[0].headers().authorization, 'Bearer secret');
  assert.equal(second[0].headers().authorization, undefined, 'the token is of the first endpoint');
  const columns = page.locator('.column');
  assert.equal(await columns.count(), 2);
  assert.match(await columns.nth(0).innerText(), /Likely this[^]*Duck[^]*is not listed/);
  assert.match(await columns.nth(1).innerText(), /Likely this[^]*Right/);
  assert.match(await columns.nth(1).locator('.card.annotated').innerText(), /Right[^]*annotated/);
  assert.match(await page.locator('.tally tbody').innerText(), /0 of 1\s+1 of 1/);
  const [left, other] = await Promise.all([0, 1].map((at) => columns.nth(at).boundingBox()));
  assert.ok(left.x + left.width <= other.x && left.y === other.y, 'they are side by side');
  assert.deepEqual(await violations(page), []);
  await page.setViewportSize({ width: 390, height: 844 });
  const [above, below] = await Promise.all([0, 1].map((at) => columns.nth(at).boundingBox()));
  assert.ok(above.y + above.height <= below.y, 'they are stacked on a phone');
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.goto('about:blank');
  await page.goto(server.address);
  await until(page, 'snapshot.shown.length > 0');
  const leaving = await page.locator('#entities-body .hint').innerText();
  const { host } = new URL(server.address);
  assert.ok(leaving.includes(`sends the image and the mask to ${host}.`), leaving);
  assert.deepEqual(errors, []);
  await close();
});

test('each token is sent to its own endpoint, is not stored, and goes with its address', async () => {
  const { page, errors, close } = await openPage(browser, server.address);
  const [first, second, third] = [[], [], []];
  await answering(page, 'first', MIXED_ANSWER.entities, first);
  await answering(page, 'second', MIXED_ANSWER.entities, second);
  await answering(page, 'third', MIXED_ANSWER.entities, third);
  await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    viewer.configure({ endpoint: new URL('first', document.baseURI).href });
  });
  await setSecond(page, `${server.address}second`, 'second secret');
  await link(page, 0);
  assert.equal(first[0].headers().authorization, undefined);
  assert.equal(second[0].headers().authorization, 'Bearer second secret');
  await page.evaluate(() => {
    document.querySelector('mask-viewer').token = 'first secret';
  });
  await link(page, 0);
  assert.equal(first[1].headers().authorization, 'Bearer first secret');
  assert.equal(second[1].headers().authorization, 'Bearer second secret');
  const stored = await page.evaluate(() => JSON.stringify({ ...localStorage }));
  assert.match(stored, /second/);
  assert.doesNotMatch(stored, /secret/);
  const dialog = await openSettings(page);
  const token = dialog.getByRole('textbox', { name: 'Token of the second server' });
  assert.equal(await token.inputValue(), 'second secret');
  await dialog.getByRole('textbox', { name: 'Compare with' }).fill(`${server.address}third`);
  await token.focus();
  assert.equal(await token.inputValue(), '');
  await dialog.getByRole('button', { name: 'Done' }).click();
  await link(page, 0);
  assert.equal(third[0].headers().authorization, undefined, 'another endpoint has no token yet');
  assert.deepEqual(errors, []);
  await close();
});

test('a failure of the second endpoint is one quiet line in its column', async () => {
  const { page, close } = await openPage(browser, server.address);
  const second = [];
  await answering(page, 'first', MIXED_ANSWER.entities);
  await answering(page, 'second', null);
  await page.evaluate(() =>
    document
      .querySelector('mask-viewer')
      .configure({ endpoint: new URL('first', document.baseURI).href }),
  );
  await setSecond(page, `${server.address}second`);
  await link(page, 0);
  const columns = page.locator('.column');
  assert.equal(await columns.nth(0).locator('.card').count(), 3);
  assert.equal(await columns.nth(1).locator('.card').count(), 0);
  const line = columns.nth(1).locator('.banner.quiet');
  assert.match(await line.innerText(), /^No result: .*500/);
  assert.equal(await page.locator('.banner.bad').count(), 0);
  assert.equal(await page.locator('.tally').count(), 0, 'a failure is no wrong entity');
  await answering(page, 'second', MIXED_ANSWER.entities, second);
  await line.getByRole('button', { name: 'Try again' }).click();
  await columns.nth(1).locator('.card').first().waitFor();
  assert.match(await page.locator('.tally tbody').innerText(), /0 of 1\s+0 of 1/);
  const before = second.length;
  await setSecond(page, '');
  await page.evaluate(() => document.querySelector('mask-viewer').askLink());
  await page.locator('.compared').waitFor({ state: 'detached' });
  await until(page, "snapshot.linking.phase === 'answered'");
  assert.equal(second.length, before, 'it is asked no more');
  await close();
});

test('the result of the page in place of a failed endpoint does not count', async () => {
  const { page, close } = await openPage(browser, server.address);
  await answering(page, 'first', null);
  await answering(page, 'second', MIXED_ANSWER.entities);
  await page.evaluate((answer) => {
    const viewer = document.querySelector('mask-viewer');
    viewer.configure({ endpoint: new URL('first', document.baseURI).href });
    viewer.selectMask(0);
    viewer.useCachedAnswers([{ mask: viewer.maskRle(), answer }]);
  }, MIXED_ANSWER);
  await withoutIndex(page);
  await setSecond(page, `${server.address}second`);
  await link(page, 0);
  assert.equal(await page.locator('.column').nth(1).locator('.card').count(), 3);
  assert.equal(await page.locator('.tally').count(), 0);
  await close();
});

test('two back ends of one server are compared, and each column has all its entities', async () => {
  const { page, errors, close } = await openPage(browser, server.address);
  const asked = [];
  await answering(page, 'first', MIXED_ANSWER.entities, asked);
  await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    viewer.configure({ endpoint: new URL('first', document.baseURI).href });
  });
  await setSecond(page, `${server.address}first?backend=vlm`);
  await link(page, 0);
  const queries = asked.map((request) => new URL(request.url()));
  assert.deepEqual(queries.map(({ pathname, search }) => pathname + search).toSorted(), [
    '/first/v1/link',
    '/first/v1/link?backend=vlm',
  ]);
  const names = await page.locator('.column > h3').allInnerTexts();
  assert.match(names[1], /\/first \(vlm\)$/);
  for (const column of await page.locator('.column').all()) {
    assert.equal(await column.locator('.card').count(), 3);
    await column.getByRole('button', { name: 'Show 1 more' }).click();
    assert.equal(await column.locator('.card').count(), 4);
    assert.equal(await column.getByRole('button', { name: 'This is it' }).count(), 4);
  }
  assert.deepEqual(await violations(page), []);
  assert.deepEqual(errors, []);
  await close();
});
