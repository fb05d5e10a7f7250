/**
 * @file Linking without any endpoint: plain static files, the index and its encoder in the page's
 * worker.
 */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pngOf } from '../../www/viewer/png.js';
import { pointInside, unionOf } from './masks.mjs';
import {
  ROOT,
  annotated,
  askAbout,
  clickInImage,
  maskOf,
  snapshotOf,
  startServer,
} from './steps.mjs';
import { launch, newPage, serve, until, withoutIndex } from './support.mjs';

const SAMPLES = join(ROOT, 'www/samples');
const IMAGE = 'world_011';
/** How many masks are compared with the server's. */
const MASKS = 24;
/**
 * How far a score may be from the server's: browser and server decode JPEG with other rounding;
 * PNG has none.
 */
const ROUNDING = { jpeg: 0.005, png: 0.00001 };

let host;
let endpoint;
let browser;

before(async () => {
  // One after another, so that what runs is ended where the next does not start.
  host = await serve();
  endpoint = await startServer('--rate', '0');
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await endpoint?.kill();
  await host?.close();
});

async function openPage(from = host) {
  const opened = await newPage(browser);
  await opened.page.goto(`${from.address}#image=${IMAGE}`);
  await until(opened.page, `snapshot.image?.includes('${IMAGE}') && snapshot.shown.length > 0`);
  return opened;
}

/** The encoded image of a sample. */
function imageOf(id) {
  return readFileSync(
    join(SAMPLES, 'images', annotated(join(SAMPLES, 'annotations.json'), id).image.file_name),
  );
}

/**
 * Returns the endpoint's result for a mask of an image.
 * @param {Buffer} bytes Of the encoded image.
 */
async function asked(mask, bytes) {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const put = await fetch(`${endpoint.address}v1/images/${sha256}`, { method: 'PUT', body: bytes });
  assert.ok(put.ok, await put.text());
  const body = JSON.stringify({ image: { sha256 }, mask });
  const answer = await fetch(`${endpoint.address}v1/link`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json' },
  });
  assert.ok(answer.ok);
  return await answer.json();
}

/** Returns the page's own result for the mask that is selected, and how it was linked. */
async function answered(page) {
  await until(page, "['answered', 'failed'].includes(snapshot.linking.phase)");
  const { linking, mask } = await snapshotOf(page);
  assert.equal(linking.phase, 'answered', JSON.stringify(linking));
  return { ...linking, mask };
}

/**
 * The same entities in the same order with the same scores, but for the last bits.
 */
function sameResult(here, there) {
  const names = ({ entities }) => entities.slice(0, 5).map(({ qid }) => qid);
  const apart = Math.max(
    ...there.entities.map(({ score }, at) => Math.abs(score - here.entities[at].score)),
  );
  assert.ok(apart < ROUNDING.png, `scores differ by ${apart}`);
  assert.deepEqual(names(here), names(there));
  assert.equal(here.in_index?.known, there.in_index?.known);
  assert.deepEqual(here.model, there.model);
  return apart;
}

/**
 * Checks the server's result for the encoded image, whose pixels differ a little: the same first
 * entity and verdict, and nearly the same score for each entity.
 */
function nearlySameResult(here, there) {
  const score = new Map(there.entities.map(({ qid, score }) => [qid, score]));
  for (const { qid, score: own } of here.entities.slice(0, 5)) {
    assert.ok(
      Math.abs(own - score.get(qid)) < ROUNDING.jpeg,
      `${qid}: ${own} here, ${score.get(qid)} there`,
    );
  }
  assert.equal(here.entities[0].qid, there.entities[0].qid);
  assert.equal(here.in_index?.known, there.in_index?.known);
  assert.deepEqual(here.model, there.model);
}

/**
 * An image's pixels as the page decodes them, as PNG, which has one meaning.
 * @param {string} file Of the samples.
 */
async function asPng(page, file) {
  const png = await page.evaluate(
    async (address) => {
      const bitmap = await createImageBitmap(await (await fetch(address)).blob());
      const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
      canvas.getContext('2d').drawImage(bitmap, 0, 0);
      return [
        ...new Uint8Array(await (await canvas.convertToBlob({ type: 'image/png' })).arrayBuffer()),
      ];
    },
    `samples/images/${file.replace(/^[/]/, '')}`,
  );
  return Buffer.from(png);
}

