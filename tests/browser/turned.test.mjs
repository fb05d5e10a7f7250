/**
 * @file Masks of images that their EXIF data turns for display: images of all eight orientations.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { counted, options, recordOpen } from './explorer_steps.mjs';
import { elementPage } from './fixtures.mjs';
import { bring, newPage, startSite, until } from './support.mjs';

/** Size of the image as stored, and a block in it: left, top, width, height. */
const [WIDTH, HEIGHT] = [96, 64];
const BLOCK = [16, 8, 48, 16];

/** The lengths of the runs of a block, column by column. */
function countsOf([left, top, width, height]) {
  const columns = Array(width)
    .fill([height, HEIGHT - height])
    .flat();
  return [
    left * HEIGHT + top,
    ...columns.slice(0, -1),
    (WIDTH - left - width) * HEIGHT + HEIGHT - top - height,
  ];
}

const ANNOTATIONS = JSON.stringify({
  images: [{ id: 1, file_name: 'turned.jpg', width: WIDTH, height: HEIGHT }],
  categories: [{ id: 1, name: 'block' }],
  annotations: [
    {
      id: 1,
      image_id: 1,
      category_id: 1,
      segmentation: { size: [HEIGHT, WIDTH], counts: countsOf(BLOCK) },
    },
  ],
});

const { server, browser } = await startSite({
  '/turned.html': elementPage('<mask-viewer annotations="turned.json" controls></mask-viewer>'),
  '/turned.json': ANNOTATIONS,
});

/** A JPEG with a red block, whose EXIF data states an orientation. */
async function jpeg(page, orientation) {
  const plain = await page.evaluate(
    async ([width, height, block]) => {
      const canvas = new OffscreenCanvas(width, height);
      const context = canvas.getContext('2d');
      context.fillStyle = '#fff';
      context.fillRect(0, 0, width, height);
      context.fillStyle = '#f00';
      context.fillRect(...block);
      const blob = await canvas.convertToBlob({ type: 'image/jpeg', quality: 1 });
      return [...new Uint8Array(await blob.arrayBuffer())];
    },
    [WIDTH, HEIGHT, BLOCK],
  );
  const field = [0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0];
  const exif = [...Buffer.from('Exif\0\0MM\0*\0\0\0\x08\0\x01', 'latin1'), ...field, 0, 0, 0, 0];
  const segment = [0xff, 0xe1, 0, exif.length + 2, ...exif];
  return Buffer.from([...plain.slice(0, 2), ...segment, ...plain.slice(2)]);
}

/** The box of the mask that is shown, and that of the red pixels under it. */
function boxes(page) {
  return page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    viewer.selectMask(0);
    const { width, height } = viewer.bitmap;
    const context = new OffscreenCanvas(width, height).getContext('2d');
    context.drawImage(viewer.bitmap, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    const [xs, ys] = [[], []];
    for (let at = 0; at < width * height; at += 1)
      if (data[4 * at + 1] < 128) {
        xs.push(at % width);
        ys.push(Math.floor(at / width));
      }
    const [x, y] = [Math.min(...xs), Math.min(...ys)];
    return { red: [x, y, Math.max(...xs) + 1 - x, Math.max(...ys) + 1 - y] };
  });
}

