/** @file A dataset of this computer, offered again on the next visit by the handles of its files. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FIXTURES } from './fixtures.mjs';
import { newPage, openPage, startSite, until } from './support.mjs';

const { server, browser } = await startSite(FIXTURES);
const FILES = {
  json: FIXTURES['/tiny.json'],
  image: FIXTURES['/tiny.bmp'].toString('base64'),
};

/**
 * Has the pickers return files of the browser's private file system, whose handles are like those of
 * a disk, and counts the questions for a permission.
 */
function withPickers(page) {
  return page.addInitScript((files) => {
    const written = async (folder, name, content) => {
      const handle = await folder.getFileHandle(name, { create: true });
      const stream = await handle.createWritable();
      await stream.write(content);
      await stream.close();
      return handle;
    };
    globalThis.showOpenFilePicker = async () => {
      const root = await navigator.storage.getDirectory();
      return [await written(root, 'set.json', files.json)];
    };
    globalThis.showDirectoryPicker = async () => {
      const root = await navigator.storage.getDirectory();
      const folder = await root.getDirectoryHandle('images', { create: true });
      const below = await folder.getDirectoryHandle('04', { create: true });
      await written(
        below,
        'tiny.bmp',
        Uint8Array.from(atob(files.image), (c) => c.charCodeAt(0)),
      );
      return folder;
    };
    globalThis.asked = 0;
    FileSystemHandle.prototype.queryPermission = async () => 'prompt';
    FileSystemHandle.prototype.requestPermission = async () => {
      globalThis.asked += 1;
      return globalThis.refuses ? 'denied' : 'granted';
    };
  }, FILES);
}

/** Opens the page, whose pickers return files. */
async function withSamples() {
  const opened = await newPage(browser);
  await withPickers(opened.page);
  await visit(opened.page);
  return opened;
}

async function visit(page) {
  await page.goto(server.address);
  await until(page, 'snapshot.shown.length > 0');
}

/** Opens the page anew after a visit that opened the dataset. */
async function afterVisit() {
  const opened = await withSamples();
  await openByHandles(opened.page);
  await visit(opened.page);
  const again = opened.page.getByRole('button', { name: 'Open set.json again' });
  await again.waitFor();
  return { ...opened, again };
}

async function openByHandles(page) {
  await page.getByRole('button', { name: 'Open a dataset' }).click();
  await page.getByLabel('Annotation file (JSON)').click();
  await page.waitForFunction(() => document.querySelector('[name=annotations]').files.length === 1);
  await page.getByLabel('Folder on this computer').click();
  await page.getByText(/among 1 file of the folder images/).waitFor();
  await page.getByRole('button', { name: 'Open', exact: true }).click();
  await page.getByText('1 of 1 image found here.').waitFor();
  await until(page, "snapshot.image === 't' && snapshot.shown.length === 1");
}

test('a dataset is offered again after a reload, and opens by a click with its images', async () => {
  const { page, errors, close, again } = await afterVisit();
  assert.equal(await page.evaluate(() => globalThis.asked), 0, 'nobody is asked before the click');
  await page.evaluate(() => {
    globalThis.refuses = true;
  });
  await again.click();
  await page.getByText(/not allowed to read set\.json/).waitFor();
  await page.evaluate(() => {
    globalThis.refuses = false;
  });
  await again.click();
  await page.getByText('1 of 1 image found here.').waitFor();
  await until(page, "snapshot.image === 't' && snapshot.shown.length === 1");
  assert.ok(await page.evaluate(() => Boolean(document.querySelector('mask-viewer').bitmap)));
  assert.equal(await again.isVisible(), false, 'it is open');
  assert.deepEqual(errors, []);
  await close();
});

test('an address of the dataset offers to open it again, at its image', async () => {
  const { page, errors, close } = await withSamples();
  await openByHandles(page);
  await page.waitForFunction(() => location.hash.includes('set=set.json'));
  await page.reload();
  await page.locator('.message').getByRole('button', { name: 'Open set.json again' }).click();
  await until(page, "snapshot.image === 't' && snapshot.shown.length === 1");
  assert.deepEqual(errors, []);
  await close();
});