test('with static files only, a click is linked in the page like on the server', async (t) => {
  const { page, errors, close } = await openPage();
  const sent = [];
  page.on('request', (request) => {
    if (request.method() !== 'GET') sent.push(request.url());
  });
  const { image, annotations } = annotated(join(SAMPLES, 'annotations.json'), IMAGE);
  const annotation = annotations.find((one) => one.category_id === 'Q5372');
  await clickInImage(page, pointInside(unionOf(annotation.segmentation), image.height));
  await maskOf(page);
  const { source, failures, answer, mask } = await answered(page);
  assert.deepEqual([source, failures], ['local', []]);
  const there = await asked(mask, await asPng(page, image.file_name));
  t.diagnostic(`scores differ by at most ${sameResult(answer, there)}`);
  nearlySameResult(answer, await asked(mask, imageOf(IMAGE)));
  assert.equal(await page.locator('.card h3').first().textContent(), there.entities[0].title);
  assert.match(await page.locator('#entities-body').innerText(), /Computed in this page/);
  assert.deepEqual(sent, [], 'nothing is sent anywhere');
  const { link } = await page.evaluate(() => document.querySelector('mask-viewer').status);
  t.diagnostic(JSON.stringify(link));

  // The image a card was matched to, and where in it.
  const seen = page.locator('.card svg image').first();
  await seen.waitFor();
  const shown = await seen.evaluate(async (node) => {
    const address = node.getAttribute('href');
    return {
      address,
      image: (await createImageBitmap(await (await fetch(address)).blob())).width > 0,
      box: node.parentElement?.getAttribute('viewBox'),
    };
  });
  assert.ok(
    shown.address.endsWith(answer.entities[0].evidence[0].image) && shown.image && shown.box,
    JSON.stringify(shown),
  );
  // And the mask there.
  await seen.click();
  const outline = page.locator('.example-dialog path.line');
  await outline.waitFor();
  assert.match(await outline.getAttribute('d'), /^M\d+ \d+l[-\d z]{12}/);
  assert.deepEqual(errors, []);
  await close();
});

test('a mask of an indexed image does not find its own annotation', async () => {
  const { page, errors, close } = await openPage();
  const { images, annotations } = JSON.parse(
    readFileSync(join(SAMPLES, 'annotations.json'), 'utf8'),
  );
  const image = images.find(({ id }) =>
    annotations.some((one) => one.image_id === id && /train/.test(one.data_split)),
  );
  const own = annotations.filter((one) => one.image_id === image.id);
  const bytes = imageOf(image.id);
  await page.evaluate(
    async ({ encoded, key, shown }) => {
      const viewer = document.querySelector('mask-viewer');
      const blob = new Blob([new Uint8Array(encoded)], { type: 'image/jpeg' });
      await viewer.openImage(blob, { key });
      viewer.showMasks(shown);
      viewer.selectMask(0);
      viewer.askLink();
    },
    {
      encoded: [...bytes],
      key: image.id,
      shown: [{ id: own[0].id, mask: own[0].segmentation[0] }],
    },
  );
  const { source, answer, mask } = await answered(page);
  assert.deepEqual([source, answer.excluded_image], ['local', true]);
  const seen = answer.entities.flatMap(({ evidence }) => evidence.map((one) => one.annotation));
  assert.ok(seen.length > 0);
  assert.deepEqual(
    own.map(({ id }) => id).filter((id) => seen.includes(id)),
    [],
  );
  await page.getByText('This image’s own examples were left out.').waitFor();
  const there = await asked(mask, bytes);
  assert.equal(there.excluded_image, true);
  nearlySameResult(answer, there);
  // The same pixels in other bytes are another image.
  assert.equal((await asked(mask, await asPng(page, image.file_name))).excluded_image, undefined);
  assert.deepEqual(errors, []);
  await close();
});

test('masks of images outside the index are ranked like on the server', async (t) => {
  const { page, errors, close } = await openPage();
  const { images, annotations } = JSON.parse(
    readFileSync(join(SAMPLES, 'annotations.json'), 'utf8'),
  );
  let [apart, count] = [0, 0];
  const times = [];
  for (const { id, file_name: file } of images) {
    const masks = annotations
      .filter((one) => one.image_id === id && one.segmentation.length === 1)
      .map((one) => ({ id: one.id, mask: one.segmentation[0], split: one.data_split }));
    if (
      times.length >= MASKS ||
      masks.length === 0 ||
      masks.some(({ split }) => /train/.test(split))
    )
      continue;
    const png = await asPng(page, file);
    await page.evaluate(
      async ({ bytes, key, shown }) => {
        const viewer = document.querySelector('mask-viewer');
        await viewer.openImage(new Blob([new Uint8Array(bytes)], { type: 'image/png' }), { key });
        viewer.showMasks(shown);
      },
      { bytes: [...png], key: id, shown: masks },
    );
    for (let at = 0; at < masks.length; at += 1) {
      await askAbout(page, at);
      const { source, answer, mask } = await answered(page);
      assert.equal(source, 'local');
      apart = Math.max(apart, sameResult(answer, await asked(mask, png)));
      times.push(Math.round(answer.timing_ms.total));
    }
    count += 1;
  }
  times.sort((a, b) => a - b);
  t.diagnostic(
    `${times.length} masks in ${count} images, scores differ by at most ${apart}, ` +
      `half of them within ${times[times.length >> 1]} ms`,
  );
  assert.ok(times.length >= MASKS);
  assert.deepEqual(errors, []);
  await close();
});

