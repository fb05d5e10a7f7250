/**
 * @file The whole path with every part real: a click, the model in its worker, the endpoint, its
 * index, the cards.
 */

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { iou, pointInside, unionOf } from './masks.mjs';
import { ROOT, annotated, clickInImage, maskOf, snapshotOf, startServer } from './steps.mjs';
import { launch, openPage, until } from './support.mjs';

const SHARED = process.env.MASKLINK_SHARED_DATA ?? join(ROOT, '../shared/data');

let server;
let browser;

before(async () => {
  server = await startServer();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.kill();
});

test('a click on a sample shows its mask and its entity on the first card', async (t) => {
  // A test image: neither the models nor the index have seen it. How often they are right is in their cards.
  const { image, annotations } = annotated(join(ROOT, 'www/samples/annotations.json'), 'world_076');
  const annotation = annotations.find((one) => one.category_id === 'Q5372');
  const { page, errors, close } = await openPage(browser, `${server.address}#image=${image.id}`);
  const key = await page.evaluate(() => document.querySelector('mask-viewer').snapshot?.image);
  assert.ok(key?.includes(image.id), `the page shows ${key}`);
  const truth = unionOf(annotation.segmentation);
  await clickInImage(page, pointInside(truth, image.height));
  const { bitmap } = await maskOf(page);
  const found = iou(bitmap, truth);
  t.diagnostic(`IoU ${found.toFixed(3)} on ${annotation.id}`);
  assert.ok(found > 0.8, `IoU ${found} on ${annotation.id}`);
  await until(page, "snapshot.linking.phase === 'answered'");
  const linking = await page.evaluate(
    () => document.querySelector('mask-viewer').snapshot?.linking,
  );
  assert.equal(linking.source, 'endpoint');
  assert.equal(linking.answer.entities[0].qid, annotation.category_id);
  const first = page.locator('.card').first();
  await first.waitFor();
  assert.equal(await first.locator('h3').textContent(), 'Basketball');
  const status = await page.evaluate(() => document.querySelector('mask-viewer').status);
  t.diagnostic(JSON.stringify(status));
  // By the protocol the endpoint answers 404 about an image it has not seen, and is given it then.
  assert.deepEqual(
    errors.filter((error) => !/404 .*\/v1\/link/.test(error)),
    [],
  );
  await close();
});

test('a small thing in a large image is found by a box, and by a click after zooming in', async (t) => {
  const { page, errors, close } = await openPage(browser, server.address);
  const disc = { x: 6210, y: 1690, radius: 14 };
  await page.evaluate(async ({ x, y, radius }) => {
    const canvas = new OffscreenCanvas(9000, 3000);
    const context = canvas.getContext('2d');
    const ground = context.createLinearGradient(0, 0, 9000, 3000);
    ground.addColorStop(0, '#7d9a6a');
    ground.addColorStop(1, '#a8b88c');
    context.fillStyle = ground;
    context.fillRect(0, 0, 9000, 3000);
    context.fillStyle = '#c8402a';
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fill();
    const blob = await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.92 });
    await document.querySelector('mask-viewer').openImage(blob, { key: 'large' });
  }, disc);
  const area = Math.PI * disc.radius ** 2;
  /** The part of the mask's pixels that are the disc's, and the part of the disc that the mask has. */
  const check = async (how) => {
    const { bitmap, mask } = await maskOf(page);
    const [height] = mask.size;
    let [all, inside] = [0, 0];
    for (let at = 0; at < bitmap.length; at += 1) {
      if (!bitmap[at]) continue;
      all += 1;
      const [x, y] = [Math.floor(at / height) + 0.5, (at % height) + 0.5];
      if ((x - disc.x) ** 2 + (y - disc.y) ** 2 <= disc.radius ** 2) inside += 1;
    }
    const overlap = inside / (all + area - inside);
    t.diagnostic(`${how}: IoU ${overlap.toFixed(3)}`);
    assert.ok(overlap > 0.8, `${how}: IoU ${overlap}, ${all} pixels`);
  };
  await page.evaluate(({ x, y, radius }) => {
    const reach = radius + 4;
    document.querySelector('mask-viewer').drawBox([x - reach, y - reach], [x + reach, y + reach]);
  }, disc);
  await check('box');
  await page.evaluate(({ x, y }) => {
    const viewer = document.querySelector('mask-viewer');
    viewer.clear();
    viewer.view = { x: x + 40, y: y - 20, scale: 1 };
    viewer.clickAt(x, y);
  }, disc);
  await check('click after zooming in');
  assert.deepEqual(
    errors.filter((error) => !/404 .*\/v1\/link/.test(error)),
    [],
  );
  await close();
});

