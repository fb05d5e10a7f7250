/**
 * @file The strip of images, the address that names one of them, and what comes while they load.
 */

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { FIXTURES, PHOTO } from './fixtures.mjs';
import {
  bring,
  newPage,
  openPage,
  PATIENCE,
  serve,
  startSite,
  until,
  withoutIndex,
} from './support.mjs';

const { server, browser } = await startSite(FIXTURES);

const thumbnails = (page) =>
  page.getByRole('listbox', { name: 'Sample images' }).getByRole('option');
const range = (page) => page.locator('#pager span').innerText();
const viewOf = (page) => page.evaluate(() => document.querySelector('mask-viewer').view);

/** The page while its samples are still on their way; `release` lets them come. */
async function openBeforeSamples() {
  const opened = await newPage(browser);
  let release = () => {};
  const held = new Promise((resolve) => {
    release = () => resolve(undefined);
  });
  await opened.page.route('**/samples/list.json', async (route) => {
    await held;
    await route.continue();
  });
  await opened.page.goto(server.address);
  await opened.page.waitForFunction(() =>
    document.querySelector('mask-viewer')?.matches(':defined'),
  );
  return { ...opened, release };
}

test('an address of an image on a later page turns the strip to it, and the strip still works', async () => {
  const { page, errors, close } = await openPage(browser, `${server.address}#image=world_091`);
  await until(page, "snapshot.image === 'world_091'");
  assert.match(await range(page), /^25 to /);
  assert.equal(
    await page.locator('.thumbnail[aria-selected=true] img[src]').getAttribute('src'),
    'samples/thumbnails/world_091.jpg',
  );
  await thumbnails(page).first().click();
  await until(page, "snapshot.image !== 'world_091' && snapshot.shown.length > 0");
  await page.getByRole('button', { name: 'Earlier images' }).click();
  await page.getByText('1 to 24 of').waitFor();
  await thumbnails(page).first().click();
  await until(page, "snapshot.image === 'world_065' && snapshot.shown.length > 0");
  assert.deepEqual(errors, []);
  await close();
});

test('an address of an unknown image opens the first one, and the strip works', async () => {
  const { page, errors, close } = await openPage(browser, `${server.address}#image=nowhere`);
  await until(page, "snapshot.image === 'world_065'");
  assert.match(await range(page), /^1 to 24/);
  await thumbnails(page).nth(1).click();
  await until(page, "snapshot.image === 'world_010' && snapshot.shown.length > 0");
  assert.deepEqual(errors, []);
  await close();
});

test('an address pasted into the open page is followed, and the skip link keeps it', async () => {
  const { page, errors, close } = await openPage(browser, server.address);
  await page.evaluate(() => {
    location.hash = '#image=world_091&view=200,150,2';
  });
  await until(page, "snapshot.image === 'world_091' && snapshot.shown.length > 0");
  await page.waitForFunction(() => document.querySelector('mask-viewer').view?.scale === 2);
  const view = await viewOf(page);
  assert.ok(view && Math.abs(view.x - 200) < 1 && Math.abs(view.y - 150) < 1, JSON.stringify(view));
  await page.getByRole('link', { name: 'Skip to the image' }).focus();
  await page.keyboard.press('Enter');
  assert.ok(
    await page.getByRole('application').evaluate((node) => node.matches(':focus')),
    'the image has the focus',
  );
  await page.waitForFunction(() => location.hash.startsWith('#image=world_091&view='));
  await page.keyboard.press('0');
  await page.waitForFunction(() => !location.hash.includes('view='));
  assert.equal(await viewOf(page), null);
  assert.deepEqual(errors, []);
  await close();
});

