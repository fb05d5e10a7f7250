/**
 * @file The explorer as a stranger meets it: the samples, search, facets, one record, the address, the
 *   keyboard, and images that are missing.
 */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { colorOf, colorsOf } from '../../www/explorer/masks.js';
import { percent } from '../../www/explorer/words.js';
import {
  active,
  counted,
  manyAnnotations,
  openExplorer,
  options,
  placeOf,
  recordOpen,
  SAMPLES,
  samplesWhere,
} from './explorer_steps.mjs';
import { FIXTURES, HOSTILE } from './fixtures.mjs';
import { ROOT, violations } from './steps.mjs';
import { bring, PATIENCE, serve, startSite, until } from './support.mjs';

const ALL = `${SAMPLES.annotations.length} masks`;
const APPLES = samplesWhere(({ category_id: id }) => id === 'Q89');
const TEST_SEEN = samplesWhere(({ data_split: split }) => split === 'entity_test_seen');

const { server, browser } = await startSite({
  ...FIXTURES,
  '/many.json': manyAnnotations(20_000),
  '/spread.json': spreadAreas(),
  '/pages/world_001.jpg': Buffer.from('<!doctype html>'),
});
const other = await serve({ '/world_001.jpg': FIXTURES['/tiny.bmp'] });
after(other.close);

const open = (hash, words, options_) =>
  openExplorer(browser, server.address, hash, words, options_);
const search = (page) => page.getByRole('combobox', { name: 'Find an entity or a record' });
const hits = (page) => page.locator('#hits [role=option]');

test('the samples are shown without an address, and the page is accessible', async () => {
  const { page, errors, close } = await open('', ALL);
  await options(page).first().waitFor();
  await page.waitForFunction(
    () => !document.querySelector('#gallery-options [aria-label="Loading"]'),
  );
  assert.match(await options(page).first().getAttribute('aria-label'), /% of the image, suspicion/);
  const colors = await page.evaluate(() => {
    const canvas = document.getElementById('gallery-canvas');
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return new Set(new Uint32Array(data.buffer)).size;
  });
  assert.ok(colors > 20, `${colors} colors`);
  assert.deepEqual(await violations(page), []);
  assert.deepEqual(errors, []);
  await close();
});

test('plots and a record are accessible, in the dark and on a phone', async () => {
  const narrow = { colorScheme: 'dark', viewport: { width: 390, height: 844 } };
  const { page, errors, close } = await open('show=plots', ALL, narrow);
  await page.locator('#plots figure').first().waitFor();
  assert.deepEqual(await violations(page), []);
  await page.goto(`${server.address}explore.html#record=world_001_01`);
  await recordOpen(page, 'world_001_01');
  const [colors, qids] = await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    return [viewer.colors, viewer.snapshot.shown.map(({ qid }) => qid)];
  });
  const expected = colorsOf(qids);
  assert.deepEqual(
    colors.slice(0, qids.length),
    qids.map((qid) => expected.get(qid)),
  );
  assert.equal(colors[0], colorOf(qids[0]), 'as in the gallery');
  assert.deepEqual(await violations(page), []);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  assert.ok(!wide, 'the page is wider than the window');
  assert.deepEqual(errors, []);
  await close();
});

test('an entity is found despite a typing error', async () => {
  const { page, errors, close } = await open('', ALL);
  await search(page).fill('appla');
  await hits(page).filter({ hasText: 'similar spelling' }).first().waitFor();
  assert.match(await hits(page).first().innerText(), /Apple\s+similar spelling/);
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await counted(page, `${APPLES.length} of ${ALL}`);
  assert.equal((await placeOf(page)).entity, 'Q89');
  await page.getByRole('button', { name: 'Remove the condition Apple' }).click();
  await counted(page, new RegExp(`^${ALL}$`));
  await search(page).fill('apple');
  await hits(page).filter({ hasText: 'Q89' }).first().waitFor();
  assert.doesNotMatch(await hits(page).first().innerText(), /similar spelling/);
  assert.deepEqual(errors, []);
  await close();
});

test('without a text the field lists entities by their number of masks', async () => {
  const { page, close } = await open('', ALL);
  await search(page).click();
  await hits(page).first().waitFor();
  const numbers = (await hits(page).allInnerTexts()).map((text) =>
    Number(/(\d+) masks?/.exec(text)?.[1]),
  );
  assert.ok(numbers.length > 10);
  assert.deepEqual(
    numbers,
    numbers.toSorted((a, b) => b - a),
  );
  await close();
});