test('an endpoint that fails midway leaves the mask, and the page links by its own index', async () => {
  const own = await startServer();
  const { page, close } = await openPage(browser, own.address);
  await clickInImage(page, { x: 300, y: 300 });
  await maskOf(page);
  // The page fetches some files at first use: they must be here before its server ends.
  await page.evaluate(() => document.querySelector('mask-viewer').configure({ endpoint: null }));
  await page.evaluate(() => document.querySelector('mask-viewer').askLink());
  await until(page, "snapshot.linking.phase === 'answered' && snapshot.linking.source === 'local'");
  await page.evaluate(
    (endpoint) => document.querySelector('mask-viewer').configure({ endpoint }),
    own.address,
  );
  await own.kill();
  await page.evaluate(() => document.querySelector('mask-viewer').askLink());
  await until(
    page,
    "snapshot.linking.phase === 'answered' && snapshot.linking.failures.length > 0",
  );
  const { mask, linking } = await snapshotOf(page);
  assert.ok(mask, 'the mask is still there');
  assert.equal(linking.source, 'local');
  assert.match(
    await page.locator('.banner').innerText(),
    /endpoint 127\.0\.0\.1:\d+ could not be reached/,
  );
  assert.match(await page.locator('#entities-body').innerText(), /Computed in this page/);
  await close();
});

test('a click on an opened photo gives a mask at the click', async (t) => {
  if (!existsSync(SHARED)) {
    t.diagnostic(`*** NOT TESTED: ${SHARED} is missing; set MASKLINK_SHARED_DATA ***`);
    console.error(`*** NOT TESTED: ${SHARED} is missing; set MASKLINK_SHARED_DATA ***`);
    return;
  }
  const example = annotated(join(SHARED, 'plvel_example/annotations.json'), 'oven_04925844');
  const crow = unionOf(example.annotations[0].segmentation);
  const photos = [
    {
      file: `plvel_example/images${example.image.file_name}`,
      point: pointInside(crow, example.image.height),
      truth: crow,
    },
    { file: 'photos/owl.jpg', point: null, truth: null },
    { file: 'photos/sunflower.jpg', point: null, truth: null },
  ];
  const { page, close } = await openPage(browser, server.address);
  for (const { file, point, truth } of photos) {
    const bytes = readFileSync(join(SHARED, file)).toString('base64');
    await page.evaluate(async (base64) => {
      const blob = new Blob([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], {
        type: 'image/jpeg',
      });
      await document.querySelector('mask-viewer').openImage(blob);
    }, bytes);
    await until(page, 'snapshot.size && snapshot.shown.length === 0');
    const size = await page.evaluate(() => document.querySelector('mask-viewer').snapshot?.size);
    const [width = 0, height = 0] = size ?? [];
    const clicked = point ?? { x: width / 2, y: height / 2 };
    await clickInImage(page, clicked);
    const { bitmap } = await maskOf(page);
    const share = bitmap.reduce((sum, value) => sum + value, 0) / bitmap.length;
    assert.equal(
      bitmap[Math.floor(clicked.x) * height + Math.floor(clicked.y)],
      1,
      `${file}: the clicked pixel is in the mask`,
    );
    assert.ok(share > 0.005 && share < 0.9, `${file}: the mask covers ${share}`);
    if (truth) assert.ok(iou(bitmap, truth) > 0.8, `${file}: IoU ${iou(bitmap, truth)}`);
    t.diagnostic(
      `${file}: covers ${(share * 100).toFixed(1)} %${truth ? `, IoU ${iou(bitmap, truth).toFixed(3)}` : ''}`,
    );
  }
  await close();
});
