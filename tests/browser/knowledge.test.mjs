/**
 * @file The knowledge of the index: in words beside a result, and as a list in its dialog.
 */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { FIXTURES, HOSTILE, MIXED_ANSWER, indexFiles, indexHeader } from './fixtures.mjs';
import { ROOT, askAbout, linkFirstMask, violations } from './steps.mjs';
import { newPage, openPage, serve, startSite, until } from './support.mjs';

const OPENER = 'What the index knows';
const ENTITIES = [
  { qid: 'Q3736439', title: 'Duck', description: 'aquatic bird', class_label: 'drake' },
  { qid: 'Q89', title: 'Apple', url: 'https://en.wikipedia.org/wiki/Apple' },
  { qid: 'Q1', title: HOSTILE, description: HOSTILE, url: 'javascript:pwned=1' },
  { qid: 'Q33767', title: 'Crêpe' },
  { qid: 'Q729', title: 'Animal', members: ['Q3736439', 'Q10'] },
  ...Array.from({ length: 445 }, (_, at) => ({ qid: `Q${9000 + at}`, title: `Thing ${at}` })),
];
const SOURCES = [
  { title: 'ImageNet', entities: 446 },
  { title: 'the sample world', entities: 3 },
];
const FILES = indexFiles(ENTITIES, SOURCES);
const SHA256 = createHash('sha256').update(FILES['/index/index.json']).digest('hex');

const { server, browser } = await startSite({ ...FIXTURES, ...FILES });

/** Addresses below `index/` that a page requests. */
function watchIndex(page) {
  const asked = [];
  page.on('request', (request) => {
    if (request.url().includes('/index/')) asked.push(request.url().replace(/.*\/index\//, ''));
  });
  return asked;
}

async function openList(page) {
  await page.getByRole('button', { name: OPENER }).click();
  const dialog = page.getByRole('dialog', { name: OPENER });
  await dialog.getByText(/kinds? of things?/).waitFor();
  return dialog;
}

const titles = (dialog) => dialog.locator('li .title').allTextContents();

test('the list is downloaded when it is opened, not before', async () => {
  const { page, errors, close } = await newPage(browser);
  const asked = watchIndex(page);
  await page.goto(server.address);
  await until(page, 'snapshot.shown.length > 0');
  await page.waitForLoadState('networkidle');
  assert.deepEqual(asked, []);
  const dialog = await openList(page);
  assert.deepEqual(asked, ['index.json', 'entities-0.jsonl']);
  assert.match(
    await dialog.locator('#known-words').innerText(),
    /knows 446 kinds of things from ImageNet and 3 from the sample world, and 1 broader group\./,
  );
  await page.keyboard.press('Escape');
  await openList(page);
  assert.equal(asked.length, 2, 'it is kept');
  assert.deepEqual(errors, []);
  await close();
});

test('the list is searched by title, description, class and QID', async () => {
  const { page, errors, close } = await openPage(browser, server.address);
  const dialog = await openList(page);
  const found = dialog.locator('#known-found');
  for (const [text, expected] of [
    ['duck', ['Duck']],
    ['BIRD aquatic', ['Duck']],
    ['drake', ['Duck']],
    ['crepe', ['Crêpe']],
    ['q89', ['Apple']],
  ]) {
    await dialog.getByRole('searchbox').fill(text);
    assert.deepEqual(await titles(dialog), expected, text);
    assert.equal(await found.innerText(), '1 of 450 entries matches.');
  }
  assert.equal(await found.getAttribute('role'), 'status');
  await dialog.getByRole('searchbox').fill('no such thing');
  assert.equal(await found.innerText(), 'Nothing matches; the list has 450 entries.');
  await dialog.getByRole('searchbox').fill('animal');
  assert.match(await dialog.locator('li').textContent(), /Broader: 2 kinds/);
  assert.deepEqual(errors, []);
  await close();
});

test('entries of the list link to Wikipedia as the cards do, and stay text', async () => {
  const { page, errors, close } = await openPage(browser, server.address);
  const dialog = await openList(page);
  const links = (text) =>
    dialog
      .locator('li', { hasText: text })
      .getByRole('link')
      .evaluateAll((nodes) => nodes.map(({ href, rel }) => [href, rel]));
  const rel = 'noopener noreferrer';
  assert.deepEqual(await links('Apple'), [
    ['https://en.wikipedia.org/wiki/Apple', rel],
    ['https://www.wikidata.org/wiki/Q89', rel],
  ]);
  assert.deepEqual(await links('onerror'), [
    ['https://www.wikidata.org/wiki/Special:GoToLinkedPage/enwiki/Q1', rel],
    ['https://www.wikidata.org/wiki/Q1', rel],
  ]);
  assert.ok((await titles(dialog)).includes(HOSTILE));
  assert.equal(await page.evaluate(() => globalThis.pwned), undefined);
  assert.deepEqual(errors, []);
  await close();
});

test('the keyboard alone opens the list, shows more of it and returns', async () => {
  const { page, errors, close } = await openPage(browser, server.address);
  await page.getByRole('button', { name: OPENER }).focus();
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: OPENER });
  await dialog.locator('#known-search:focus').waitFor();
  assert.equal(await dialog.locator('li').count(), 200);
  assert.match(
    await dialog.locator('#known-found').innerText(),
    /450 entries; the first 200 are shown/,
  );
  // Enter in the search closes nothing.
  await page.keyboard.press('Enter');
  assert.ok(await dialog.isVisible());
  for (const [count, next] of [
    [400, 200],
    [450, 50],
  ]) {
    await dialog.getByRole('button', { name: `Show ${next} more` }).press('Enter');
    assert.equal(await dialog.locator('li').count(), count);
    assert.ok(await dialog.locator(`li:nth-child(${count - next + 1}) a:focus`).isVisible());
  }
  assert.equal(await dialog.getByRole('button', { name: /more/ }).count(), 0);
  await page.keyboard.press('Escape');
  assert.ok(
    await page
      .getByRole('button', { name: OPENER })
      .evaluate((node) => node === document.activeElement),
  );
  assert.deepEqual(errors, []);
  await close();
});