test('Tab goes from the search field to the first facet', async () => {
  const { page, close } = await open('', ALL);
  await search(page).focus();
  await hits(page).first().waitFor();
  await page.keyboard.press('Tab');
  assert.match(await page.locator(':focus').innerText(), /^entity_train_seen/);
  await close();
});

test('a record is found by its id', async () => {
  const { page, close } = await open('', ALL);
  await search(page).fill('world_002_01');
  await page.keyboard.press('Enter');
  await recordOpen(page, 'world_002_01');
  await close();
});

test('each facet is counted under the other conditions', async () => {
  const { page, errors, close } = await open('', ALL);
  const value = (name) => page.locator('#facets .value', { hasText: name });
  const splits = await page.locator('#facets section').first().innerText();
  await value('entity_test_seen').click();
  await counted(page, `${TEST_SEEN.length} of ${ALL}`);
  assert.equal(await page.locator('#facets section').first().innerText(), splits);
  assert.match(await value('unseen in training').innerText(), /\b0$/);
  assert.equal(await value('entity_test_seen').getAttribute('aria-pressed'), 'true');
  assert.ok(await value('entity_test_seen').evaluate((node) => node === document.activeElement));
  await value('entity_test_seen').click();
  await counted(page, new RegExp(`^${ALL}$`));
  assert.deepEqual(errors, []);
  await close();
});

test('bars of plots filter by keyboard, and Shift extends a range', async () => {
  const { page, close } = await open('show=plots', ALL);
  const area = page.getByRole('group', { name: 'Area of masks' });
  await area.locator('[tabindex="0"]').focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  await counted(page, / of /);
  assert.equal((await placeOf(page)).area, '1-1');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Shift+Enter');
  await page.getByRole('button', { name: 'Remove the condition area over 0 % to 10 %' }).waitFor();
  assert.equal((await placeOf(page)).area, '1-2');
  await close();
});

for (const width of [390, 768, 1440]) {
  test(`no text of a plot touches another at ${width} pixels`, async () => {
    const viewport = { width, height: 900 };
    const hash = 'source=spread.json&show=plots';
    const { page, close } = await open(hash, /masks/, { viewport });
    await page.locator('#plots figure').first().waitFor();
    await page.waitForTimeout(300);
    const touching = await page.evaluate(() =>
      [...document.querySelectorAll('#plots svg')].flatMap((svg) => {
        const texts = [...svg.querySelectorAll('text')];
        const boxes = texts.map((text) => text.getBoundingClientRect());
        const frame = svg.getBoundingClientRect();
        return boxes.flatMap((a, at) => [
          ...(a.left < frame.left - 1 || a.right > frame.right + 1
            ? [`${texts[at]?.textContent} is outside`]
            : []),
          ...(a.height < 13 ? [`${texts[at]?.textContent} is ${a.height} pixels high`] : []),
          ...boxes.slice(at + 1).flatMap((b, more) => {
            const apart = Math.max(b.left - a.right, a.left - b.right) >= 2;
            const [one, other] = [texts[at], texts[at + 1 + more]];
            const isLevel = Math.max(b.top - a.bottom, a.top - b.bottom) < 0;
            return apart || !isLevel ? [] : [`${one?.textContent} and ${other?.textContent}`];
          }),
        ]);
      }),
    );
    assert.deepEqual(touching, []);
    assert.ok((await page.locator('#plots svg').first().locator('text').count()) > 8);
    await close();
  });
}

test('a record opens; keys go on, back, and close it where it was', async () => {
  const { page, errors, close } = await open('entity=Q89', `${APPLES.length} of ${ALL}`);
  await options(page).nth(1).click();
  const id = async () => (await placeOf(page)).record;
  const second = await id();
  await recordOpen(page, second);
  await page.keyboard.press('j');
  await page.locator('#detail-place', { hasText: '3 of' }).waitFor();
  const third = await id();
  assert.notEqual(third, second);
  await recordOpen(page, third);
  await page.keyboard.press('k');
  await recordOpen(page, second);
  const facts = await page.locator('#facts-body').innerText();
  const published = SAMPLES.annotations.find((one) => one.id === second);
  for (const words of [published.question, published.data_split, second])
    if (words) assert.ok(facts.includes(words), `${words} in ${facts}`);
  assert.match(await page.locator('#truth').innerText(), /Apple \(Q89\)/);
  await page.keyboard.press('Escape');
  await page.locator('#gallery').waitFor();
  assert.equal(await active(page), '2');
  assert.ok(await page.locator('#gallery').evaluate((node) => node === document.activeElement));
  assert.deepEqual(errors, []);
  await close();
});