test('transparent pixels are white to the page and to the server', async () => {
  const { page, errors, close } = await openPage();
  const [width, height] = [96, 72];
  const isInside = (x, y) => (x - 48) ** 2 + (y - 36) ** 2 < 24 ** 2;
  /** A disc on a ground; the image is alike to the eye for any color of a transparent ground. */
  const disc = (ground) => {
    const pixels = new Uint8Array(width * height * 4);
    for (let at = 0; at < width * height; at += 1)
      pixels.set(
        isInside(at % width, Math.floor(at / width)) ? [230, 120, 20, 255] : ground,
        at * 4,
      );
    return pngOf({ width, height, pixels });
  };
  const boundaries = [];
  for (let at = 0, last = false; at < width * height; at += 1) {
    const inside = isInside(Math.floor(at / height), at % height);
    if (inside !== last) boundaries.push(at);
    last = inside;
  }
  const grounds = [
    [255, 255, 255, 255],
    [0, 0, 0, 0],
    [255, 255, 255, 0],
    [0, 160, 40, 0],
  ];
  let first;
  for (const ground of grounds) {
    const png = Buffer.from(await (await disc(ground)).arrayBuffer());
    await page.evaluate(
      async ({ bytes, key, shown }) => {
        const viewer = document.querySelector('mask-viewer');
        await viewer.openImage(new Blob([new Uint8Array(bytes)], { type: 'image/png' }), { key });
        const mask = { size: shown.size, boundaries: new Uint32Array(shown.boundaries) };
        viewer.showMasks([{ id: key, title: key, qid: null, mask }]);
        viewer.selectMask(0);
        viewer.askLink();
      },
      { bytes: [...png], key: ground.join(), shown: { size: [height, width], boundaries } },
    );
    const { answer, mask: linked } = await answered(page);
    first ??= answer;
    sameResult(answer, first);
    sameResult(answer, await asked(linked, png));
  }
  assert.deepEqual(errors, []);
  await close();
});

test('a link request that replaces another gives the result of its own mask', async () => {
  const { page, close } = await openPage();
  await page.evaluate(async () => {
    const viewer = document.querySelector('mask-viewer');
    viewer.selectMask(0);
    viewer.askLink();
    viewer.selectMask(1);
    viewer.askLink();
  });
  const { answer, mask } = await answered(page);
  const { image } = annotated(join(SAMPLES, 'annotations.json'), IMAGE);
  sameResult(answer, await asked(mask, await asPng(page, image.file_name)));
  await close();
});

test('an encoder with a wrong hash is refused with a message', async () => {
  const index = join(ROOT, 'dist/index');
  const file = readdirSync(index).find((name) => /^encoder-.*\.onnx$/.test(name));
  assert.ok(file);
  const bytes = readFileSync(join(index, file));
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
  const wrong = await serve({ [`/index/${file}`]: bytes, '/samples/cached/world_011.json': '[]' });
  const { page, close } = await openPage(wrong);
  await askAbout(page, 0);
  await until(page, "snapshot.linking.phase === 'failed'");
  assert.match(
    await page.locator('.banner').innerText(),
    /is not the one its list describes: its SHA-256 is another/,
  );
  await close();
  await wrong.close();
});

test('an index that failed to load is requested again', async () => {
  const other = await serve({ '/samples/cached/world_011.json': '[]' });
  const { page, close } = await openPage(other);
  await page.route('**/index/index.json', (route) => route.fulfill({ status: 503, body: '' }), {
    times: 1,
  });
  await askAbout(page, 0);
  await until(page, "snapshot.linking.phase === 'failed'");
  assert.match(await page.locator('.banner').innerText(), /the server returned 503/);
  await askAbout(page, 0);
  await until(page, "snapshot.linking.phase === 'answered'");
  await close();
  await other.close();
});

test('a broken index and a missing index give different messages', async () => {
  for (const [body, words] of [
    ['{"format": "other"}', /the index header is invalid/],
    [null, /the server returned 404/],
  ]) {
    const other = await serve({
      ...(body === null ? {} : { '/index/index.json': body }),
      '/samples/cached/world_011.json': '[]',
    });
    const { page, close } = await openPage(other);
    if (body === null) await withoutIndex(page);
    await askAbout(page, 0);
    await until(page, "snapshot.linking.phase === 'failed'");
    assert.match(await page.locator('.banner').innerText(), words);
    await close();
    await other.close();
  }
});
