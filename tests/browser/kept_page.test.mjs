/** @file The list of kept masks on the page: from a click to a named mask, its changes and its file. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { indexFiles } from './fixtures.mjs';
import { clickInImage, linkFirstMask, maskOf, violations } from './steps.mjs';
import { openPage, PATIENCE, startSite, until } from './support.mjs';

const KNOWN = [
  { qid: 'Q89', title: 'Apple', description: 'fruit' },
  { qid: 'Q13191', title: 'Orange', description: 'citrus fruit' },
  { qid: 'Q39338', title: 'Orange (colour)', description: 'colour between red and yellow' },
];
const { server, browser } = await startSite(indexFiles(KNOWN));

/** A page with the first sample, an object of which was clicked and is kept by Enter. */
async function openClicked(options) {
  const opened = await openPage(browser, `${server.address}#image=world_075`, options);
  const { page } = opened;
  await clickInImage(page, { x: 451, y: 224 });
  await maskOf(page);
  await page.evaluate(() => document.querySelector('mask-viewer').focus());
  await page.keyboard.press('Enter');
  // The sample's cached response has a likely first entity, which becomes the name.
  await page.locator('#kept .title', { hasText: 'Orange (fruit)' }).waitFor();
  return opened;
}

/** Waits until the browser has stored a kept mask of this name. */
async function stored(page, title) {
  const texts = () =>
    page.evaluate(
      () =>
        new Promise((resolve, reject) => {
          const request = indexedDB.open('masklink');
          request.onerror = () => reject(request.error);
          request.onsuccess = () => {
            const all = request.result.transaction('kept').objectStore('kept').getAll();
            all.onerror = () => reject(all.error);
            all.onsuccess = () => {
              request.result.close();
              resolve(all.result.flatMap(({ records }) => records.map((one) => one.title)));
            };
          };
        }),
    );
  const end = Date.now() + PATIENCE;
  for (let found = await texts(); !found.includes(title); found = await texts()) {
    assert.ok(Date.now() < end, `stored: ${found}`);
    await page.waitForTimeout(50);
  }
}

const titles = (page) => page.locator('#kept .title').allInnerTexts();

test('a clicked object is kept by Enter, named by a search, and still there after a reload', async () => {
  const { page, close } = await openClicked();
  assert.deepEqual(await titles(page), ['Orange (fruit)']);
  const name = page.getByRole('combobox', { name: 'Name' });
  await name.fill('orang');
  await page.getByRole('option', { name: /Orange \(colour\)/ }).waitFor();
  await name.press('ArrowDown');
  await name.press('Enter');
  await until(page, "snapshot.kept[0].title === 'Orange'");
  const [kept] = await page.evaluate(() =>
    document.querySelector('mask-viewer').kept.map(({ qid, prompts }) => ({ qid, prompts })),
  );
  assert.deepEqual(kept, { qid: 'Q13191', prompts: 1 });
  assert.deepEqual(await violations(page), []);
  await stored(page, 'Orange');
  await page.reload();
  await until(page, 'snapshot.kept.length === 1');
  assert.deepEqual(await titles(page), ['Orange']);
  await close();
});

test('the focus stays in the section when its button deletes a mask', async () => {
  const { page, close } = await openClicked();
  const remove = page.locator('#kept').getByRole('button', { name: 'Delete Orange (fruit)' });
  await remove.focus();
  await page.keyboard.press('Enter');
  await until(page, 'snapshot.kept.length === 0');
  assert.ok(await page.evaluate(() => document.activeElement?.closest('#kept') !== null));
  await close();
});

test('a name that the index does not have is taken as it is', async () => {
  const { page, close } = await openClicked();
  const name = page.getByRole('combobox', { name: 'Name' });
  await name.fill('my favourite');
  await name.press('Enter');
  await until(page, "snapshot.kept[0].title === 'my favourite' && snapshot.kept[0].qid === null");
  // The focus stays where it was when the list is built again.
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('role')), 'combobox');
  await close();
});

test('buttons hide, edit, merge, subtract and delete; undo and redo go over all of them', async () => {
  const { page, errors, close } = await openClicked();
  const press = (name) => page.getByRole('button', { name, exact: true }).click();
  await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    viewer.selectMask(0);
    viewer.nameKept(viewer.keep(), { title: 'second' });
  });
  await until(page, 'snapshot.kept.length === 2');
  const [first, second] = await titles(page);
  await press(`Hide ${first}`);
  await until(page, 'snapshot.kept[0].hidden');
  await press(`Show ${first}`);
  await press('Subtract');
  await press('Merge');
  await until(page, 'snapshot.kept.length === 1');
  await press(`Delete ${second}`);
  await until(page, 'snapshot.kept.length === 0');
  await press('Undo');
  await until(page, 'snapshot.kept.length === 1');
  await page.keyboard.press('Control+z');
  await until(page, 'snapshot.kept.length === 2');
  await press('Redo');
  await until(page, 'snapshot.kept.length === 1');
  await press('Undo');

  await press(`Edit ${first} with points`);
  await until(page, 'snapshot.editing === 1 && snapshot.prompts.length === 1');
  const before = await page.evaluate(() => document.querySelector('mask-viewer').kept[0].area);
  await page.evaluate(() => {
    document.querySelector('mask-viewer').clickAt(30, 30, { negative: true });
  });
  await maskOf(page);
  await press('Keep the change');
  await until(page, 'snapshot.editing === null && snapshot.kept.length === 2');
  const after = await page.evaluate(() => document.querySelector('mask-viewer').kept[0]);
  assert.equal(after.prompts, 2);
  assert.ok(
    Math.abs(Number(after.area) / Number(before) - 1) < 0.2,
    `${before}, then ${after.area}`,
  );
  assert.deepEqual(errors, []);
  await close();
});