test('the next image is shown whole after zooming', async () => {
  const { page, errors, close } = await openPage(browser, server.address);
  await until(page, "snapshot.image === 'world_065' && snapshot.shown.length > 0");
  await page.evaluate(() => {
    document.querySelector('mask-viewer').view = {
      x: 100,
      y: 100,
      scale: 3,
    };
  });
  assert.notEqual(await viewOf(page), null);
  await thumbnails(page).nth(1).click();
  await until(page, "snapshot.image === 'world_010' && snapshot.shown.length > 0");
  assert.equal(await viewOf(page), null);
  // Limits of zoom hold for addresses too.
  await page.evaluate(() => {
    location.hash = '#image=world_010&view=480,320,9999';
  });
  await page.waitForFunction(() => (document.querySelector('mask-viewer').view?.scale ?? 0) > 1);
  const view = await viewOf(page);
  assert.ok(view && view.scale <= 64, JSON.stringify(view));
  assert.deepEqual(errors, []);
  await close();
});

test('paging by keyboard keeps the focus on a pager button', async () => {
  const { page, errors, close } = await openPage(browser, server.address);
  const [earlier, later] = [
    page.getByRole('button', { name: 'Earlier images' }),
    page.getByRole('button', { name: 'Later images' }),
  ];
  await page.evaluate(() => {
    globalThis.words = document.querySelector('#pager span');
  });
  await later.focus();
  for (let first = 25; !(await later.isDisabled()); first += 24) {
    assert.ok(
      await later.evaluate((node) => node.matches(':focus')),
      `the button has the focus before image ${first}`,
    );
    await page.keyboard.press('Enter');
    await page.getByText(`${first} to`).waitFor();
  }
  // At the last page the button that led there can do no more.
  assert.ok(
    await earlier.evaluate((node) => node.matches(':focus')),
    'the other button has the focus',
  );
  assert.ok(
    await page.evaluate(() => globalThis.words.isConnected),
    'the words that are read aloud are the same element',
  );
  while (!(await earlier.isDisabled())) {
    const before = await range(page);
    await page.keyboard.press('Enter');
    await page.waitForFunction(
      (words) => document.querySelector('#pager span')?.textContent !== words,
      before,
    );
  }
  assert.match(await range(page), /^1 to 24 of/);
  assert.ok(await later.evaluate((node) => node.matches(':focus')));
  assert.deepEqual(errors, []);
  await close();
});

test('a photo dropped while the samples load stays open', async () => {
  const { page, errors, close, release } = await openBeforeSamples();
  await bring(page, [PHOTO]);
  await until(page, "snapshot.image === 'mine.bmp'");
  release();
  await thumbnails(page).first().waitFor({ timeout: PATIENCE });
  await page.waitForTimeout(1000);
  const image = await page.evaluate(() => document.querySelector('mask-viewer').snapshot?.image);
  assert.equal(image, 'mine.bmp');
  assert.equal(await page.locator('.thumbnail[aria-selected=true]').count(), 0);
  assert.deepEqual(errors, []);
  await close();
});

test('a dataset opened while the samples load stays open', async () => {
  const { page, errors, close, release } = await openBeforeSamples();
  await page.getByRole('button', { name: 'Open a dataset' }).click();
  await page.getByLabel('Annotation file (JSON)').setInputFiles({
    name: 'mine.json',
    mimeType: 'application/json',
    buffer: Buffer.from(FIXTURES['/tiny.json']),
  });
  await page.getByLabel('Or address prefix').fill(server.address);
  await page.getByRole('button', { name: 'Open', exact: true }).click();
  await until(page, "snapshot.image === 't' && snapshot.shown.length === 1");
  release();
  await page.waitForTimeout(3000);
  assert.equal(await page.locator('#strip-title').innerText(), 'mine.json');
  await until(page, "snapshot.image === 't' && snapshot.shown.length === 1");
  assert.deepEqual(errors, []);
  await close();
});