/** Makes the listing of a folder wait until the page's `release` is called. */
function holdListing(page) {
  return page.evaluate(() => {
    const { values } = FileSystemDirectoryHandle.prototype;
    const released = new Promise((resolve) => {
      globalThis.release = resolve;
    });
    FileSystemDirectoryHandle.prototype.values = async function* () {
      await released;
      yield* values.call(this);
    };
  });
}

test('a folder is opened only once it is listed, and not by a dialog that is opened later', async () => {
  const { page, errors, close } = await withSamples();
  await holdListing(page);
  const open = page.getByRole('button', { name: 'Open', exact: true });
  await page.getByRole('button', { name: 'Open a dataset' }).click();
  await page.getByLabel('Annotation file (JSON)').click();
  await page.waitForFunction(() => document.querySelector('[name=annotations]').files.length === 1);
  await page.getByLabel('Folder on this computer').click();
  await page.getByText('Listing the folder images').waitFor();
  assert.equal(await open.isDisabled(), true);
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Open a dataset' }).click();
  assert.equal(await open.isDisabled(), false);
  await page.evaluate(() => globalThis.release());
  await page.waitForTimeout(300);
  assert.equal(await page.locator('#dataset-words').isVisible(), false);
  await open.click();
  await until(page, "snapshot.image === 't'");
  assert.equal(await page.getByText(/found here/).count(), 0, 'no folder was chosen');
  const hasImage = await page.evaluate(() => Boolean(document.querySelector('mask-viewer').bitmap));
  assert.equal(hasImage, false, 'an empty frame');
  assert.deepEqual(errors, []);
  await close();
});

/** Makes reading the annotation file by its handle wait until the page's `release` is called. */
function holdFile(page) {
  return page.evaluate(() => {
    const { getFile } = FileSystemFileHandle.prototype;
    const released = new Promise((resolve) => {
      globalThis.release = resolve;
    });
    FileSystemFileHandle.prototype.getFile = async function () {
      await released;
      return await getFile.call(this);
    };
  });
}

test('an image chosen while the dataset is read again stays open', async () => {
  const { page, errors, close, again } = await afterVisit();
  await holdFile(page);
  await again.click();
  await page.getByText('Reading set.json').waitFor({ state: 'attached' });
  const before = await page.evaluate(() => document.querySelector('mask-viewer').snapshot.image);
  await page.locator('#thumbnails [role=option]').nth(1).click();
  await until(page, `snapshot.image !== '${before}' && snapshot.shown.length > 0`);
  await page.evaluate(() => globalThis.release());
  await page.getByText('Reading set.json').waitFor({ state: 'detached' });
  await page.waitForTimeout(500);
  assert.equal(await page.getByRole('heading', { name: 'Sample images' }).isVisible(), true);
  await again.click();
  await until(page, "snapshot.image === 't' && snapshot.shown.length === 1");
  assert.deepEqual(errors, []);
  await close();
});

/** Returns the number of datasets that the browser remembers. */
function countRemembered(page) {
  return page.evaluate(
    () =>
      new Promise((resolve, reject) => {
        const request = indexedDB.open('masklink-datasets', 1);
        request.onerror = () => reject(request.error);
        request.onupgradeneeded = () => request.result.createObjectStore('datasets');
        request.onsuccess = () => {
          const counting = request.result.transaction('datasets').objectStore('datasets').count();
          counting.onsuccess = () => {
            request.result.close();
            resolve(counting.result);
          };
        };
      }),
  );
}

test('without handles nothing is offered', async () => {
  const { page, errors, close } = await openPage(browser, server.address);
  await page.getByRole('button', { name: 'Open a dataset' }).click();
  await page.getByLabel('Annotation file (JSON)').setInputFiles({
    name: 'set.json',
    mimeType: 'application/json',
    buffer: Buffer.from(FIXTURES['/tiny.json']),
  });
  await page.getByRole('button', { name: 'Open', exact: true }).click();
  await until(page, "snapshot.image === 't'");
  await visit(page);
  assert.equal(await countRemembered(page), 0);
  assert.equal(await page.getByRole('button', { name: /again/ }).count(), 0);
  assert.deepEqual(errors, []);
  await close();
});