test('an endpoint with the same index gets its list, another one only its counts', async () => {
  const { page, errors, close } = await openPage(browser, server.address);
  const asked = watchIndex(page);
  const model = { ...MIXED_ANSWER.model, entities: 1160, exemplars: 420, prototypes: 986 };
  await linkFirstMask(page, { ...MIXED_ANSWER, model });
  assert.match(
    await page.locator('#entities-body').innerText(),
    /knows 1,160 kinds of things, from 420 example masks and 986 categories of an image model\./,
  );
  assert.deepEqual(asked, [], 'nothing is downloaded before the list is opened');
  const counts = await openList(page);
  assert.match(await counts.locator('#known-words').innerText(), /1,160 kinds.*no list of it here/);
  assert.equal(await counts.locator('li, input:visible').count(), 0);
  await counts.getByRole('button', { name: 'Close' }).click();

  await page.unroute('**/elsewhere/v1/link');
  await linkFirstMask(page, { ...MIXED_ANSWER, model: { ...model, index_sha256: SHA256 } });
  const list = await openList(page);
  assert.equal(await list.locator('li').count(), 200);
  assert.deepEqual(errors, []);
  await close();
});

test('a list that failed to load is loaded again on demand', async () => {
  const { page, close } = await openPage(browser, server.address);
  await page.route('**/entities-0.jsonl', (route) => route.fulfill({ status: 503, body: '' }), {
    times: 1,
  });
  await page.getByRole('button', { name: OPENER }).click();
  const dialog = page.getByRole('dialog', { name: OPENER });
  await dialog.getByText('could not be loaded: the server returned 503.').waitFor();
  await dialog.getByRole('button', { name: 'Try again' }).click();
  await dialog.getByText('Duck').waitFor();
  await close();
});

test('an endpoint whose list fails to load gets its counts, and the list on demand', async () => {
  const { page, close } = await openPage(browser, server.address);
  await page.route('**/index/index.json', (route) => route.abort(), { times: 1 });
  const model = { ...MIXED_ANSWER.model, entities: 1, index_sha256: SHA256 };
  await linkFirstMask(page, { ...MIXED_ANSWER, model });
  const dialog = await openList(page);
  await dialog.getByText(/1 kind of thing, .* could not be loaded: its host could not/).waitFor();
  await dialog.getByRole('button', { name: 'Try again' }).click();
  await dialog.getByText('Duck').waitFor();
  await close();
});

test('a result of this page names the sources of its index', async () => {
  const header = JSON.parse(readFileSync(join(ROOT, 'dist/index/index.json'), 'utf8'));
  const other = await serve({
    '/index/index.json': indexHeader({ ...header, sources: SOURCES }),
  });
  const { page, errors, close } = await openPage(browser, other.address);
  await askAbout(page, 0);
  await until(page, "snapshot.linking.phase === 'answered'");
  await page.getByText('knows 446 kinds of things from ImageNet and 3 from').waitFor();
  const dialog = await openList(page);
  assert.ok((await dialog.locator('li').count()) > 50);
  assert.deepEqual(errors, []);
  await close();
  await other.close();
});

for (const colorScheme of ['light', 'dark']) {
  test(`axe-core finds nothing wrong with the list on a phone, ${colorScheme}`, async () => {
    const { page, close } = await openPage(browser, server.address, {
      colorScheme,
      viewport: { width: 390, height: 844 },
    });
    await page.locator('.sheet-bar .toggle').click();
    const dialog = await openList(page);
    await dialog.getByRole('searchbox').fill('a');
    assert.deepEqual(await violations(page), []);
    const wide = await dialog.evaluate((node) => node.scrollWidth - node.clientWidth);
    assert.ok(wide <= 0, `the list is ${wide} px too wide`);
    await close();
  });
}