test('an address restores the exact view', async () => {
  const first = await open('record=world_001_01', ALL);
  await recordOpen(first.page, 'world_001_01');
  await first.page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    viewer.view = { x: 300, y: 200, scale: 2 };
    viewer.selectMask(1);
  });
  const { page: before } = first;
  const place = await placeOf(before);
  assert.ok(place.mask && place.mask !== 'world_001_01', JSON.stringify(place));
  const second = await open(new URL(before.url()).hash.slice(1), ALL);
  await recordOpen(second.page, place.mask);
  const view = await second.page.evaluate(() => document.querySelector('mask-viewer').view);
  assert.deepEqual([view.x, view.y, view.scale].map(Math.round), [300, 200, 2]);
  assert.deepEqual(await placeOf(second.page), place);
  await first.close();
  await second.close();
});

test('back and forward show what was shown', async () => {
  const { page, close } = await open('', ALL);
  await page.locator('#facets .value', { hasText: 'entity_test_seen' }).click();
  await counted(page, `${TEST_SEEN.length} of ${ALL}`);
  await page.getByRole('button', { name: 'Plots', exact: true }).click();
  await page.locator('#plots figure').first().waitFor();
  await page.goBack();
  await options(page).first().waitFor();
  await options(page).first().click();
  const { record } = await placeOf(page);
  await recordOpen(page, record);
  await page.goBack();
  await counted(page, `${TEST_SEEN.length} of ${ALL}`);
  await page.goBack();
  await counted(page, new RegExp(`^${ALL}$`));
  await page.goForward();
  await page.goForward();
  await recordOpen(page, record);
  await close();
});

test('the gallery is one stop of the Tab key, and arrows move within it', async () => {
  const { page, close } = await open('', ALL);
  await options(page).nth(5).waitFor();
  await page.locator('#open-export').focus();
  await page.keyboard.press('Tab');
  for (let step = 0; step < 4; step += 1) {
    if (await page.locator('#gallery').evaluate((node) => node === document.activeElement)) break;
    await page.keyboard.press('Tab');
  }
  assert.equal(await active(page), '1');
  await page.keyboard.press('ArrowRight');
  assert.equal(await moved(page, '2'), '2');
  await page.keyboard.press('ArrowDown');
  const columns = await options(page).evaluateAll(
    (nodes) => nodes.filter((node) => node.style.top === '0px').length,
  );
  assert.equal(await moved(page, String(2 + columns)), String(2 + columns));
  await page.keyboard.press('End');
  assert.equal(await moved(page, String(SAMPLES.annotations.length)), '409');
  await page.keyboard.press('Enter');
  await recordOpen(page, (await placeOf(page)).record);
  await close();
});

/** Masks of all areas, over a thousand of some, as a file. */
function spreadAreas() {
  const file = JSON.parse(manyAnnotations(12_000));
  file.images[0] = { id: 't', file_name: 'tiny.bmp', width: 10, height: 10 };
  file.annotations.forEach((one, index) => {
    const rows = Math.floor(Math.abs(Math.sin(index)) * 100);
    one.segmentation = [{ size: [10, 10], counts: [0, rows, 100 - rows] }];
    one.bbox = [[0, 0, 10, 10]];
    one.data_split = `a_split_with_a_long_name_${index % 5}`;
  });
  return JSON.stringify(file);
}

/** Waits until the keys are at a position, and returns where they are. */
async function moved(page, position) {
  for (let turn = 0; turn < 100 && (await active(page)) !== position; turn += 1)
    await page.waitForTimeout(50);
  return active(page);
}

test('20,000 masks are scrolled with few elements', async () => {
  const { page, errors, close } = await open('source=many.json', '20,000 masks');
  await options(page).first().waitFor();
  await page.locator('#gallery').focus();
  await page.keyboard.press('End');
  assert.equal(await moved(page, '20000'), '20000');
  await page.waitForFunction(
    () => !document.querySelector('#gallery-options [aria-label="Loading"]'),
  );
  assert.ok((await options(page).count()) < 80);
  assert.deepEqual(
    errors.filter((text) => !/404/.test(text)),
    [],
  );
  await close();
});