test('a card names the kept mask, and a file of the chosen format is saved and imported', async () => {
  const { page, close } = await openClicked();
  await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    viewer.configure({ endpoint: new URL('elsewhere', document.baseURI).href });
  });
  const answer = { entities: [{ qid: 'Q89', title: 'Apple', score: 0.7, evidence: [] }] };
  await page.route('**/elsewhere/v1/link', (route) =>
    route.fulfill({ status: 200, contentType: 'application/json', body: JSON.stringify(answer) }),
  );
  await page.evaluate(() => document.querySelector('mask-viewer').askLink());
  await page.getByRole('button', { name: 'Use as the name: Apple' }).click();
  await until(page, "snapshot.kept[0].qid === 'Q89'");
  // A person chose the name: the score of the guess says nothing about it.
  assert.match(await page.locator('#kept .about').first().innerText(), /^Q89 · [\d,]+ px$/);

  await page.locator('#kept').getByLabel('Format').selectOption('polygons');
  const saving = page.waitForEvent('download');
  await page.locator('#kept').getByRole('button', { name: 'Export' }).click();
  const download = await saving;
  assert.equal(download.suggestedFilename(), 'world_075.geojson');
  const path = await download.path();
  const [{ properties }] = JSON.parse(readFileSync(path, 'utf8')).features;
  assert.deepEqual([properties.title, properties.clicks.length], ['Apple', 1]);
  assert.ok(properties.score > 0.3, `the model’s score ${properties.score}`);

  const choosing = page.waitForEvent('filechooser');
  await page.locator('#kept').getByRole('button', { name: 'Import' }).click();
  await (await choosing).setFiles(path);
  await until(page, 'snapshot.kept.length === 2');
  const [one, two] = await page.evaluate(() => document.querySelector('mask-viewer').kept);
  assert.deepEqual({ ...two, id: 1, score: one.score, entityScore: one.entityScore }, one);
  // Scores are written with four digits.
  assert.ok(Math.abs(two.score - one.score) < 1e-4, `${one.score} and ${two.score}`);
  assert.ok(Math.abs(two.entityScore - one.entityScore) < 1e-4);
  await close();
});

test('a damaged file is refused with the formats that work until the next action', async () => {
  const { page, errors, close } = await openClicked();
  const pngs = await page.evaluate(async () => {
    const files = await document.querySelector('mask-viewer').exportMasks('mask');
    return Promise.all(
      files.map(async ({ blob }) => [...new Uint8Array(await blob.arrayBuffer())]),
    );
  });
  const give = async (name, buffer) => {
    const choosing = page.waitForEvent('filechooser');
    await page.locator('#kept').getByRole('button', { name: 'Import' }).click();
    await (await choosing).setFiles({ name, mimeType: 'application/octet-stream', buffer });
  };
  await give('mask.png', Buffer.from(pngs[0]).subarray(0, 60));
  const problem = page.locator('#kept-body > .problem');
  await problem.waitFor();
  assert.equal(
    await problem.innerText(),
    'The masks cannot be imported: the file is neither JSON, SVG nor PNG. Choose a file that was ' +
      'exported here as COCO JSON, Mask-OVEN-Wiki JSON, RLE, GeoJSON, SVG or mask PNG.',
  );
  await page.evaluate(() => document.querySelector('mask-viewer').selectMask(0));
  await problem.waitFor({ state: 'detached' });
  assert.equal(await page.locator('#kept-body > [role=status]').innerText(), '');

  // Masks of another image are not taken, and their number alone would not say why.
  const other = { title: 'other', segmentation: { size: [1, 1], counts: '01' } };
  await give('other.jsonl', Buffer.from(JSON.stringify(other)));
  await problem.waitFor();
  assert.match(await problem.innerText(), /^0 masks imported from other\.jsonl\. .*the mask is 1/);
  assert.deepEqual(errors, []);
  await close();
});

