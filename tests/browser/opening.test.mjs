/**
 * @file The dialog that opens a dataset: its keys, giving up, opening twice, and the list of what
 * is odd.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  FIXTURES,
  ODD_DATASET,
  PHOTO,
  annotationFile,
  annotationRecord,
  imageRecord,
} from './fixtures.mjs';
import { openSettings } from './steps.mjs';
import { bring, openPage, startSite, until } from './support.mjs';

const { server, browser } = await startSite(FIXTURES);

/**
 * A dataset of one image whose masks are of another size than the image that is served.
 */
function misfits(count) {
  const one = JSON.stringify({ size: [12, 16], counts: [24, 24, 144] });
  const annotations = Array.from(
    { length: count },
    (_, at) =>
      `{"id":"m${at}","image_id":"t","category_id":"Q1","bbox":[[2,0,4,12]],"segmentation":[${one}]}`,
  );
  return `{"images":[{"id":"t","file_name":"/tiny.bmp","width":16,"height":12}],
    "categories":[{"id":"Q1","name":"Universe"}],"annotations":[${annotations}]}`;
}

/** A dataset of one image that is nowhere, with this name on it. */
const named = (name) =>
  annotationFile([imageRecord('t', 'nowhere.bmp')], [annotationRecord('a', 't')], name);

/** Opens the page and its dialog, a file chosen. */
async function withDialog(name, text) {
  const opened = await openPage(browser, server.address);
  const { page } = opened;
  await page.getByRole('button', { name: 'Open a dataset' }).click();
  await page
    .getByLabel('Annotation file (JSON)')
    .setInputFiles({ name, mimeType: 'application/json', buffer: Buffer.from(text) });
  return {
    ...opened,
    prefix: page.getByLabel('Or address prefix'),
    dialog: page.getByRole('dialog', { name: 'Open a dataset' }),
  };
}

/**
 * Holds annotation files back until `release` is called in the page, and counts the workers that
 * are `ended`.
 */
function holdFiles(page) {
  return page.evaluate(() => {
    const held = new Promise((resolve) => {
      globalThis.release = resolve;
    });
    const post = Worker.prototype.postMessage;
    globalThis.ended = 0;
    const terminate = Worker.prototype.terminate;
    Worker.prototype.terminate = function () {
      globalThis.ended += 1;
      return terminate.call(this);
    };
    Worker.prototype.postMessage = function (message, transfer) {
      if (message.method !== 'open') return post.call(this, message, transfer);
      held.then(() => post.call(this, message, transfer));
    };
  });
}

test('Enter in the address opens the dataset, and Cancel does not', async () => {
  const { page, errors, prefix, dialog, close } = await withDialog('odd.json', ODD_DATASET);
  await page.getByRole('button', { name: 'Cancel' }).click();
  await dialog.waitFor({ state: 'hidden' });
  assert.equal(await page.locator('#strip-title').innerText(), 'Sample images');
  await page.getByRole('button', { name: 'Open a dataset' }).click();
  await prefix.fill(server.address);
  await prefix.press('Enter');
  await page.getByRole('heading', { name: 'odd.json' }).waitFor();
  await until(page, "snapshot.image === 't' && snapshot.shown.length === 1");
  await dialog.waitFor({ state: 'hidden' });
  assert.deepEqual(
    errors.filter((text) => !/missing\.bmp/.test(text)),
    [],
  );
  await close();
});

test('images at an address outside the web are not requested', async () => {
  const { prefix, errors, close } = await withDialog('odd.json', ODD_DATASET);
  await prefix.fill('localhost:8080');
  assert.equal(await prefix.evaluate((node) => node.validity.patternMismatch), true);
  assert.deepEqual(errors, []);
  await close();
});

test('cancelling a dataset while it is read changes nothing', async () => {
  const { page, errors, dialog, close } = await withDialog('odd.json', ODD_DATASET);
  await holdFiles(page);
  await dialog.getByRole('button', { name: 'Open', exact: true }).click();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.evaluate(() => globalThis.release());
  await page.waitForTimeout(1000);
  assert.equal(await page.locator('#strip-title').innerText(), 'Sample images');
  await page.getByRole('button', { name: 'Open a dataset' }).click();
  assert.equal(
    await page.locator('#dataset-words').isVisible(),
    false,
    'nothing is said of what was given up',
  );
  assert.deepEqual(errors, []);
  await close();
});

