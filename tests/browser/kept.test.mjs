/**
 * @file Kept masks of the element: methods, events, keys, brush, storage, export and import.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FIXTURES, elementPage } from './fixtures.mjs';
import { newPage, openPage, startSite, until } from './support.mjs';

/** A ring of pixels around a hole, and a dot in the hole, in 8 by 6 pixels. */
const RING = JSON.stringify({
  images: [{ id: 't', file_name: 'tiny.bmp', width: 8, height: 6 }],
  categories: [{ id: 'Q1', name: 'Ring <b>&</b>' }],
  annotations: [
    {
      id: 'ring',
      image_id: 't',
      category_id: 'Q1',
      // Columns 1 and 5 whole; of columns 2 to 4 the first and last row; and pixel (3, 2).
      segmentation: [{ size: [6, 8], counts: [6, 7, 4, 2, 1, 1, 2, 2, 4, 7, 12] }],
    },
  ],
});

const { server, browser } = await startSite({
  ...FIXTURES,
  '/kept.html': elementPage(
    '<mask-viewer src="tiny.bmp" annotations="ring.json" controls persist></mask-viewer>',
  ),
  '/forgetful.html': elementPage(
    '<mask-viewer src="tiny.bmp" annotations="ring.json" controls></mask-viewer>',
  ),
  '/ring.json': RING,
  '/cut.html': elementPage(
    '<mask-viewer src="tiny.bmp" annotations="cut.json" controls></mask-viewer>',
  ),
  // A second part of the mask that cannot be read.
  '/cut.json': RING.replace(/(7,12\]\})\]/, '$1,{"size":[6,8],"counts":"~"}]'),
});

/** A page whose viewer has one mask kept, with the events that it sends. */
async function openKept(path = 'kept.html') {
  const opened = await openPage(browser, server.address + path);
  await opened.page.evaluate(() => {
    globalThis.viewer = document.querySelector('mask-viewer');
    globalThis.changes = [];
    viewer.addEventListener('kept-change', ({ detail }) => changes.push(detail.count));
    viewer.selectMask(0);
    viewer.keep();
  });
  await until(opened.page, 'snapshot.kept.length === 1');
  return opened;
}

/** The kept masks as the lines of the RLE export. */
function lines(page) {
  return page.evaluate(async () => {
    const [{ blob }] = await document.querySelector('mask-viewer').exportMasks('rle');
    const text = await blob.text();
    return text.split('\n').filter(Boolean).map(JSON.parse);
  });
}

/** The press of a pointer at a pixel of the image, a move to another one, and the release. */
async function drag(page, from, to) {
  const points = await page.evaluate(
    (pixels) => {
      const viewer = document.querySelector('mask-viewer');
      viewer.fit();
      const box = viewer.shadowRoot.querySelector('[part~=canvas]').getBoundingClientRect();
      const scale = Math.min((box.width - 16) / 8, (box.height - 16) / 6);
      const [left, top] = [
        box.x + (box.width - 8 * scale) / 2,
        box.y + (box.height - 6 * scale) / 2,
      ];
      return pixels.map(([x, y]) => [left + (x + 0.5) * scale, top + (y + 0.5) * scale]);
    },
    [from, to],
  );
  await page.mouse.move(...points[0]);
  await page.mouse.down();
  await page.mouse.move(...points[1], { steps: 4 });
  await page.mouse.up();
}