test('the name field of a new mask without a name comes into sight, and the focus stays', async () => {
  for (const phone of [false, true]) {
    const { page, errors, close } = await openPage(
      browser,
      server.address,
      phone ? { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true } : {},
    );
    const score = 0.4;
    await linkFirstMask(page, {
      entities: ['Bird', 'Duck', 'Goose', 'Swan'].map((title, at) => ({
        ...{ qid: `Q${at + 1}`, title, score: score - at / 10, evidence: [] },
        description: 'lays eggs',
      })),
    });
    await page.evaluate(() => {
      const viewer = document.querySelector('mask-viewer');
      viewer.focus();
      viewer.nameKept(viewer.keep(), { title: '' });
    });
    const field = page.locator('#kept [data-focus=kept-name]');
    await field.waitFor();
    await page.waitForTimeout(100);
    const [frame, box] = [
      await page.locator('.panel').boundingBox(),
      await page.locator('#kept li').boundingBox(),
    ];
    const inside = phone
      ? box.y < frame.y + frame.height - 100
      : box.y + box.height <= frame.y + frame.height;
    assert.ok(box.y > frame.y && inside, JSON.stringify({ phone, frame, box }));
    assert.equal(await page.evaluate(() => document.activeElement?.localName), 'mask-viewer');
    if (phone) await page.getByRole('button', { name: '1 kept: name it' }).waitFor();
    assert.deepEqual(errors, []);
    await close();
  }
});

test('a painted mask is not told to take its name from results that are not there', async () => {
  const { page, errors, close } = await openPage(browser, server.address);
  await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    viewer.tool = 'brush';
    viewer.clickAt(100, 100);
  });
  await until(page, 'snapshot.kept.length === 1');
  const words = page.locator('#kept-body > .note').first();
  assert.equal(
    await words.innerText(),
    'This mask has no name yet. Type one, or compare it with the index.',
  );
  assert.deepEqual(errors, []);
  await close();
});

test('one button keeps and one undoes, both below the image and with words', async () => {
  const { page, errors, close } = await openClicked();
  for (const name of [/^keep/i, /^undo/i]) {
    const buttons = page.getByRole('button', { name }).filter({ visible: true });
    assert.equal(await buttons.count(), 1, `${name}`);
    assert.match(await buttons.innerText(), name);
  }
  const keep = page.getByRole('button', { name: 'Keep the mask' });
  const key = await keep
    .locator('.word')
    .evaluate((node) => getComputedStyle(node, '::after').content);
  assert.equal(key, '"K"');
  assert.equal(
    await page.locator('mask-viewer .no-masks, mask-viewer .masks').first().isVisible(),
    true,
  );
  assert.deepEqual(errors, []);
  await close();
});

test('undoing another name leaves the entities of the mask', async () => {
  const { page, errors, close } = await openClicked();
  const cards = await page.locator('.card h3').allInnerTexts();
  assert.ok(cards.length > 0);
  await page.evaluate(() => document.querySelector('mask-viewer').nameKept(1, { title: 'mine' }));
  await until(page, "snapshot.kept[0].title === 'mine'");
  await page.keyboard.press('Control+z');
  await until(page, "snapshot.kept[0].title !== 'mine'");
  assert.deepEqual(await page.locator('.card h3').allInnerTexts(), cards);
  assert.deepEqual(errors, []);
  await close();
});

test('a crosshair says what Enter does, and Enter again keeps the mask', async () => {
  const { page, errors, close } = await openPage(browser, `${server.address}#image=world_001`);
  await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    viewer.view = { x: 520, y: 300, scale: 1 };
    viewer.focus();
  });
  const hint = page.locator('mask-viewer').getByText('Enter clicks here.');
  assert.equal(await hint.isVisible(), false);
  await page.keyboard.press('ArrowRight');
  await hint.waitFor();
  await page.keyboard.press('Enter');
  await maskOf(page);
  assert.match(await hint.innerText(), /Enter again, or K, keeps the mask/);
  await page.keyboard.press('Enter');
  await until(page, 'snapshot.kept.length === 1');
  await page.keyboard.press('Escape');
  await hint.waitFor({ state: 'hidden' });
  assert.deepEqual(errors, []);
  await close();
});

test('a kept mask without a name tells the rule, and a likely broader entity names it', async () => {
  const { page, close } = await openPage(browser, server.address);
  const answer = (score) => ({
    entities: [{ qid: 'Q5113', title: 'Bird', score, broader: true, evidence: [] }],
  });
  await linkFirstMask(page, answer(0.4));
  await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    viewer.nameKept(viewer.keep(), { title: '' });
    viewer.askLink();
  });
  const rule = page.locator('#kept').getByText(/takes a name by itself only where/);
  await rule.waitFor();
  await page.unroute('**/elsewhere/v1/link');
  await page.route('**/elsewhere/v1/link', (route) => route.fulfill({ json: answer(0.9) }));
  await page.evaluate(() => document.querySelector('mask-viewer').askLink());
  await until(page, "snapshot.kept[0].title === 'Bird'");
  await rule.waitFor({ state: 'hidden' });
  await close();
});

test('an image whose masks are all kept ones says so below its tools', async () => {
  const { page, close } = await openPage(browser, server.address);
  await page.evaluate(async () => {
    const viewer = document.querySelector('mask-viewer');
    await viewer.openImage(null, { key: 'empty', size: [80, 60] });
    viewer.tool = 'brush';
    viewer.clickAt(40, 30);
  });
  await page.locator('mask-viewer').getByText('No annotated masks; 1 kept.').waitFor();
  assert.equal(await page.getByText('This image has no annotated masks.').count(), 0);
  await close();
});
