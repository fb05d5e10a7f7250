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
  const { page, errors, close } = await newPage(browser);
  await withPickers(page);
  await page.goto(server.address);
  await until(page, 'snapshot.shown.length > 0');
  await openByHandles(page);
  await page.goto(server.address);
  await until(page, 'snapshot.shown.length > 0');
  const again = page.getByRole('button', { name: 'Open set.json again' });
  await again.waitFor();
  assert.equal(await page.evaluate(() => globalThis.asked), 0, 'nobody is asked before the click');
  await page.evaluate(() => {
    globalThis.refuses = true;
  });
  await again.click();
  await page.getByText(/set\.json may not be read/).waitFor();
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
  const { page, errors, close } = await newPage(browser);
  await withPickers(page);
  await page.goto(server.address);
  await until(page, 'snapshot.shown.length > 0');
  await openByHandles(page);
  await page.waitForFunction(() => location.hash.includes('set=set.json'));
  await page.reload();
  await page.locator('.message').getByRole('button', { name: 'Open set.json again' }).click();
  await until(page, "snapshot.image === 't' && snapshot.shown.length === 1");
  assert.deepEqual(errors, []);
  await close();
});

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
  await page.goto(server.address);
  await until(page, 'snapshot.shown.length > 0');
  await page.waitForTimeout(300);
  assert.equal(await page.getByRole('button', { name: /again/ }).count(), 0);
  assert.deepEqual(errors, []);
  await close();
});