test('methods keep, name, hide, combine and delete masks, and each step is undone by its key', async () => {
  const { page, errors, close } = await openKept();
  const first = await page.evaluate(() => {
    const { area, bbox, ...mask } = viewer.kept[0];
    return { ...mask, area: Number(area), bbox, selected: viewer.snapshot.selectedKept };
  });
  assert.deepEqual(first, {
    id: 1,
    name: 'Ring <b>&</b>',
    title: 'Ring <b>&</b>',
    qid: 'Q1',
    entityScore: null,
    score: null,
    prompts: 0,
    hidden: false,
    cut: false,
    area: 19,
    bbox: [1, 0, 5, 6],
    selected: 1,
  });
  const counts = await page.evaluate(() => {
    viewer.nameKept(1, { title: 'Wheel', qid: 'Q446', score: 0.5 });
    viewer.hideKept(1);
    viewer.selectMask(0);
    const second = viewer.keep();
    viewer.subtractKept(1, second);
    viewer.mergeKept(second, 1);
    return [...changes];
  });
  // A mask that would be empty is not subtracted.
  assert.deepEqual(counts, [1, 1, 1, 2, 1]);
  await page.evaluate(() => viewer.deleteKept(2));
  assert.deepEqual(await lines(page), []);
  await page.evaluate(() => viewer.focus());
  for (const expected of [1, 2, 1, 1, 1, 0]) {
    await page.keyboard.press('Control+z');
    assert.equal((await lines(page)).length, expected);
  }
  for (let step = 0; step < 3; step += 1) await page.keyboard.press('Control+Shift+Z');
  const [wheel] = await lines(page);
  assert.deepEqual(
    { title: wheel.title, entity: wheel.entity, score: wheel.entity_score, hidden: wheel.hidden },
    { title: 'Wheel', entity: 'Q446', score: 0.5, hidden: true },
  );
  assert.deepEqual(errors, []);
  await close();
});

test('every text format gives the same masks back when it is imported', async () => {
  const { page, errors, close } = await openKept();
  await page.evaluate(() =>
    viewer.nameKept(1, { title: 'Ring <b>&</b> "', qid: 'Q1', score: 0.25 }),
  );
  const click = { type: 'click', x: 1.5, y: 2.5, positive: false };
  const box = { type: 'box', x1: 1, y1: 0, x2: 6, y2: 6 };
  const [own] = await lines(page);
  const line = JSON.stringify({ ...own, clicks: [click, box], score: 0.5, hidden: true });
  await page.evaluate((text) => {
    viewer.deleteKept(1);
    return viewer.importMasks(new Blob([text]));
  }, line);
  const before = await lines(page);
  assert.deepEqual(before, [{ ...own, clicks: [click, box], score: 0.5, hidden: true }]);
  for (const format of ['coco', 'oven', 'rle', 'polygons', 'svg']) {
    const { name, text, count } = await page.evaluate(async (chosen) => {
      const [{ name, blob }] = await viewer.exportMasks(chosen);
      for (const { id } of viewer.kept) viewer.deleteKept(id);
      const count = await viewer.importMasks(blob);
      return { name, text: await blob.text(), count };
    }, format);
    assert.equal(count, 1, format);
    assert.match(name, /^tiny\./);
    assert.deepEqual(await lines(page), before, `${format}: ${text}`);
  }
  assert.deepEqual(errors, []);
  await close();
});

test('exports have the shapes that other programs read', async () => {
  const { page, close } = await openKept();
  const files = await page.evaluate(async () => {
    const text = async (format) => (await viewer.exportMasks(format))[0].blob.text();
    return {
      coco: JSON.parse(await text('coco')),
      oven: JSON.parse(await text('oven')),
      polygons: JSON.parse(await text('polygons')),
      svg: await text('svg'),
    };
  });
  const [annotation] = files.coco.annotations;
  assert.deepEqual([annotation.id, annotation.image_id, annotation.category_id], [1, 1, 1]);
  assert.deepEqual([annotation.area, annotation.bbox, annotation.iscrowd], [19, [1, 0, 5, 6], 0]);
  assert.deepEqual(files.coco.images, [{ id: 1, file_name: 'tiny.bmp', height: 6, width: 8 }]);
  assert.deepEqual(files.oven.categories, [{ id: 'Q1', name: 'Ring <b>&</b>' }]);
  assert.deepEqual(files.oven.annotations[0].bbox, [[1, 0, 6, 6]]);
  assert.equal(files.oven.annotations[0].image_id, files.oven.images[0].id);
  assert.equal(files.oven.annotations[0].segmentation[0].counts, annotation.segmentation.counts);
  const { coordinates, type } = files.polygons.features[0].geometry;
  assert.equal(type, 'MultiPolygon');
  // The ring with its hole, and the dot in the hole.
  assert.deepEqual(
    coordinates.map((rings) => rings.map((ring) => ring.length)),
    [[5, 5], [5]],
  );
  const svg = await page.evaluate((text) => {
    const root = new DOMParser().parseFromString(text, 'image/svg+xml').documentElement;
    const path = root.querySelector('path');
    const canvas = new OffscreenCanvas(8, 6).getContext('2d');
    canvas.fill(new Path2D(path.getAttribute('d')), 'evenodd');
    const { data } = canvas.getImageData(0, 0, 8, 6);
    const alpha = Array.from({ length: 48 }, (_, at) => Number(data[4 * at + 3] > 127));
    return { title: path.querySelector('title').textContent, area: alpha.filter(Boolean).length };
  }, files.svg);
  assert.deepEqual(svg, { title: 'Ring <b>&</b>', area: 19 });
  await close();
});