for (const [what, text, words] of [
  [
    'of HTML',
    '<!doctype html><title>a page</title>',
    /No annotated image was found in mine\.json: .+\. Choose/,
  ],
  ['that is empty', '', /No annotated image was found in mine\.json: .+\. Choose/],
  [
    'of other JSON',
    '{"name":"masklink"}',
    /No annotated image was found in mine\.json: .+\. Choose/,
  ],
  [
    'without images',
    '{"images":[],"categories":[],"annotations":[]}',
    /No annotated image was found in mine\.json\. Choose/,
  ],
]) {
  test(`a file ${what} shows an error in the dialog, and the samples stay`, async () => {
    const { page, errors, dialog, close } = await withDialog('mine.json', text);
    await dialog.getByRole('button', { name: 'Open', exact: true }).click();
    await dialog.locator('#dataset-words.problem').waitFor();
    assert.match(await dialog.locator('#dataset-words').innerText(), words);
    assert.equal(await page.locator('#strip-title').innerText(), 'Sample images');
    assert.ok((await page.locator('.thumbnail').count()) > 1);
    assert.deepEqual(errors, []);
    await close();
  });
}

test('a search without a match in a dataset of one image says so', async () => {
  const { page, errors, dialog, close } = await withDialog('mine.json', named('Universe'));
  await dialog.getByRole('button', { name: 'Open', exact: true }).click();
  await dialog.waitFor({ state: 'hidden' });
  const pager = page.getByRole('navigation', { name: 'Pages of images' });
  assert.equal(await pager.isVisible(), false);
  await page.getByRole('searchbox').fill('nowhere to be found');
  await pager.getByText('Nothing found').waitFor();
  await page.getByRole('searchbox').fill('universe');
  await pager.waitFor({ state: 'hidden' });
  assert.deepEqual(errors, []);
  await close();
});

test('a name of many lines shows whole lines in the strip', async () => {
  const { page, errors, dialog, close } = await withDialog(
    'mine.json',
    named('One of the longest names that a museum ever gave to a thing in its collection'),
  );
  await dialog.getByRole('button', { name: 'Open', exact: true }).click();
  await dialog.waitFor({ state: 'hidden' });
  const [thumbnail, name] = [
    await page.locator('.thumbnail.plain').boundingBox(),
    await page.locator('.thumbnail.plain span').boundingBox(),
  ];
  assert.ok(
    thumbnail &&
      name &&
      name.y >= thumbnail.y &&
      name.y + name.height <= thumbnail.y + thumbnail.height,
    JSON.stringify({ thumbnail, name }),
  );
  assert.deepEqual(errors, []);
  await close();
});

test('names from right to left keep their beginning in the strip and in the record', async () => {
  const { page, errors, dialog, close } = await withDialog(
    'mine.json',
    named('תפוז (פרי) שנמצא על השולחן'),
  );
  await dialog.getByRole('button', { name: 'Open', exact: true }).click();
  await until(page, "snapshot.image === 't' && snapshot.shown.length === 1");
  await page
    .getByRole('listbox', { name: /^Masks/ })
    .getByRole('option')
    .click();
  for (const selector of ['.thumbnail span', '#record-body dd >> nth=0']) {
    assert.equal(
      await page.locator(selector).evaluate((node) => getComputedStyle(node).direction),
      'rtl',
      selector,
    );
  }
  assert.deepEqual(errors, []);
  await close();
});

test('an annotation file dropped onto the page is selected in the dialog', async () => {
  const { page, errors, close } = await openPage(browser, server.address);
  await bring(page, [{ name: 'odd.json', type: 'application/json', content: ODD_DATASET }]);
  const dialog = page.getByRole('dialog', { name: 'Open a dataset' });
  await dialog.waitFor();
  await until(page, "snapshot.image === 'world_065' && snapshot.shown.length > 0");
  await dialog.getByLabel('Or address prefix').fill(server.address);
  await dialog.getByRole('button', { name: 'Open', exact: true }).click();
  await page.getByRole('heading', { name: 'odd.json' }).waitFor();
  await until(page, "snapshot.image === 't' && snapshot.shown.length === 1");
  assert.deepEqual(
    errors.filter((text) => !/missing\.bmp/.test(text)),
    [],
  );
  await close();
});

test('an image pasted while a dialog is open is ignored', async () => {
  const { page, errors, close } = await openPage(browser, server.address);
  await until(page, "snapshot.image === 'world_065' && snapshot.shown.length > 0");
  await openSettings(page);
  await assert.rejects(bring(page, [PHOTO], 'paste'), /left the file to the browser/);
  await page.waitForTimeout(500);
  await until(page, "snapshot.image === 'world_065'");
  await page.getByRole('button', { name: 'Done' }).click();
  await bring(page, [PHOTO], 'paste');
  await until(page, "snapshot.image === 'mine.bmp'");
  assert.deepEqual(errors, []);
  await close();
});

test('a file dropped onto the dialog does not change the open image', async () => {
  const { page, errors, close } = await openPage(browser, server.address);
  await until(page, "snapshot.image === 'world_065' && snapshot.shown.length > 0");
  await page.getByRole('button', { name: 'Open a dataset' }).click();
  const prevented = await page.evaluate(() =>
    ['dialog[open] input[type=file]', 'dialog[open]'].map((selector) => {
      const data = new DataTransfer();
      data.items.add(new File(['{}'], 'mine.json', { type: 'application/json' }));
      const event = new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true });
      document.querySelector(selector)?.dispatchEvent(event);
      return event.defaultPrevented;
    }),
  );
  // The field takes the file by itself; beside it the browser would leave the page for the file.
  assert.deepEqual(prevented, [false, true]);
  await page.waitForTimeout(300);
  const image = await page.evaluate(() => document.querySelector('mask-viewer').snapshot?.image);
  assert.equal(image, 'world_065');
  assert.deepEqual(errors, []);
  await close();
});

