/** @file The exports of the explorer against the published annotations. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { formatPlace, parsePlace } from '../../www/explorer/address.js';
import { addressIn } from '../../www/explorer/templates.js';
import { boxOf, maskImage, pathOf } from '../../www/explorer/masks.js';
import {
  counted,
  downloaded,
  openExplorer,
  recordOpen,
  SAMPLES,
  samplesWhere,
} from './explorer_steps.mjs';
import { boundariesOf, iou } from '../../www/explorer/overlap.js';
import { bitmapOf, iou as iouOfBitmaps, unionOf } from './masks.mjs';
import { ROOT } from './steps.mjs';
import { PATIENCE, startSite } from './support.mjs';

const MASKLINK = process.env.MASKLINK ?? join(ROOT, 'target/release/masklink');
const SHARED = process.env.MASKLINK_SHARED_DATA ?? join(ROOT, '../shared/data');

const APPLES = samplesWhere(({ category_id: id }) => id === 'Q89');
const { server, browser } = await startSite({});

/** Opens the explorer with the apples selected. */
async function openApples() {
  const opened = await openExplorer(browser, server.address, 'entity=Q89');
  await counted(opened.page, `${APPLES.length} of`);
  return opened;
}

/** Exports the selection in a format. */
async function exported(page, title) {
  await page.getByRole('button', { name: 'Export', exact: true }).click();
  const file = await downloaded(page, () =>
    page.getByRole('dialog').getByRole('button', { name: title }).click(),
  );
  await page.getByRole('dialog').getByText('saved as').waitFor();
  await page.keyboard.press('Escape');
  return file.bytes.toString('utf8');
}

const areaOf = (bitmap) => bitmap.reduce((sum, value) => sum + value, 0);

