/**
 * @file Back and forward through samples, photos and a dataset, the links to each, and addresses of
 * images that are not here.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FIXTURES, PHOTO } from './fixtures.mjs';
import { bring, openPage, startSite, until } from './support.mjs';

const { server, browser } = await startSite(FIXTURES);

const photo = (page, name) => bring(page, [{ ...PHOTO, name }]);
/** Waits until the address names an image, and so the history has an entry of it. */
const addressed = (page, text) =>
  page.waitForFunction((part) => decodeURIComponent(location.hash).includes(part), text);

async function openDataset(page, name = 'set.json') {
  await page.getByRole('button', { name: 'Open a dataset' }).click();
  await page.getByLabel('Annotation file (JSON)').setInputFiles({
    name,
    mimeType: 'application/json',
    buffer: Buffer.from(FIXTURES['/tiny.json']),
  });
  await page.getByRole('button', { name: 'Open', exact: true }).click();
  await page.getByRole('heading', { name }).waitFor();
}

test('back and forward go through samples, a photo and a dataset', async () => {
  const { page, errors, close } = await openPage(browser, server.address);
  await addressed(page, 'image=');
  const first = await page.evaluate(() => document.querySelector('mask-viewer').snapshot.image);
  await page.locator('#thumbnails [role=option]').nth(1).click();
  await until(page, `snapshot.image !== '${first}' && snapshot.shown.length > 0`);
  const second = await page.evaluate(() => document.querySelector('mask-viewer').snapshot.image);
  await addressed(page, `image=${second}`);
  await photo(page, 'mine.bmp');
  await addressed(page, 'photo=mine.bmp');
  await openDataset(page);
  await addressed(page, 'set=set.json&image=t');

  await page.goBack();
  await until(page, "snapshot.image === 'mine.bmp'");
  await page.goBack();
  await until(page, `snapshot.image === '${second}' && snapshot.shown.length > 0`);
  await page.getByRole('heading', { name: 'Sample images' }).waitFor();
  await page.goBack();
  await until(page, `snapshot.image === '${first}' && snapshot.shown.length > 0`);
  await addressed(page, `image=${first}`);
  for (const [name, text] of [
    [second, `image=${second}`],
    ['mine.bmp', 'photo=mine.bmp'],
    ['t', 'set=set.json&image=t'],
  ]) {
    await page.goForward();
    await until(page, `snapshot.image === '${name}'`);
    await addressed(page, text);
  }
  await page.getByRole('heading', { name: 'set.json' }).waitFor();
  assert.deepEqual(errors, []);
  await close();
});

test('a photo that cannot be opened leaves the strip and the address with the image shown', async () => {
  const { page, close } = await openPage(browser, server.address);
  await addressed(page, 'image=');
  const first = await page.evaluate(() => document.querySelector('mask-viewer').snapshot.image);
  const images = page.locator('#thumbnails [role=option]');
  await page.route('**/samples/images/*', () => {});
  await images.nth(2).click();
  await page.locator('#thumbnails [role=option]:nth-child(3)[aria-selected=true]').waitFor();
  await bring(page, [{ name: 'broken.png', type: 'image/png', content: '\0\0\0' }]);
  await page.getByText(/The image before stays open/).waitFor();
  await page.locator('#thumbnails [role=option]:nth-child(1)[aria-selected=true]').waitFor();
  await addressed(page, `image=${first}`);
  await close();
});

test('links lead back to the samples, the dataset and the photo', async () => {
  const { page, errors, close } = await openPage(browser, server.address);
  const links = page.getByRole('navigation', { name: 'What is open' });
  assert.equal(await links.isVisible(), false);
  await addressed(page, 'image=');
  const first = await page.evaluate(() => document.querySelector('mask-viewer').snapshot.image);
  await openDataset(page);
  await until(page, "snapshot.image === 't'");
  await photo(page, 'mine.bmp');
  await until(page, "snapshot.image === 'mine.bmp'");
  await links.getByRole('link', { name: 'Sample images' }).click();
  await until(page, `snapshot.image === '${first}' && snapshot.shown.length > 0`);
  await links.getByRole('link', { name: 'set.json' }).click();
  await until(page, "snapshot.image === 't' && snapshot.shown.length === 1");
  assert.equal(await links.locator('[aria-current]').innerText(), 'set.json');
  await links.getByRole('link', { name: 'Photo mine.bmp' }).click();
  await until(page, "snapshot.image === 'mine.bmp'");
  assert.deepEqual(errors, []);
  await close();
});

test('an address of an image that is not here says so and what to do, and is kept', async () => {
  for (const [hash, words, button] of [
    ['photo=mine.bmp', /The photo mine\.bmp is not here/, 'Open a photo'],
    [
      'set=set.json&image=t',
      /t belongs to the dataset set\.json, which is not open/,
      'Open a dataset',
    ],
    ['set=set.json', /^The dataset set\.json is not open\. Open its/, 'Open a dataset'],
    ['image=nowhere', /There is no image nowhere in Sample images/, 'Open a dataset'],
  ]) {
    const { page, errors, close } = await openPage(browser, `${server.address}#${hash}`);
    const message = page.locator('.message');
    await message.getByText(words).waitFor();
    await message.getByRole('button', { name: button }).waitFor();
    await page.waitForTimeout(500);
    assert.equal(await page.evaluate(() => location.hash), `#${hash}`);
    assert.deepEqual(errors, []);
    await close();
  }
});

test('a dataset opens at the image that the address named before', async () => {
  const { page, errors, close } = await openPage(browser, `${server.address}#set=set.json&image=t`);
  await page.locator('.message').getByRole('button', { name: 'Open a dataset' }).click();
  await page.getByLabel('Annotation file (JSON)').setInputFiles({
    name: 'set.json',
    mimeType: 'application/json',
    buffer: Buffer.from(
      JSON.stringify({
        images: ['other', 't'].map((id) => ({ id, file_name: `${id}.bmp`, width: 8, height: 6 })),
        categories: [],
        annotations: [],
      }),
    ),
  });
  await page.getByRole('button', { name: 'Open', exact: true }).click();
  await until(page, "snapshot.image === 't'");
  assert.equal(await page.locator('.message').isVisible(), false);
  assert.deepEqual(errors, []);
  await close();
});
