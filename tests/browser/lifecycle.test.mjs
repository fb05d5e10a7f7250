/**
 * @file A viewer's life in a page: moved, its renderer changed while it loads, its GPU failing,
 * its attributes changed and taken away, and what it keeps for the next visit.
 */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import {
  FIXTURES,
  annotationFile,
  annotationRecord,
  elementPage,
  imageRecord,
} from './fixtures.mjs';
import {
  drawByWebGpu,
  failDevices,
  keepDevices,
  keepErrors,
  newPage,
  startSite,
  until,
} from './support.mjs';

/**
 * An annotation file of images at these paths, each with a mask called after it but for those in
 * `bare/`.
 */
const annotationsOf = (...files) =>
  annotationFile(
    files.map((file) => imageRecord(file, file)),
    files
      .filter((file) => !file.startsWith('bare/'))
      .map((file) => annotationRecord(`of ${file}`, file)),
  );

const { server, browser } = await startSite({
  ...FIXTURES,
  '/empty.html': elementPage('<mask-viewer controls></mask-viewer>'),
  '/folders.html': elementPage(
    '<mask-viewer src="val/1.bmp" annotations="folders.json" controls></mask-viewer>',
  ),
  '/others.json': annotationsOf('2.bmp'),
  '/folders.json': annotationsOf(
    'train/1.bmp',
    'val/1.bmp',
    'val/2.bmp',
    'bare/1.bmp',
    ...Array.from({ length: 600 }, (_, n) => `many/${n}/1.bmp`),
  ),
  ...Object.fromEntries(
    ['train/1', 'val/1', 'val/2', 'val/3', 'bare/1', 'many/590/1', 'other/1'].map((name) => [
      `/${name}.bmp`,
      FIXTURES['/tiny.bmp'],
    ]),
  ),
});

/** A page that notes the viewer's errors. */
async function open(path, condition) {
  const opened = await newPage(browser);
  await keepDevices(opened.page);
  const reported = await keepErrors(opened.page);
  await opened.page.goto(server.address + path);
  await until(opened.page, condition);
  return {
    ...opened,
    reported,
    kind: (kind) =>
      opened.page.waitForFunction(
        (wanted) => document.querySelector('mask-viewer').status.renderer?.kind === wanted,
        kind,
      ),
  };
}

test('of images with one name in several folders, the longest matching path wins', async () => {
  const { page, reported, close } = await open('folders.html', 'snapshot.shown.length > 0');
  const shown = () =>
    page.evaluate(() => document.querySelector('mask-viewer').snapshot?.shown[0]?.id);
  assert.equal(await shown(), 'of val/1.bmp');
  await page.evaluate(() =>
    document.querySelector('mask-viewer')?.setAttribute('src', 'train/1.bmp'),
  );
  await until(page, "snapshot.shown[0]?.id === 'of train/1.bmp'");
  await page.evaluate(() =>
    document.querySelector('mask-viewer')?.setAttribute('src', 'many/590/1.bmp'),
  );
  await until(page, "snapshot.shown[0]?.id === 'of many/590/1.bmp'");
  await page.evaluate(() =>
    document.querySelector('mask-viewer')?.setAttribute('src', 'bare/1.bmp'),
  );
  await until(page, "snapshot.image === 'bare/1.bmp' && snapshot.shown.length === 0");
  await page.waitForTimeout(300);
  assert.equal(await shown(), undefined, 'an image without masks shows no other image’s');
  assert.deepEqual(await reported(), []);
  await page.evaluate(() =>
    document.querySelector('mask-viewer')?.setAttribute('src', 'other/1.bmp'),
  );
  await page
    .locator('mask-viewer')
    .getByText('have no image called 1.bmp, or several')
    .first()
    .waitFor();
  await page.evaluate(() =>
    document.querySelector('mask-viewer')?.setAttribute('src', 'val/3.bmp'),
  );
  await page.locator('mask-viewer').getByText('have no image called 3.bmp').first().waitFor();
  await close();
});