test('masks of the eight orientations lie on their object', async () => {
  const { page, errors, close } = await newPage(browser);
  await page.goto(`${server.address}turned.html`);
  const files = new Map();
  await page.route('**/*.jpg', (route) =>
    route.fulfill({
      body: files.get(new URL(route.request().url()).pathname),
      contentType: 'image/jpeg',
    }),
  );
  const words = page.locator('mask-viewer .turned');
  const box = async () => {
    const { red } = await boxes(page);
    await until(page, 'snapshot.facts !== null');
    const mask = await page.evaluate(
      () => document.querySelector('mask-viewer').snapshot.facts.bbox,
    );
    return { red, mask };
  };
  for (let orientation = 1; orientation <= 8; orientation += 1) {
    const name = `turned-${orientation}.jpg`;
    files.set(`/${name}`, await jpeg(page, orientation));
    await page.evaluate(
      (src) => document.querySelector('mask-viewer').setAttribute('src', src),
      name,
    );
    await until(page, `snapshot.image?.includes('${name}') && snapshot.shown.length === 1`);
    assert.equal(
      await page.evaluate(() => document.querySelector('mask-viewer').orientation),
      orientation,
    );
    const first = await box();
    if (orientation === 1 || orientation > 4) {
      assert.deepEqual(first.mask, first.red, `orientation ${orientation}`);
      assert.equal(await words.isVisible(), orientation > 4);
      if (orientation > 4) assert.match(await words.innerText(), /masks were turned with it/);
      continue;
    }
    // The sizes agree: the viewer says so, and the person chooses.
    assert.match(await words.innerText(), /its masks may not be/);
    assert.deepEqual(first.mask, BLOCK);
    assert.notDeepEqual(first.mask, first.red);
    await page.getByRole('button', { name: 'turned' }).click();
    await page.locator('mask-viewer [aria-pressed=true]', { hasText: 'turned' }).waitFor();
    const second = await box();
    assert.deepEqual(second.mask, second.red, `orientation ${orientation}`);
    await page.getByRole('button', { name: 'as stored' }).click();
    await page.locator('mask-viewer [aria-pressed=true]', { hasText: 'as stored' }).waitFor();
    assert.deepEqual((await box()).mask, BLOCK);
  }
  assert.deepEqual(errors, []);
  await close();
});

/** Counts the red pixels of the gallery that no mask covers, and waits until the image is drawn. */
async function redPixels(page) {
  const count = () =>
    page.evaluate(() => {
      const canvas = document.querySelector('#gallery-canvas');
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      const found = { red: 0, white: 0 };
      for (let at = 0; at < data.length; at += 4) {
        const [red, green, blue] = data.subarray(at, at + 3);
        if (red > 200 && green < 60 && blue < 60) found.red += 1;
        if (Math.min(red, green, blue) > 250) found.white += 1;
      }
      return found;
    });
  for (let tries = 0; tries < 100; tries += 1) {
    const { red, white } = await count();
    if (white > 5000) {
      await page.waitForTimeout(500);
      return count();
    }
    assert.ok(tries < 99, `no image in the gallery, ${red} red pixels`);
    await page.waitForTimeout(50);
  }
  return { red: 0, white: 0 };
}

for (const [from, orientation] of [
  ['a folder', 6],
  ['a folder', 8],
  ['an address', 6],
])
  test(`the explorer turns masks with an image of orientation ${orientation} from ${from}`, async () => {
    const { page, errors, close } = await newPage(browser);
    await page.goto(`${server.address}explore.html`);
    await counted(page, /^409 masks/);
    const image = await jpeg(page, orientation);
    await page.route('**/turned.jpg', (route) =>
      route.fulfill({ body: image, contentType: 'image/jpeg' }),
    );
    if (from === 'a folder') {
      await bring(page, [
        { name: 'turned.json', content: ANNOTATIONS },
        { name: 'turned.jpg', content: image },
      ]);
    } else {
      await page.getByRole('button', { name: 'Open a dataset' }).click();
      await page.getByLabel('Address of the images').fill(`${server.address}{file_name}`);
      await page.getByLabel('File on this computer').setInputFiles({
        name: 'turned.json',
        mimeType: 'application/json',
        buffer: Buffer.from(ANNOTATIONS),
      });
      await page.getByRole('button', { name: 'Open', exact: true }).click();
    }
    await counted(page, /^1 mask$/);
    const { red } = await redPixels(page);
    assert.ok(red < 50, `${red} red pixels are beside the mask`);
    await options(page).first().click();
    await recordOpen(page, '1');
    assert.equal(await page.locator('#image-problem').isVisible(), false);
    const { red: box } = await boxes(page);
    await until(page, 'snapshot.facts !== null');
    assert.deepEqual(
      await page.evaluate(() => document.querySelector('mask-viewer').snapshot.facts.bbox),
      box,
    );
    assert.deepEqual(errors, []);
    await close();
  });