test('PNG exports hold the mask, and the image under it cut to its box', async () => {
  const { page, errors, close } = await openKept();
  const { mask, cutout, names, comment } = await page.evaluate(async () => {
    const pixels = async (blob) => {
      const bitmap = await createImageBitmap(blob);
      const canvas = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
      canvas.drawImage(bitmap, 0, 0);
      const { data, width, height } = canvas.getImageData(0, 0, bitmap.width, bitmap.height);
      return { width, height, data: [...data] };
    };
    const [one] = await viewer.exportMasks('mask');
    const [other] = await viewer.exportMasks('cutout');
    return {
      mask: await pixels(one.blob),
      cutout: await pixels(other.blob),
      names: [one.name, other.name],
      comment: await one.blob.text(),
    };
  });
  assert.deepEqual([mask.width, mask.height, cutout.width, cutout.height], [8, 6, 5, 6]);
  const at = (image, x, y) => image.data.slice(4 * (y * image.width + x)).slice(0, 4);
  assert.deepEqual(at(mask, 1, 0), [255, 255, 255, 255]);
  assert.deepEqual(at(mask, 2, 2), [0, 0, 0, 255]);
  assert.deepEqual(at(mask, 3, 2), [255, 255, 255, 255]);
  assert.deepEqual(at(cutout, 0, 0), [0x99, 0x99, 0x99, 255]);
  assert.deepEqual(at(cutout, 1, 2), [0, 0, 0, 0]);
  assert.match(names[0], /^tiny-1-Ring_.*\.mask\.png$/);
  assert.match(comment, /"entity":"Q1"/);
  assert.deepEqual(errors, []);
  await close();
});

test('mask PNGs are imported, with what their comment says or without one', async () => {
  const { page, errors, close } = await openKept();
  const { before, after, count, refused } = await page.evaluate(async () => {
    const [file] = await viewer.exportMasks('mask');
    const before = viewer.kept.length;
    let count = await viewer.importMasks(file.blob);
    const drawn = async (paint) => {
      const canvas = new OffscreenCanvas(8, 6);
      const context = canvas.getContext('2d');
      paint(context);
      return canvas.convertToBlob({ type: 'image/png' });
    };
    const square = (context) => context.fillRect(2, 1, 3, 4);
    const foreign = [
      (context) => ((context.fillStyle = '#fff'), square(context)),
      (context) => (context.fillRect(0, 0, 8, 6), (context.fillStyle = '#f00'), square(context)),
    ];
    for (const paint of foreign) count += await viewer.importMasks(await drawn(paint));
    const refused = [];
    const grey = (context) => ((context.fillStyle = '#888'), context.fillRect(0, 0, 8, 6));
    const black = (context) => context.fillRect(0, 0, 8, 6);
    for (const blob of [await drawn(grey), await drawn(black), file.blob.slice(0, 60)])
      await viewer.importMasks(blob).catch((error) => refused.push(error.message));
    return { before, after: viewer.kept, count, refused };
  });
  assert.equal(count, 3);
  const added = after.slice(before);
  const { id: _, ...first } = after[0];
  const { id: __, ...copy } = added[0];
  assert.deepEqual(copy, first);
  for (const { area, bbox, title } of added.slice(1))
    assert.deepEqual([area, bbox, title], [12, [2, 1, 3, 4], '']);
  assert.equal(refused.length, 3);
  assert.match(refused[0], /not black and white/);
  assert.match(refused[1], /no light pixel/);
  assert.match(refused[2], /neither JSON, SVG nor PNG/);
  assert.deepEqual(errors, []);
  await close();
});