test('removing the annotations attribute removes the masks', async () => {
  const { page, reported, close } = await open('folders.html', 'snapshot.shown.length > 0');
  await page.evaluate(() => document.querySelector('mask-viewer')?.removeAttribute('annotations'));
  await until(page, 'snapshot.image && snapshot.shown.length === 0');
  assert.deepEqual(await reported(), []);
  await page.evaluate(() =>
    document.querySelector('mask-viewer')?.setAttribute('annotations', 'folders.json'),
  );
  await until(page, 'snapshot.shown.length > 0');
  await close();
});

test('annotations on an unreachable server are reported with their address', async () => {
  const { page, close } = await open('folders.html', 'snapshot.shown.length > 0');
  await page.route('**/gone.json', (route) => route.abort());
  await page.evaluate(() =>
    document.querySelector('mask-viewer')?.setAttribute('annotations', 'gone.json'),
  );
  await page
    .locator('mask-viewer')
    .getByText(/gone\.json could not be fetched. Check the address/)
    .first()
    .waitFor();
  await close();
});

test('a renderer changed while an image loads shows that image with its masks', async () => {
  const { page, reported, errors, close, kind } = await open(
    'folders.html',
    'snapshot.shown.length > 0',
  );
  await drawByWebGpu(page);
  let release = () => {};
  const held = new Promise((resolve) => {
    release = () => resolve(undefined);
  });
  await page.route('**/val/2.bmp', async (route) => {
    await held;
    await route.continue();
  });
  await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    viewer.src = 'val/2.bmp';
    setTimeout(() => viewer.configure({ renderer: 'cpu' }), 50);
  });
  await kind('cpu');
  release();
  await until(page, "snapshot.image === 'val/2.bmp' && snapshot.shown[0]?.id === 'of val/2.bmp'");
  assert.deepEqual(await reported(), []);
  assert.deepEqual(errors, []);
  await close();
});

test('a viewer moved or filled outside the document shows the opened image', async () => {
  const { page, errors, close } = await open('folders.html', 'snapshot.shown.length > 0');
  await page.evaluate(async () => {
    const viewer = document.createElement('mask-viewer');
    document.querySelector('mask-viewer')?.remove();
    const image = await (await fetch('tiny.bmp')).blob();
    await viewer.openImage(image, { key: 'mine' });
    viewer.showMasks([
      { id: 'm', title: 'Mine', qid: null, mask: { size: [6, 8], boundaries: [6, 18] } },
    ]);
    document.body.append(viewer);
  });
  await until(page, "snapshot.image === 'mine' && snapshot.shown[0]?.id === 'm'");
  await page.evaluate(() => {
    const [viewer, section] = [
      document.querySelector('mask-viewer'),
      document.createElement('section'),
    ];
    document.body.append(section);
    if (viewer) section.append(viewer);
  });
  await until(page, "snapshot.image === 'mine' && snapshot.shown[0]?.id === 'm'");
  assert.deepEqual(errors, []);
  await close();
});

test('a moved viewer keeps the program’s image until an attribute changes', async () => {
  const { page, errors, reported, close } = await open('folders.html', 'snapshot.shown.length > 0');
  /**
   * Takes the viewer away, changes its tag, and puts it elsewhere.
   */
  const move = (changes = {}) =>
    page.evaluate((attributes) => {
      const [viewer, section] = [
        document.querySelector('mask-viewer'),
        document.createElement('section'),
      ];
      viewer.remove();
      for (const [name, value] of Object.entries(attributes)) viewer.setAttribute(name, value);
      document.body.append(section);
      section.append(viewer);
      return new Promise((resolve) => {
        viewer.addEventListener('ready', resolve, { once: true });
      });
    }, changes);
  await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    viewer.showMasks([
      { id: 'm', title: 'Mine', qid: null, mask: { size: [6, 8], boundaries: [6, 18] } },
    ]);
  });
  await move();
  await until(page, "snapshot.image === 'val/1.bmp' && snapshot.shown[0]?.id === 'm'");
  await page.evaluate(async () => {
    const viewer = document.querySelector('mask-viewer');
    await viewer.openImage(await (await fetch('tiny.bmp')).blob(), { key: 'mine' });
  });
  await move();
  await until(page, "snapshot.image === 'mine' && snapshot.shown.length === 0");
  await move({ src: 'val/2.bmp' });
  await until(page, "snapshot.image === 'val/2.bmp' && snapshot.shown[0]?.id === 'of val/2.bmp'");
  await move({ annotations: 'others.json' });
  await until(page, "snapshot.image === 'val/2.bmp' && snapshot.shown[0]?.id === 'of 2.bmp'");
  assert.deepEqual(await reported(), []);
  assert.deepEqual(errors, []);
  await close();
});

