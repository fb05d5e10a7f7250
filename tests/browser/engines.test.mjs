/** @file The journey in the engines beside Chromium: opening, a click, its cards, a dataset, the element. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ENGINES, missingOf } from './engines.mjs';
import { bitmapOf, iou, pointInside, unionOf } from './masks.mjs';
import { ROOT, annotated } from './steps.mjs';
import { PATIENCE, serve } from './support.mjs';

const SAMPLES = join(ROOT, 'www/samples');
const ELEMENT = `<!doctype html><html lang="en"><title>docs</title>
  <mask-viewer src="masklink/samples/images/world_001.jpg" style="width: 40rem"
    annotations="masklink/samples/annotations.json" controls></mask-viewer>
  <script type="module" src="masklink/mask-viewer.js"></script></html>`;

for (const engine of ENGINES) {
  const missing = missingOf(engine);
  describe(engine.name, { skip: missing.length > 0 && `not installed: ${missing}` }, () => {
    let site;
    let page;
    before(async () => {
      site = await serve({ '/docs.html': ELEMENT }, {}, '/masklink/');
      page = await engine.start();
    });
    after(async () => {
      await page?.close();
      await site?.close();
    });

    test('a click on a sample becomes a mask, and its cards come', async (t) => {
      const { image, annotations } = annotated(join(SAMPLES, 'annotations.json'), 'world_076');
      const annotation = annotations.find((one) => one.category_id === 'Q5372');
      await page.goto(`${site.address}masklink/index.html#image=${image.id}`);
      await until(page, 'viewer.status?.renderer && viewer.snapshot.shown.length > 0');
      t.diagnostic(await page.evaluate(`${VIEWER}.status.renderer.kind`));
      const truth = unionOf(annotation.segmentation);
      const { x, y } = await page.evaluate(placeOf(pointInside(truth, image.height)));
      await page.click(x, y);
      await until(page, '!viewer.snapshot.segmenting && viewer.snapshot.candidates.length > 0');
      const found = iou(bitmapOf(await page.evaluate(`${VIEWER}.maskRle()`)), truth);
      t.diagnostic(`IoU ${found.toFixed(3)}`);
      assert.ok(found > 0.8, `IoU ${found}`);
      await until(page, "viewer.snapshot.linking.phase === 'answered'");
      await until(page, "document.querySelector('.card h3')");
      assert.equal(
        await page.evaluate("document.querySelector('.card h3').textContent"),
        'Basketball',
      );
    });

    test('an annotation file opens, and a photo', async () => {
      const { image, annotations } = annotated(join(SAMPLES, 'annotations.json'), 'world_002');
      const text = JSON.stringify({ images: [image], annotations });
      await page.goto(`${site.address}masklink/index.html`);
      await until(page, 'viewer.status?.renderer && viewer.snapshot.shown.length > 0');
      await page.evaluate("document.getElementById('dataset').showModal()");
      await page.evaluate(fileIn('#dataset [name=annotations]', 'set.json', Buffer.from(text)));
      await page.evaluate("document.querySelector('#dataset [value=open]').click()");
      await until(
        page,
        `viewer.snapshot.image?.includes('${image.id}') &&
          viewer.snapshot.shown.length === ${annotations.length}`,
      );
      const photo = readFileSync(join(SAMPLES, 'images', image.file_name));
      await page.evaluate(fileIn('#photo-input', 'photo.jpg', photo));
      await until(page, 'viewer.snapshot.shown.length === 0 && viewer.snapshot.size');
    });

    test('the element in a foreign page shows masks', async () => {
      const { annotations } = annotated(join(SAMPLES, 'annotations.json'), 'world_001');
      await page.goto(`${site.address}docs.html`);
      await until(page, `viewer.snapshot?.shown.length === ${annotations.length}`);
      await until(page, 'viewer.status?.renderer');
    });
  });
}

const VIEWER = "document.querySelector('mask-viewer')";

/**
 * Waits until an expression of `viewer`, the first of the page, is true.
 * @param {import('./engines.mjs').EnginePage} page
 * @param {string} condition
 */
async function until(page, condition) {
  for (const end = Date.now() + PATIENCE; ;) {
    const value = await page.evaluate(
      `(() => { const viewer = ${VIEWER}; return Boolean(viewer && (${condition})); })()`,
    );
    if (value) return;
    const snapshot = await page.evaluate(`JSON.stringify(${VIEWER}?.snapshot ?? null)`);
    assert.ok(Date.now() < end, `never: ${condition}; ${snapshot}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Returns an expression of where a point of the image lies in the viewport. */
function placeOf({ x, y }) {
  return `(() => {
    const viewer = ${VIEWER};
    viewer.tool = 'pick';
    viewer.fit();
    const box = viewer.shadowRoot.querySelector('[part~=canvas]').getBoundingClientRect();
    const [width, height] = viewer.snapshot.size;
    const scale = Math.min(box.width / width, box.height / height);
    return {
      x: box.x + (box.width - width * scale) / 2 + ${x} * scale,
      y: box.y + (box.height - height * scale) / 2 + ${y} * scale,
    };
  })()`;
}

/** Returns an expression that chooses a file in a field. */
function fileIn(field, name, bytes) {
  return `(() => {
    const bytes = Uint8Array.from(atob('${bytes.toString('base64')}'), (letter) => letter.charCodeAt(0));
    const chosen = new DataTransfer();
    chosen.items.add(new File([bytes], '${name}'));
    const input = document.querySelector('${field}');
    input.files = chosen.files;
    input.dispatchEvent(new Event('input', { bubbles: true }));
    input.dispatchEvent(new Event('change', { bubbles: true }));
    return input.files.length;
  })()`;
}