test('files that are not exports are refused in words, and masks of another size are reported', async () => {
  const { page, close } = await openKept();
  const refused = await page.evaluate(async () => {
    const messages = [];
    for (const text of ['nothing', '{}', '<svg xmlns="http://www.w3.org/2000/svg"/>', '[1]']) {
      await viewer.importMasks(new Blob([text])).catch((error) => messages.push(error.code));
    }
    return messages;
  });
  assert.deepEqual(refused, ['import', 'import', 'import', 'import']);
  const { count, reported } = await page.evaluate(async () => {
    const reported = [];
    viewer.addEventListener('error', ({ detail }) => reported.push(detail.code));
    const line = { segmentation: { size: [9, 9], counts: 'a2' } };
    const count = await viewer.importMasks(new Blob([JSON.stringify(line)]));
    return { count, reported };
  });
  assert.deepEqual([count, reported], [0, ['mask-size']]);
  await close();
});

test('a slider sizes the brush and the eraser, and is there for no other tool', async () => {
  for (const width of [1280, 390]) {
    const { page, errors, close } = await openPage(browser, `${server.address}kept.html`, {
      viewport: { width, height: 800 },
    });
    await page.evaluate(() => {
      globalThis.viewer = document.querySelector('mask-viewer');
    });
    const slider = page.getByRole('slider', { name: 'Brush size' });
    assert.equal(await slider.isVisible(), false);
    for (const tool of ['brush', 'erase']) {
      await page.evaluate((name) => {
        viewer.tool = name;
        viewer.brushRadius = 12;
      }, tool);
      await slider.waitFor();
      await page.locator('mask-viewer').getByText('24 px').waitFor();
      const box = await slider.boundingBox();
      assert.ok(box && box.height >= 44 && box.x >= 0 && box.x + box.width <= width);
      await page.mouse.click(box.x + 0.9 * box.width, box.y + box.height / 2);
      await until(page, 'snapshot.brushRadius > 80 && snapshot.brushRadius < 200');
      await slider.press('Home');
      await until(page, 'snapshot.brushRadius === 1');
      await slider.press('.');
      await until(page, 'snapshot.brushRadius === 1.25');
      await slider.press('ArrowRight');
      await until(page, 'snapshot.brushRadius > 1.25');
    }
    // The focus is not lost with the slider.
    await slider.press('o');
    await slider.waitFor({ state: 'hidden' });
    const focused = 'viewer.shadowRoot.activeElement?.className';
    assert.match(await page.evaluate(focused), /stage/);
    assert.deepEqual(errors, []);
    await close();
  }
});

test('brush and eraser change the kept mask by whole strokes', async () => {
  const { page, errors, close } = await openKept();
  const area = () => page.evaluate(() => Number(viewer.kept[0].area));
  await page.evaluate(() => {
    viewer.tool = 'brush';
    viewer.brushRadius = 12;
  });
  await until(page, "snapshot.tool === 'brush'");
  await drag(page, [2, 1], [2, 4]);
  assert.equal(await area(), 23, 'the hole’s first column is painted');
  const circle = page.locator('mask-viewer .brush');
  assert.equal(Math.round((await circle.boundingBox()).width), 24);
  await page.evaluate(() => viewer.focus());
  await page.keyboard.press('e');
  await drag(page, [1, 0], [1, 5]);
  assert.equal(await area(), 17);
  await page.keyboard.press('Control+z');
  assert.equal(await area(), 23);
  await page.keyboard.press('Control+z');
  assert.equal(await area(), 19);
  await page.keyboard.press('.');
  assert.equal(await page.evaluate(() => viewer.brushRadius), 15);
  // Nothing is selected, so the brush begins a mask of its own.
  await page.evaluate(() => viewer.selectKept(null));
  await page.keyboard.press('d');
  await drag(page, [6, 0], [7, 0]);
  assert.deepEqual(await page.evaluate(() => viewer.kept.map(({ area }) => Number(area))), [19, 2]);
  assert.deepEqual(errors, []);
  await close();
});