test('elements under a notice cannot be focused', async () => {
  const { page, close } = await open('empty.html', 'true');
  const inert = () =>
    page.evaluate(() =>
      ['stage', 'zoom'].map(
        (part) =>
          (document.querySelector('mask-viewer')?.shadowRoot?.querySelector(`[part~=${part}]`))
            .inert,
      ),
    );
  assert.deepEqual(await inert(), [true, true]);
  await page.evaluate(() => document.querySelector('mask-viewer').openImage('tiny.bmp'));
  await until(page, 'snapshot.image');
  assert.deepEqual(await inert(), [false, false]);
  await page.evaluate(() =>
    document.querySelector('mask-viewer').openImage(new Blob(['no image'])),
  );
  assert.deepEqual(await inert(), [true, true]);
  await close();
});

test('a failing GPU makes the CPU draw without changing the setting', async () => {
  const { page, close } = await open('folders.html', 'snapshot.shown.length > 0');
  await drawByWebGpu(page);
  await failDevices(page);
  await page.evaluate(() =>
    document.querySelector('mask-viewer')?.setAttribute('src', 'val/2.bmp'),
  );
  // The next frame that is drawn notices.
  await until(
    page,
    '((viewer) => (viewer.zoomBy(0.9), viewer.zoomBy(1.1), viewer.status.renderer?.kind === "cpu"))' +
      '(document.querySelector("mask-viewer"))',
  );
  await until(page, "snapshot.image === 'val/2.bmp' && snapshot.shown[0]?.id === 'of val/2.bmp'");
  const found = await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    return [viewer.settings.renderer, viewer.status.renderer?.note];
  });
  assert.deepEqual(found, ['webgpu', 'the GPU failed']);
  await close();
});

test('models of an earlier version are removed from the cache, those of another list stay', async () => {
  const { page, close } = await open('folders.html', 'snapshot.shown.length > 0');
  const kept = async () =>
    (
      await page.evaluate(async () =>
        (await (await caches.open('masklink-models')).keys()).map(({ url }) => url),
      )
    )
      .map((url) => /cache\/(....)/.exec(url)?.[1])
      .filter((start) => start)
      .sort();
  await page.evaluate(async () => {
    const cache = await caches.open('masklink-models');
    for (const digit of ['0', '1'])
      await cache.put(`/masklink-model-cache/${digit.repeat(64)}/whole`, new Response('weights'));
    await cache.put('models/models.json', new Response(JSON.stringify({ sha256: '0'.repeat(64) })));
    await cache.put('other/models.json', new Response(JSON.stringify({ sha256: '1'.repeat(64) })));
    document.querySelector('mask-viewer').clickAt(4, 3, { add: true });
  });
  await until(
    page,
    '!snapshot.segmenting && (snapshot.candidates.length > 0 || snapshot.segmentFailure)',
  );
  const { models } = JSON.parse(await readFile('www/models/models.json', 'utf8'));
  const now = [models[0].encoder.sha256, models[0].decoder.sha256].map((hash) => hash.slice(0, 4));
  assert.deepEqual(
    (await kept()).filter((start) => ['0000', '1111', ...now].includes(start ?? '')),
    ['1111', ...now].sort(),
  );
  await close();
});