test('a photo is listed when it opens, the samples’ note is not under it, and nothing moves', async () => {
  const { page, errors, close } = await openPage(browser, server.address, {
    viewport: { width: 1440, height: 900 },
  });
  const height = () => page.locator('mask-viewer').evaluate((node) => node.offsetHeight);
  const whole = await height();
  const note = page.locator('#strip-note');
  assert.match(await note.innerText(), /^Rendered for this project/);
  await bring(page, [PHOTO]);
  await until(page, "snapshot.image === 'mine.bmp'");
  const link = page.getByRole('link', { name: 'Photo mine.bmp' });
  await link.waitFor();
  assert.equal(await link.getAttribute('aria-current'), 'true');
  assert.equal(await note.innerText(), '');
  assert.equal(await height(), whole);
  await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    viewer.tool = 'brush';
    viewer.clickAt(3, 3);
  });
  await until(page, 'snapshot.kept.length === 1');
  assert.equal(await height(), whole);
  await thumbnails(page).first().click();
  await until(page, 'snapshot.shown.length > 0');
  assert.match(await note.innerText(), /^Rendered for this project/);
  assert.equal(await height(), whole);
  await link.click();
  await until(page, "snapshot.image === 'mine.bmp'");
  assert.equal(await note.innerText(), '');
  assert.deepEqual(errors, []);
  await close();
});

test('cached answers are loaded only for an image whose endpoint and index fail', async () => {
  const { page, errors, close } = await newPage(browser);
  const asked = [];
  page.on('request', (request) => asked.push(new URL(request.url()).pathname));
  const cached = () => asked.filter((path) => path.startsWith('/samples/cached/'));
  await withoutIndex(page);
  await page.goto(server.address);
  await until(page, 'snapshot.shown.length > 0');
  await thumbnails(page).nth(1).click();
  await until(page, "snapshot.image === 'world_010' && snapshot.shown.length > 0");
  await page.waitForLoadState('networkidle');
  assert.deepEqual(cached(), []);
  await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    viewer.configure({ endpoint: null });
    viewer.selectMask(0);
    viewer.askLink();
  });
  await until(page, "snapshot.linking.phase === 'answered'");
  assert.deepEqual(cached(), ['/samples/cached/world_010.json']);
  assert.match(await page.locator('.banner').innerText(), /This is a stored answer/);
  assert.deepEqual(
    errors.filter((text) => !/index\.json/.test(text)),
    [],
  );
  await close();
});

test('thumbnails are loaded after the first view', async () => {
  const { page, close } = await newPage(browser);
  const asked = [];
  page.on('request', (request) => asked.push(new URL(request.url()).pathname));
  let release = () => {};
  const held = new Promise((resolve) => {
    release = () => resolve(undefined);
  });
  await page.route('**/samples/images/world_065.jpg', async (route) => {
    await held;
    await route.continue();
  });
  await page.goto(server.address);
  await thumbnails(page).first().waitFor({ timeout: PATIENCE });
  await page.waitForTimeout(500);
  const names = asked.map((path) => path.replace(/-[A-Z0-9]{8}\./, '.'));
  assert.deepEqual([...new Set(names)].toSorted(), [
    '/',
    ...['/assets/chunk.js', '/assets/main.js', '/assets/page.css', '/assets/viewer_bg.wasm'],
    ...['/endpoint.json', '/icon.svg', '/samples/images/world_065.jpg', '/samples/list.json'],
    '/samples/records/world_065.json',
  ]);
  release();
  await until(page, 'snapshot.shown.length > 0');
  await page.waitForFunction(
    () => document.querySelector('.thumbnail img')?.getAttribute('src'),
    null,
    { timeout: PATIENCE },
  );
  await close();
});

test('a host that sends HTML for missing files does not break the page', async (t) => {
  const html = '<!doctype html><title>not found</title>';
  const host = await serve({
    '/samples/cached/world_065.json': html,
    '/models/models.json': html,
    '/endpoint.json': html,
  });
  t.after(host.close);
  const { page, errors, close } = await openPage(browser, host.address);
  await thumbnails(page).nth(1).click();
  await until(page, "snapshot.image === 'world_010' && snapshot.shown.length > 0");
  assert.deepEqual(errors, []);
  await close();
});