test('kept masks are stored with the image’s bytes and restored, also under another address', async () => {
  const { page, errors, close } = await openKept();
  await page.evaluate(() => viewer.nameKept(1, { title: 'mine' }));
  const stored = () =>
    page.evaluate(
      () =>
        new Promise((resolve) => {
          const opening = indexedDB.open('masklink', 1);
          opening.onsuccess = () => {
            const store = opening.result.transaction('kept').objectStore('kept');
            store.getAll().onsuccess = ({ target }) => {
              opening.result.close();
              resolve(target.result.map(({ records }) => records.map(({ title }) => title)));
            };
          };
        }),
    );
  await page.waitForFunction(() => true);
  await page.waitForTimeout(300);
  assert.deepEqual(await stored(), [['mine']]);
  await page.reload();
  await until(page, 'snapshot.kept.length === 1');
  assert.deepEqual(
    (await lines(page)).map(({ title }) => title),
    ['mine'],
  );
  assert.equal(
    await page.evaluate(() => document.querySelector('mask-viewer').snapshot.steps.canUndo),
    false,
  );
  await page.evaluate(async () => {
    globalThis.viewer = document.querySelector('mask-viewer');
    viewer.src = 'tiny.bmp?again';
  });
  await until(page, "snapshot.image === 'tiny.bmp?again' && snapshot.kept.length === 1");
  // Deleting the last one leaves nothing behind.
  await page.evaluate(() => viewer.deleteKept(viewer.kept[0].id));
  await page.waitForTimeout(300);
  assert.deepEqual(await stored(), []);
  assert.deepEqual(errors, []);
  await close();
});

test('without the attribute nothing is stored', async () => {
  const { page, close } = await openKept('forgetful.html');
  await page.reload();
  await until(page, 'snapshot.shown.length === 1');
  await page.waitForTimeout(300);
  assert.deepEqual(await lines(page), []);
  assert.deepEqual(
    await page.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name)),
    [],
  );
  await close();
});

test('a mask of which a part is left out is marked in the list and in every export', async () => {
  for (const [path, isCut] of [
    ['cut.html', true],
    ['forgetful.html', false],
  ]) {
    const { page, errors, close } = await openKept(path);
    assert.equal(await page.locator('mask-viewer .chip .cut').count(), isCut ? 1 : 0);
    const exported = await page.evaluate(async () => {
      const found = {};
      for (const format of ['coco', 'oven', 'rle', 'polygons', 'svg', 'mask', 'cutout']) {
        const [{ name, blob }] = await viewer.exportMasks(format);
        found[format] = { name, text: await blob.text() };
      }
      const files = ['coco', 'oven', 'rle', 'polygons', 'svg'].map((one) => found[one].text);
      for (const text of files) await viewer.importMasks(new Blob([text]));
      return { ...found, kept: viewer.kept.map(({ cut }) => cut) };
    });
    for (const format of ['coco', 'oven', 'rle', 'polygons', 'mask', 'cutout'])
      assert.equal(/"cut": ?true/.test(exported[format].text), isCut, format);
    assert.equal(exported.svg.text.includes('data-cut="true"'), isCut);
    for (const format of ['mask', 'cutout'])
      assert.equal(exported[format].name.includes('-cut.'), isCut, exported[format].name);
    assert.deepEqual(exported.kept, Array(6).fill(isCut), 'imported masks are marked again');
    assert.deepEqual(errors, []);
    await close();
  }
});