test('a missing image leaves its masks, the address and the reason', async () => {
  const reasons = [
    ['nowhere/{file_name}', /nowhere\/world_001\.jpg failed: the server returned 404/],
    ['pages/{file_name}', /pages\/world_001\.jpg is not an image/],
    [`${other.address}{file_name}`, /failed: its server does not allow requests .* \(CORS\)/],
    ['http://127.0.0.1:1/{file_name}', /failed: its server could not be reached \(network\)/],
  ];
  for (const [template, expected] of reasons) {
    const hash = `images=${encodeURIComponent(template)}&record=world_001_01`;
    const { page, close } = await open(hash, ALL);
    await recordOpen(page, 'world_001_01');
    assert.match(await page.locator('#image-problem').innerText(), expected);
    await close();
  }
});

test('the gallery says once that no image could be loaded, and why', async () => {
  const hash = `images=${encodeURIComponent('nowhere/{file_name}')}`;
  const { page, close } = await open(hash, ALL);
  const words = page.getByText(/nowhere\/world_\d+\.jpg failed: the server returned 404/);
  await words.waitFor();
  assert.equal(await words.count(), 1);
  await page.getByRole('button', { name: 'Choose images' }).click();
  await page.getByLabel('Address of the images').fill('samples/images/{file_name}');
  await page.getByRole('button', { name: 'Open', exact: true }).click();
  await page.locator('#images-problem').waitFor({ state: 'hidden' });
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'count');
  await close();
});

test('an image that is missing is explained once', async () => {
  const hash = `images=${encodeURIComponent('nowhere/{file_name}')}&record=world_001_01`;
  const { page, close } = await open(hash, ALL);
  await recordOpen(page, 'world_001_01');
  assert.equal(await page.locator('mask-viewer [part~=hint]').isVisible(), false);
  assert.equal(await page.getByText('nowhere/world_001.jpg failed').count(), 1);
  await page.getByRole('button', { name: 'Choose images' }).click();
  await page.getByRole('dialog', { name: 'Open a dataset' }).waitFor();
  await close();
});

test('the title names the mask that is selected, and whose image it is', async () => {
  const { page, close } = await open('record=world_079_03', ALL);
  await recordOpen(page, 'world_079_03');
  const [title, same] = ['#detail-title', '#detail-same'].map((id) => page.locator(id));
  assert.deepEqual([await title.innerText(), await same.innerText()], ['Apple', '']);
  await page.locator('mask-viewer .chip', { hasText: 'Vase' }).click();
  await page.locator('#truth', { hasText: 'Vase' }).waitFor();
  assert.equal(await title.innerText(), 'Vase');
  assert.equal(await same.innerText(), 'record: Apple');
  assert.match(await page.title(), /^Vase:/);
  await placeOf(page);
  await page.reload();
  await same.filter({ hasText: 'record: Apple' }).waitFor({ timeout: PATIENCE });
  assert.equal(await title.innerText(), 'Vase');
  await page.getByRole('button', { name: 'Next' }).click();
  await same.filter({ hasText: /^$/ }).waitFor({ state: 'attached', timeout: PATIENCE });
  assert.match(await page.locator('#detail-place').innerText(), / of /);
  await close();
});