test('pressing Open twice reads once, and the dialog closes before the image loads', async () => {
  const { page, errors, prefix, dialog, close } = await withDialog('odd.json', ODD_DATASET);
  await prefix.fill(server.address);
  await holdFiles(page);
  let release = () => {};
  const held = new Promise((resolve) => {
    release = () => resolve(undefined);
  });
  const fetched = page.waitForRequest(
    (request) => request.url().endsWith('tiny.bmp') && request.resourceType() === 'fetch',
  );
  await page.route('**/tiny.bmp', async (route) => {
    await held;
    await route.continue();
  });
  const open = dialog.getByRole('button', { name: 'Open', exact: true });
  await open.click();
  await open.click();
  assert.equal(await page.evaluate(() => globalThis.ended), 1, 'the first reading has ended');
  await page.evaluate(() => globalThis.release());
  await dialog.waitFor({ state: 'hidden' });
  await fetched;
  release();
  await until(page, "snapshot.image === 't' && snapshot.shown.length === 1");
  assert.equal(await page.locator('#strip-title').innerText(), 'odd.json');
  assert.deepEqual(
    errors.filter((text) => !/missing\.bmp/.test(text)),
    [],
  );
  await close();
});

test('findings of a dataset are listed with their records', async () => {
  const { page, errors, prefix, close } = await withDialog('odd.json', ODD_DATASET);
  await prefix.fill(server.address);
  await page.getByRole('button', { name: 'Open', exact: true }).click();
  await page.getByRole('heading', { name: 'odd.json' }).waitFor();
  assert.match(await page.locator('#strip-note').innerText(), /^2 masks of 1 entity in 2 images/);
  const findings = page.locator('#findings');
  await findings.getByText('2 findings').click();
  assert.match(
    await findings.innerText(),
    /1 × box-outside[\s\S]*annotation b: bbox\[0\]: the box .* extends beyond the image/,
  );
  // The samples have none, or say nothing of them.
  await page.reload();
  await until(page, 'snapshot.shown.length > 0');
  assert.equal(await findings.isVisible(), false);
  assert.deepEqual(
    errors.filter((text) => !/missing\.bmp/.test(text)),
    [],
  );
  await close();
});

test('masks that do not fit the image show one error and not the message for no masks', async () => {
  const { page, errors, prefix, close } = await withDialog('misfits.json', misfits(3));
  await page.evaluate(() => {
    const reported = (globalThis.reported = []);
    document
      .querySelector('mask-viewer')
      ?.addEventListener('error', (event) => reported.push(event.detail.message));
  });
  await prefix.fill(server.address);
  await page.getByRole('button', { name: 'Open', exact: true }).click();
  await until(page, "snapshot.image === 't'");
  const hint = page.locator('mask-viewer [part~=hint]');
  await hint.waitFor();
  assert.match(await hint.innerText(), /3 masks .*m0.* 16x12, but the image is 8x6/);
  assert.equal(await page.locator('mask-viewer').getByText('no annotated masks').count(), 0);
  const reported = await page.evaluate(() => globalThis.reported);
  assert.equal(reported.length, 1, reported.join('\n'));
  assert.deepEqual(errors, []);
  await close();
});

test('details describe the selected mask when an earlier mask cannot be drawn', async () => {
  const good = '{"size":[6,8],"counts":[6,12,30]}';
  const bad = '{"size":[12,16],"counts":[24,24,144]}';
  const dataset = `{"images":[{"id":"t","file_name":"/tiny.bmp"}],
    "categories":[{"id":"Q1","name":"Bad"},{"id":"Q2","name":"Good"}],"annotations":[
    {"id":"bad","image_id":"t","category_id":"Q1","segmentation":[${bad}]},
    {"id":"good","image_id":"t","category_id":"Q2","segmentation":[${good}]}]}`;
  const { page, errors, prefix, close } = await withDialog('mixed.json', dataset);
  await prefix.fill(server.address);
  await page.getByRole('button', { name: 'Open', exact: true }).click();
  await until(page, "snapshot.image === 't' && snapshot.shown.length === 1");
  await page
    .getByRole('listbox', { name: /^Masks/ })
    .getByRole('option', { name: 'Good' })
    .click();
  await until(page, 'snapshot.selected === 0');
  assert.match(await page.locator('#record-body').innerText(), /Good/);
  assert.match(await page.locator('mask-viewer [part~=hint]').innerText(), /bad/);
  assert.deepEqual(errors, []);
  await close();
});