test('a selection is exported as CSV, COCO JSON, RLE and JSON lines', async () => {
  const { page, errors, close } = await openApples();
  const byId = new Map(APPLES.map((one) => [one.id, one]));

  const csv = (await exported(page, 'CSV')).trimEnd().split('\r\n');
  assert.match(csv[0], /^id,image_id,file_name,entity,title,split,/);
  assert.deepEqual(new Set(csv.slice(1).map((line) => line.split(',')[0])), new Set(byId.keys()));

  const coco = JSON.parse(await exported(page, 'COCO JSON'));
  assert.equal(coco.annotations.length, APPLES.length);
  for (const { published_id: id, area, bbox, segmentation, image_id: image } of coco.annotations) {
    const bitmap = bitmapOf(segmentation);
    assert.equal(Buffer.compare(bitmap, unionOf(byId.get(id).segmentation)), 0, id);
    assert.equal(area, areaOf(bitmap));
    assert.ok(bbox[2] > 0 && bbox[3] > 0);
    const { published_id: published } = coco.images.find((one) => one.id === image);
    assert.equal(published, byId.get(id).image_id);
  }
  assert.deepEqual(
    coco.categories.map(({ published_id: id, name }) => [id, name]),
    [['Q89', 'Apple']],
  );

  const lines = (await exported(page, 'JSON lines, as published'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const annotations = lines.filter(({ segmentation }) => segmentation);
  for (const annotation of annotations) assert.deepEqual(annotation, byId.get(annotation.id));
  assert.equal(annotations.length, APPLES.length);
  const of = new Set(APPLES.map(({ image_id: image }) => image));
  const images = SAMPLES.images.filter(({ id }) => of.has(id));
  assert.deepEqual(
    lines.filter(({ file_name: file }) => file).toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    images.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
  );
  assert.deepEqual(
    lines.filter(({ name }) => name),
    [{ id: 'Q89', name: 'Apple' }],
  );

  const rle = (await exported(page, 'RLE'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    rle.map(({ id }) => id),
    coco.annotations.map(({ published_id: id }) => id),
  );
  assert.deepEqual(errors, []);
  await close();
});

const size = { width: 20, height: 10 };
const square = { segmentation: [[2, 2, 8, 2, 8, 8, 2, 8]] };
const rle = { segmentation: { size: [10, 20], counts: [30, 40, 130] } };

for (const [name, file] of [
  [
    'a file of COCO',
    {
      images: [
        { id: 1, ...size },
        { id: 2, file_name: 'b.jpg', ...size, license: 3 },
        { id: 3, coco_url: 'https://example.org/c.jpg', ...size },
      ],
      categories: [
        { id: 16, name: 'bird', supercategory: 'animal' },
        { id: 17, name: 'cat' },
      ],
      annotations: [
        { id: 101, image_id: 1, category_id: 17, ...square },
        { id: 102, image_id: 2, category_id: 16, ...rle },
        { id: 103, image_id: 3, category_id: 17, ...square },
        { id: 104, image_id: 1, category_id: 16, ...rle },
      ],
    },
  ],
  [
    'a file of Segment Anything',
    {
      image: { image_id: 5, file_name: 'sa_5.jpg', ...size },
      annotations: [
        { id: 501, ...rle },
        { id: 502, ...rle },
      ],
    },
  ],
])
  test(`JSON lines that are exported from ${name} open again as the same records`, async () => {
    const count = new RegExp(`^${file.annotations.length} masks$`);
    const exports = async (content, title) => {
      const { page, close } = await openExplorer(browser, server.address);
      await page.getByRole('button', { name: 'Open a dataset' }).click();
      await page.getByLabel('File on this computer').setInputFiles({
        name: 'set.jsonl',
        mimeType: 'application/json',
        buffer: Buffer.from(content),
      });
      await page.getByRole('button', { name: 'Open', exact: true }).click();
      await counted(page, count);
      const texts = [await exported(page, 'COCO JSON'), await exported(page, title)];
      await close();
      return texts;
    };
    const [coco, lines] = await exports(JSON.stringify(file), 'JSON lines, as published');
    assert.deepEqual(await exports(lines, 'JSON lines, as published'), [coco, lines]);
    const path = join(mkdtempSync(join(tmpdir(), 'masklink-lines-')), 'set.jsonl');
    writeFileSync(path, lines);
    const report = execFileSync(MASKLINK, ['inspect', '--json', '--strict', '--annotations', path]);
    rmSync(dirname(path), { recursive: true });
    const counts = JSON.parse(report.toString('utf8'));
    const { images = [file.image], categories = [], annotations } = file;
    assert.deepEqual(
      [counts.images.count, counts.categories.count, counts.annotations.count],
      [images.length, categories.length, annotations.length],
    );
  });

test('a record is exported as PNG and SVG, with the Python lines that load it', async () => {
  const { page, close } = await openApples();
  const [{ id }] = APPLES;
  await page.goto(`${server.address}explore.html#record=${id}`);
  await recordOpen(page, id);
  const take = page.locator('#take-body');
  const save = (name) =>
    downloaded(page, () => take.getByRole('button', { name, exact: true }).click());
  const svg = (await save('SVG')).bytes.toString('utf8');
  assert.match(svg, /<image href="http[^"]+world_\d+\.jpg"/);
  assert.match(svg, /<path d="M\d/);
  const png = (await save('PNG')).bytes;
  const { height, width } = SAMPLES.images.find((one) => one.id === APPLES[0].image_id);
  assert.deepEqual([png.readUInt32BE(16), png.readUInt32BE(20)], [width, height]);
  const { annotations } = JSON.parse((await save('COCO JSON')).bytes.toString('utf8'));
  assert.deepEqual(
    annotations.map(({ published_id: published }) => published),
    [id],
  );
  assert.match(await take.locator('pre').textContent(), new RegExp(`== "${id}"`));
  await close();
});

/** A ring of 6 by 6 pixels, with a hole, and one pixel that touches it by a corner. */
const RING = {
  qid: 'Q1',
  maskSize: /** @type {[number, number]} */ ([8, 8]),
  boundaries: Uint32Array.from(
    ['........', '.XXXXXX.', '.X....X.', '.X....X.', '.X....X.', '.XXXXXX.', '......X.', '.......X']
      .join('')
      .split('')
      .flatMap((cell, at, all) => (cell !== (all[at - 1] ?? '.') ? [at] : [])),
  ),
};

test('outlines enclose as many pixels as the mask has', () => {
  const loops = pathOf(RING).split('Z').filter(Boolean);
  const areas = loops.map((loop) => {
    const points = loop.match(/\d+ \d+/g).map((point) => point.split(' ').map(Number));
    return points.reduce((sum, [x, y], at) => {
      const [nextX, nextY] = points[(at + 1) % points.length];
      return sum + (x * nextY - nextX * y) / 2;
    }, 0);
  });
  assert.equal(Math.abs(areas.reduce((sum, area) => sum + area, 0)), 20);
  assert.deepEqual(boxOf(RING), [1, 1, 8, 8]);
});

test('a small drawing of a mask covers as much of its area', () => {
  globalThis.ImageData ??= class {
    constructor(width, height) {
      Object.assign(this, { width, height, data: new Uint8ClampedArray(4 * width * height) });
    }
  };
  const full = { qid: 'Q1', maskSize: [90, 70], boundaries: Uint32Array.of(0) };
  const { data } = maskImage(full, 16, 11);
  assert.ok(data.every((value, at) => at % 4 !== 3 || value > 0));
});

test('overlaps of runs are those of bitmaps', () => {
  const [{ segmentation: a }, { segmentation: b }] = APPLES.filter(
    ({ segmentation }) => segmentation.length === 1,
  );
  const [first, second] = [a[0], b[0]];
  const pixels = first.size[0] * first.size[1];
  const expected = iouOfBitmaps(bitmapOf(first), bitmapOf(second));
  assert.equal(iou(boundariesOf(first), boundariesOf(second), pixels), expected);
  assert.equal(iou(boundariesOf(first), boundariesOf(first), pixels), 1);
  assert.ok(iou(Uint32Array.of(0), boundariesOf(first), pixels) > 0);
  assert.equal(iou([], [], pixels), 0);
});

test('a place is read back as it was written', () => {
  const place = {
    ...parsePlace(''),
    source: 'https://host/a pack/manifest.json?x=1&y=2',
    images: 'https://host/{file_name}',
    filter: { entity: 'Q89', split: 'a&b', seen: false, area: [0, 4], components: 0, suspicion: 2 },
    show: 'plots',
    at: 1234,
    record: 'a/ü#1',
    view: { x: 1.5, y: -2, scale: 0.25 },
    mask: 'm',
  };
  assert.deepEqual(parsePlace(`#${formatPlace(place)}`), place);
});

test('a place keeps the annotations without a split', () => {
  const place = { ...parsePlace(''), filter: { split: '' } };
  assert.deepEqual(parsePlace(`#${formatPlace(place)}`), place);
});

test('malformed parts of a place are ignored', () => {
  const nothing = parsePlace('');
  for (const hash of ['area=3-1', 'area=1-99', 'area=x', 'seen=maybe', 'order=__proto__', 'at=-1'])
    assert.deepEqual(parsePlace(`#${hash}`), nothing, hash);
});

test('templates are filled with encoded names', () => {
  globalThis.document ??= { baseURI: 'https://page/' };
  const image = { file: '/04/a b.jpg', url: null, imageId: 'oven/4' };
  assert.equal(addressIn('https://host/{file_name}', image), 'https://host/04/a%20b.jpg');
  assert.equal(addressIn('https://host/i/{image_id}.jpg', image), 'https://host/i/oven%2F4.jpg');
  assert.equal(addressIn('https://host/images/', image), 'https://host/images/04/a%20b.jpg');
  assert.equal(addressIn('https://host/{file_name}', { ...image, file: null }), null);
  assert.equal(addressIn('javascript:{image_id}', image), null);
  const inPack = addressIn('../images/{file_name}', image, 'https://host/packs/one/');
  assert.equal(inPack, 'https://host/packs/images/04/a%20b.jpg');
});

test('photos of a folder with polygons and RLE of COCO are opened, clicked and exported', async () => {
  const { page, errors, close } = await openExplorer(browser, server.address);
  const polygon = [300, 100, 800, 100, 800, 600, 300, 600];
  const counts = [100 * 929 + 100, 300, 512 * 929 - 100 * 929 - 400];
  const coco = {
    images: [
      { id: 1, file_name: 'cat_1080p.jpg', width: 1280, height: 720 },
      { id: 2, file_name: 'sub/parrot.jpg', width: 512, height: 929 },
      { id: 3, file_name: 'not_here.jpg', width: 100, height: 80 },
    ],
    categories: [
      { id: 16, name: 'bird' },
      { id: 17, name: 'cat' },
    ],
    annotations: [
      {
        id: 101,
        image_id: 1,
        category_id: 17,
        segmentation: [polygon],
        bbox: [300, 100, 500, 500],
      },
      { id: 102, image_id: 2, category_id: 16, segmentation: { size: [929, 512], counts } },
      { id: 103, image_id: 3, category_id: 17, segmentation: [[10, 10, 60, 10, 60, 60, 10, 60]] },
    ],
  };
  await page.getByRole('button', { name: 'Open a dataset' }).click();
  await page.getByLabel('File on this computer').setInputFiles({
    name: 'photos.json',
    mimeType: 'application/json',
    buffer: Buffer.from(JSON.stringify(coco)),
  });
  await page.getByLabel('Or folder on this computer').setInputFiles(join(SHARED, 'photos'));
  await page.getByRole('button', { name: 'Open', exact: true }).click();
  await counted(page, /^3 masks$/);
  for (const [id, problem] of [
    ['102', null],
    ['103', /None of the \d+ files of the chosen folder is this image \(not_here\.jpg\)/],
    ['101', null],
  ]) {
    await page.goto(`${page.url().split('#')[0]}#file=photos.json&record=${id}`);
    await recordOpen(page, id);
    const words = page.locator('#image-problem');
    if (problem) assert.match(await words.innerText(), problem);
    else assert.equal(await words.isVisible(), false);
  }
  await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    viewer.tool = 'pick';
    viewer.clickAt(640, 360);
  });
  await page.locator('#truth .legend').waitFor({ timeout: PATIENCE });
  assert.match(await page.locator('.outline').innerText(), /Annotation: cat/);
  await page.getByRole('button', { name: 'All masks' }).click();
  const { annotations } = JSON.parse(await exported(page, 'COCO JSON'));
  assert.deepEqual(
    annotations.map(({ published_id: id, area }) => [id, area]),
    [
      ['102', 300],
      ['101', 250_000],
      ['103', 2500],
    ],
  );
  assert.deepEqual(errors, []);
  await close();
});