test('a click is compared with the annotation of the object, and not kept', async () => {
  const { page, close } = await open('record=world_001_01', ALL);
  await recordOpen(page, 'world_001_01');
  for (const name of ['Keep the mask', /^Brush/, /^Erase/])
    assert.equal(
      await page.getByRole('button', { name }).or(page.getByRole('radio', { name })).count(),
      0,
    );
  await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    viewer.tool = 'pick';
    viewer.clickAt(680, 300);
  });
  await page.locator('#truth', { hasText: 'Apple' }).waitFor({ timeout: PATIENCE });
  const overlap = /\(IoU\): ([\d.]+)/.exec(await page.locator('#truth').innerText());
  assert.ok(Number(overlap?.[1]) > 0.5, String(overlap));
  assert.match(await page.locator('#truth .legend').innerText(), /annotation.*\s+clicked mask/);
  const outline = page.locator('.outline');
  assert.match(await outline.innerText(), /Annotation: Apple\s*Clicked mask, IoU 0\.\d\d/);
  const placed = await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    viewer.view = { x: 600, y: 300, scale: 1.5 };
    const stage = viewer.shadowRoot.querySelector('[part=stage]').getBoundingClientRect();
    const box = document.querySelector('.outline .line').getBoundingClientRect();
    const from = [stage.x + stage.width / 2, stage.y + stage.height / 2];
    return [box.left - from[0], box.top - from[1], box.right - from[0], box.bottom - from[1]];
  });
  const [[x1, y1, x2, y2]] = SAMPLES.annotations.find(({ id }) => id === 'world_001_04').bbox;
  [x1 - 600, y1 - 300, x2 - 600, y2 - 300].forEach((edge, at) =>
    assert.ok(Math.abs(placed[at] - edge * 1.5) < 5, `${placed}`),
  );
  await page.locator('#entities .card').first().waitFor({ timeout: PATIENCE });
  await page.evaluate(() => document.querySelector('mask-viewer').focus());
  await page.keyboard.press('k');
  assert.equal(
    (await placeOf(page)).record,
    'world_001_01',
    'K on the image opens no other record',
  );
  await until(page, 'snapshot.canKeep && snapshot.kept.length === 0');
  // Elsewhere this keeps the mask.
  await page.keyboard.press('Enter');
  await until(page, 'snapshot.kept.length === 0');
  await page.evaluate(() => document.querySelector('mask-viewer').clear());
  await outline.waitFor({ state: 'hidden' });
  await close();
});

test('a file is opened with its problems, and its address asks for it again', async () => {
  const { page, errors, close } = await open('', ALL);
  await page.getByRole('button', { name: 'Open a dataset' }).click();
  const odd = JSON.parse(FIXTURES['/tiny.json']);
  odd.categories[0].name = HOSTILE;
  await page.getByLabel('File on this computer').setInputFiles({
    name: 'mine.json',
    mimeType: 'application/json',
    buffer: Buffer.from(JSON.stringify(odd)),
  });
  await page.getByLabel('Address of the images').fill(`${server.address}{file_name}`);
  await page.getByRole('button', { name: 'Open', exact: true }).click();
  await counted(page, /^1 mask$/);
  assert.equal((await placeOf(page)).file, 'mine.json');
  await options(page).first().click();
  await recordOpen(page, 'a');
  assert.equal(await page.locator('#detail-title').innerText(), HOSTILE);
  assert.equal(await page.locator('#image-problem').isVisible(), false);
  assert.equal(await page.evaluate(() => globalThis.pwned), undefined);
  assert.deepEqual(errors, []);
  await page.reload();
  await page.locator('#problem', { hasText: 'mine.json' }).waitFor({ timeout: PATIENCE });
  await close();
});

test('small shares are given to a tenth of a percent', () => {
  const shares = [0, 0.0004, 0.0094, 0.0096, 0.012, 0.0996, 0.25];
  assert.deepEqual(shares.map(percent), [
    '0 %',
    'under 0.1 %',
    '0.9 %',
    '1.0 %',
    '1.2 %',
    '10 %',
    '25 %',
  ]);
});

test('a mask of which a part is left out is marked, and its entities say so', async () => {
  const { page, errors, close } = await open('', ALL);
  await page.getByRole('button', { name: 'Open a dataset' }).click();
  const cut = JSON.parse(FIXTURES['/tiny.json']);
  cut.annotations[0].segmentation.push({ size: [6, 8], counts: '~' });
  await page.getByLabel('File on this computer').setInputFiles({
    name: 'cut.json',
    mimeType: 'application/json',
    buffer: Buffer.from(JSON.stringify(cut)),
  });
  await page.getByLabel('Address of the images').fill(`${server.address}{file_name}`);
  await page.getByRole('button', { name: 'Open', exact: true }).click();
  await counted(page, /^1 mask$/);
  await options(page).first().click();
  await recordOpen(page, 'a');
  assert.equal(await page.locator('mask-viewer .chip .cut').count(), 1);
  assert.equal(
    await page.evaluate(() => document.querySelector('mask-viewer').snapshot.isCut),
    true,
  );
  assert.deepEqual(errors, []);
  await close();
});

test('images of a folder are found by the end of their path', async () => {
  const { page, errors, close } = await open('', ALL);
  await page.getByRole('button', { name: 'Open a dataset' }).click();
  await page.getByLabel('File on this computer').setInputFiles({
    name: 'mine.json',
    mimeType: 'application/json',
    buffer: Buffer.from(JSON.stringify(SAMPLES)),
  });
  await page
    .getByLabel('Or folder on this computer')
    .setInputFiles(join(ROOT, 'www/samples/thumbnails'));
  await page.getByRole('button', { name: 'Open', exact: true }).click();
  await page.locator('#source-words', { hasText: 'mine.json' }).waitFor();
  await counted(page, ALL);
  await options(page).first().click();
  await recordOpen(page, (await placeOf(page)).record);
  assert.match(
    await page.locator('#image-problem').innerText(),
    /^The image has \d+ × \d+ pixels and is shown at the size of its masks, 960 × 640\.$/,
  );
  assert.deepEqual(errors, []);
  await close();
});

test('a file that is dropped is opened, and opening is cancelled', async () => {
  const { page, close } = await open('', ALL);
  await bring(page, [{ name: 'dropped.json', content: FIXTURES['/tiny.json'] }]);
  await counted(page, /^1 mask$/);
  assert.equal((await placeOf(page)).file, 'dropped.json');
  let release = () => {};
  const held = new Promise((resolve) => {
    release = () => resolve(undefined);
  });
  await page.route('**/slow.json', async (route) => {
    await held;
    await route.abort();
  });
  await page.evaluate(() => {
    location.hash = 'source=slow.json';
  });
  await page.locator('#opening').getByRole('button', { name: 'Cancel' }).click();
  await page.locator('#problem', { hasText: 'cancelled' }).waitFor({ timeout: PATIENCE });
  assert.equal(await page.locator('#opening').isVisible(), false);
  release();
  await close();
});

test('a low window scrolls as a whole', async () => {
  const { page, close } = await open('', ALL, { viewport: { width: 320, height: 256 } });
  await page.waitForFunction(() => document.getElementById('gallery').clientHeight > 150);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  assert.ok(!wide, 'the page is wider than the window');
  await close();
});

test('an address that cannot be opened is reported', async () => {
  const { page, close } = await openExplorer(
    browser,
    server.address,
    'source=none.json',
    /No data/,
  );
  assert.match(await page.locator('#problem').innerText(), /none\.json/);
  for (const control of await page
    .locator('.filters, .results .bar')
    .locator('button, input, select')
    .all())
    assert.ok(await control.isDisabled(), await control.evaluate((node) => node.id));
  assert.equal(await page.locator('#gallery').isVisible(), false);
  assert.deepEqual(await violations(page), []);
  await page.getByRole('button', { name: 'Show the samples' }).click();
  await counted(page, ALL);
  assert.equal(await page.locator('#problem').isVisible(), false);
  assert.ok(await page.locator('#open-export').isEnabled());
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'count');
  await close();
});

test('the pages link to each other', async () => {
  const { page, close } = await open('', ALL);
  await page.getByRole('link', { name: 'Click and link' }).click();
  await page.getByRole('link', { name: 'Explorer' }).click();
  await counted(page, ALL);
  await close();
});

test('entities of one image have different colors, of which the first is that of the gallery', () => {
  const all = SAMPLES.annotations.map(({ category_id: qid }) => qid);
  const same = [...new Set(all)].filter((qid) => colorOf(qid) === colorOf(all[0]));
  assert.ok(same.length > 1, 'no two entities share a color');
  const colors = colorsOf([...same, ...same]);
  assert.equal(colors.get(same[0]), colorOf(same[0]));
  assert.equal(new Set(colors.values()).size, Math.min(8, same.length));
});

test('one row is above the masks on a phone, and the filters hold the rest', async () => {
  const { page, close } = await open('', ALL, { viewport: { width: 390, height: 844 } });
  const box = (selector) => page.locator(selector).boundingBox();
  const [header, gallery] = [await box('.top'), await box('#gallery')];
  const rows = gallery.y - header.y - header.height;
  assert.ok(rows < 72, `${rows} px of controls before the masks`);
  assert.ok(gallery.y + gallery.height > 820, 'the masks do not reach the bottom');
  const plots = page.getByRole('button', { name: 'Plots' });
  assert.equal(await plots.isVisible(), false);
  await page.getByRole('button', { name: 'Filters' }).click();
  assert.ok(await page.getByLabel('Order').isVisible());
  await plots.click();
  await page.locator('#plots figure').first().waitFor();
  await close();
});
