/**
 * @file The page as a stranger meets it: drawn, by keyboard alone, on a phone, dark and light,
 * without WebGPU, and with hostile data.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { FIXTURES, HOSTILE, HOSTILE_ANSWER, ODD_DATASET } from './fixtures.mjs';
import { bitmapOf } from './masks.mjs';
import { linkFirstMask, openSettings, violations } from './steps.mjs';
import {
  drawByWebGpu,
  failDevices,
  freePort,
  keepDevices,
  launch,
  newPage,
  openPage,
  PATIENCE,
  startSite,
  until,
  withoutIndex,
} from './support.mjs';

const { server, browser } = await startSite(FIXTURES);

/**
 * The page with its first sample drawn.
 */
function openSamples({ path = '#image=world_001', in: where = browser, ...options } = {}) {
  return openPage(where, server.address + path, options);
}

/**
 * How many different colours an image of the stage has, sampled; an empty stage has one.
 */
async function coloursOnStage(page) {
  const shot = await page.locator('mask-viewer').first().locator('[part~=stage]').screenshot();
  return page.evaluate(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes]));
    const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
    if (!context) return 0;
    context.drawImage(bitmap, 0, 0);
    const pixels = new Uint32Array(
      context.getImageData(0, 0, bitmap.width, bitmap.height).data.buffer,
    );
    return new Set(pixels.filter((_, index) => index % 97 === 0)).size;
  }, shot.toString('base64'));
}

/** Waits until the stage shows an image. */
async function drawn(page) {
  const end = Date.now() + PATIENCE;
  while ((await coloursOnStage(page)) <= 200)
    assert.ok(Date.now() < end, 'the stage shows no image');
}

test('a sample is drawn by WebGPU with its masks and without errors', async () => {
  const { page, errors, close } = await openSamples();
  await drawByWebGpu(page);
  await page.getByRole('radio', { name: 'Select a mask' }).click();
  await drawn(page);
  assert.match(await page.locator('#status').innerText(), /Drawn by\s+WebGPU/);
  const masks = page.getByRole('listbox', { name: /^Masks/ }).getByRole('option');
  assert.ok((await masks.count()) >= 1);
  await masks.first().click();
  await until(page, 'snapshot.selected === 0');
  assert.ok(await page.getByRole('heading', { name: 'Annotation' }).isVisible());
  assert.ok(await page.getByRole('link', { name: /Q\d+/ }).first().isVisible());
  assert.deepEqual(errors, []);
  await close();
});

test('hovering a mask on the image marks it in the list', async () => {
  const { page, close } = await openSamples();
  await page.getByRole('radio', { name: 'Select a mask' }).click();
  const at = await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    const names = (globalThis.hovered = []);
    viewer.addEventListener('mask-hover', (event) => names.push(event.detail?.id));
    const { left, top, width, height } = viewer.getBoundingClientRect();
    return { left, top, width, height };
  });
  for (let step = 1; step < 20; step += 1)
    await page.mouse.move(at.left + (at.width * step) / 20, at.top + at.height * 0.42);
  const names = await page.evaluate(() => globalThis.hovered);
  assert.ok(names.some(Boolean), 'some mask lies on that line');
  await close();
});

test('an idle page fetches the click model, and the first click does not ask for it again', async () => {
  const { page, errors, close } = await newPage(browser, { prefetches: true });
  const asked = [];
  page.on('request', (request) => asked.push(request.url()));
  // The encoder of the index is another one: linking asks for it once there is a mask.
  const models = () => asked.filter((url) => /\/models\/[^/]*\.onnx$/.test(url));
  const runtimes = () => asked.filter((url) => /ort-wasm/.test(url));
  await page.goto(server.address);
  await drawn(page);
  for (const end = Date.now() + PATIENCE; models().length < 2 || runtimes().length < 1;) {
    assert.ok(Date.now() < end, `an idle page fetches ${asked.join(' ')}`);
    await page.waitForTimeout(50);
  }
  // The files are in the cache once their parts are complete.
  const kept = () =>
    page.evaluate(async () => {
      const keys = await (await caches.open('masklink-models')).keys();
      return keys.filter(({ url }) => url.endsWith('/whole')).length;
    });
  for (const end = Date.now() + PATIENCE; (await kept()) < 2;) {
    assert.ok(Date.now() < end, 'the files are not kept');
    await page.waitForTimeout(50);
  }
  const before = models().length;
  await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    viewer.tool = 'pick';
    viewer.clickAt(...viewer.snapshot.size.map((side) => side / 2));
  });
  await until(page, '!snapshot.segmenting && snapshot.candidates.length > 0');
  assert.equal(models().length, before);
  assert.deepEqual(
    errors.filter((error) => !/404 .*\/v1\/link/.test(error)),
    [],
  );
  await close();
});

test('the click model is not loaded before the pointer reaches the image', async () => {
  const { page, close } = await newPage(browser);
  const asked = [];
  page.on('request', (request) => asked.push(request.url()));
  // The list of models, for the settings, and the module that reads annotations come with the page.
  const segments = () =>
    asked.filter((url) => /segment-worker|onnxruntime|ort[.-]|\.onnx/.test(url));
  await page.goto(server.address);
  await until(page, 'snapshot.shown.length > 0');
  await drawn(page);
  await page.waitForLoadState('networkidle');
  assert.deepEqual(segments(), []);
  await page.evaluate(() => {
    document.querySelector('mask-viewer').tool = 'pick';
  });
  await page
    .locator('mask-viewer')
    .first()
    .hover({ position: { x: 200, y: 200 } });
  const end = Date.now() + PATIENCE;
  while (!segments().some((url) => url.endsWith('.onnx'))) {
    assert.ok(Date.now() < end, `the pointer loads nothing: ${segments()}`);
    await page.waitForTimeout(50);
  }
  await close();
});

test('a mask is saved under the name of its image in any script', async () => {
  const { page, close } = await openSamples();
  await page.evaluate(async () => {
    const viewer = document.querySelector('mask-viewer');
    await viewer.openImage(null, { key: 'फल/हिन्दी 写真_1.jpg', size: [8, 6] });
    viewer.showMasks([{ id: 'm', title: 'Mine', mask: { size: [6, 8], boundaries: [6, 18] } }]);
    viewer.selectMask(0);
  });
  const [saved] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'JSON', exact: true }).click(),
  ]);
  assert.equal(saved.suggestedFilename(), 'हिन्दी_写真_1-mask.json');
  await close();
});

test('a mask saved as JSON is its run-length encoding', async () => {
  const { page, close } = await openSamples();
  await page.evaluate(() => document.querySelector('mask-viewer').selectMask(0));
  await until(page, 'snapshot.selected === 0');
  const [saved] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'JSON', exact: true }).click(),
  ]);
  const { size, counts } = await page.evaluate(() => {
    const mask = document.querySelector('mask-viewer').maskRle();
    if (!mask) throw new Error('no mask is selected');
    return mask;
  });
  assert.match(saved.suggestedFilename(), /\.json$/);
  assert.deepEqual(JSON.parse(readFileSync(await saved.path(), 'utf8')), { size, counts });
  assert.ok(bitmapOf({ size, counts }).some(Boolean));
  await close();
});

test('a mask saved as PNG is white on black', async () => {
  const { page, close } = await openSamples();
  await page.evaluate(() => document.querySelector('mask-viewer').selectMask(0));
  await until(page, 'snapshot.selected === 0');
  const { mask, size, kind, reds } = await page.evaluate(async () => {
    const viewer = document.querySelector('mask-viewer');
    const [png, mask] = [await viewer.maskPng(), viewer.maskRle()];
    if (!png || !mask) throw new Error('no mask is selected');
    const { width, height } = await createImageBitmap(png);
    const context = new OffscreenCanvas(width, height).getContext('2d');
    context?.drawImage(await createImageBitmap(png), 0, 0);
    const { data } = context?.getImageData(0, 0, width, height);
    const head = new Uint8Array(await png.slice(24, 26).arrayBuffer());
    return {
      mask,
      size: [height, width],
      kind: [...head],
      reds: [...data.filter((_, at) => at % 4 === 0)],
    };
  });
  assert.deepEqual(kind, [8, 0], 'eight bits of grey a pixel');
  assert.deepEqual(size, mask.size);
  const expected = bitmapOf(mask);
  const [height = 0, width = 0] = size;
  const wrong = reds.filter(
    (red, at) => red !== 255 * (expected[(at % width) * height + Math.floor(at / width)] ?? NaN),
  ).length;
  assert.equal(wrong, 0, `of ${reds.length} pixels`);
  await close();
});

test('the keyboard alone selects, zooms, draws a box and clears', async () => {
  const { page, errors, close } = await openSamples();
  await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    viewer.configure({ endpoint: null });
    // All that is said: the model that the box asks for may be said to load after what the keys did.
    const status = viewer.shadowRoot?.querySelector('[role=status]');
    const heard = (globalThis.heard = []);
    new MutationObserver(() => heard.push(status.textContent)).observe(status, {
      childList: true,
      characterData: true,
      subtree: true,
    });
  });
  const stage = page.getByRole('application');
  // Skip link, three buttons of the head, and then the stage.
  for (
    let presses = 0;
    presses < 6 && !(await stage.evaluate((node) => node.matches(':focus')));
    presses += 1
  )
    await page.keyboard.press('Tab');
  assert.ok(await stage.evaluate((node) => node.matches(':focus')), 'Tab reaches the stage');
  await page.keyboard.press('+');
  const zoomed = () => page.evaluate(() => document.querySelector('mask-viewer').view);
  assert.ok((await zoomed()) !== null, 'plus zooms');
  await page.keyboard.press('0');
  assert.equal(await zoomed(), null, 'nought fits');
  await page.keyboard.press('b');
  await until(page, "snapshot.tool === 'box'");
  await page.keyboard.press('Shift+ArrowLeft');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Shift+ArrowRight');
  await page.keyboard.press('Shift+ArrowRight');
  await page.keyboard.press('Shift+ArrowDown');
  await page.keyboard.press('Enter');
  await until(page, "snapshot.prompts.length === 1 && snapshot.prompts[0].type === 'box'");
  await page.keyboard.press('c');
  await until(page, 'snapshot.prompts.length === 0');
  await page.keyboard.press('s');
  for (let presses = 0; presses < 12; presses += 1) {
    await page.keyboard.press('Tab');
    if (
      await page.evaluate(
        () =>
          document.querySelector('mask-viewer')?.shadowRoot?.activeElement?.getAttribute('role') ===
          'option',
      )
    )
      break;
  }
  await page.keyboard.press('Enter');
  await until(page, 'snapshot.selected === 0');
  const heard = await page.evaluate(() => globalThis.heard);
  assert.ok(
    heard.some((words) => words.includes('selected')),
    heard.join(' | '),
  );
  assert.deepEqual(errors, []);
  await close();
});

for (const colorScheme of ['light', 'dark']) {
  test(`axe-core finds nothing wrong, ${colorScheme}`, async () => {
    const { page, close } = await openSamples({ colorScheme });
    assert.deepEqual(await violations(page), []);
    await page
      .getByRole('listbox', { name: /^Masks/ })
      .getByRole('option')
      .first()
      .click();
    await until(page, 'snapshot.selected === 0');
    assert.deepEqual(await violations(page), [], 'with a mask selected');
    await openSettings(page);
    assert.deepEqual(await violations(page), [], 'with the settings open');
    await close();
  });
}

test('the page on a phone fits, with touch targets of full size', async () => {
  const { page, close } = await openSamples({
    viewport: { width: 360, height: 740 },
    hasTouch: true,
    isMobile: true,
  });
  const overflow = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  assert.ok(overflow <= 0, `the page is ${overflow} px too wide`);
  const small = await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    const controls = [
      ...(viewer.shadowRoot?.querySelectorAll('button, [role=option]') ?? []),
      ...document.querySelectorAll('main button, header button, [role=option]'),
    ];
    return controls
      .map((node) => ({
        name: node.getAttribute('aria-label') ?? node.textContent,
        box: node.getBoundingClientRect(),
      }))
      .filter(({ box }) => box.width > 0 && (box.width < 43.9 || box.height < 43.9))
      .map(({ name, box }) => `${name} ${box.width}x${box.height}`);
  });
  assert.deepEqual(small, []);
  const stage = page.locator('mask-viewer [part~=stage]');
  assert.ok(await stage.isVisible());
  await close();
});

test('a phone opens an image far along the strip without moving the page', async () => {
  const { page, close } = await openSamples({
    path: '#image=world_011',
    viewport: { width: 360, height: 740 },
  });
  await drawn(page);
  assert.equal(await page.evaluate('scrollY'), 0);
  const chosen = await page.locator('.thumbnail[aria-selected=true]').boundingBox();
  assert.ok(chosen && chosen.x >= 0 && chosen.x + chosen.width <= 361, JSON.stringify(chosen));
  await close();
});

test('without WebGPU the CPU draws, with a message', async () => {
  const without = await launch({ webgpu: false });
  try {
    const { page, errors } = await openSamples({ in: without });
    await drawn(page);
    assert.match(await page.locator('#status').innerText(), /the CPU \(.*(WebGPU|adapter)/);
    assert.deepEqual(errors, []);
  } finally {
    await without.close();
  }
});

/** The page, drawn by WebGPU, with the devices it asked for in `devices`. */
async function openWithDevices() {
  const opened = await newPage(browser);
  await keepDevices(opened.page);
  await opened.page.goto(server.address);
  await until(opened.page, 'snapshot.shown.length > 0');
  await drawByWebGpu(opened.page);
  await drawn(opened.page);
  return opened;
}

test('a lost GPU device is replaced and the image is drawn again', async () => {
  const { page, errors, close } = await openWithDevices();
  const before = await page.evaluate(() => globalThis.devices.length);
  await page.evaluate(() => globalThis.devices.at(-1).destroy());
  await page.waitForFunction((count) => globalThis.devices.length > count, before, {
    timeout: PATIENCE,
  });
  // The new device draws from now on.
  await page.getByRole('radio', { name: 'Select a mask' }).click();
  await drawn(page);
  assert.match(await page.locator('#status').innerText(), /Drawn by\s+WebGPU/);
  assert.deepEqual(errors, []);
  await close();
});

test('a failing GPU is replaced by the CPU, and the masks stay', async () => {
  const { page, close } = await openWithDevices();
  const shown = await page.evaluate(
    () => document.querySelector('mask-viewer').snapshot?.shown.length,
  );
  await failDevices(page);
  await until(
    page,
    '((viewer) => (viewer.zoomBy(1.1), viewer.status.renderer?.kind === "cpu"))' +
      '(document.querySelector("mask-viewer"))',
  );
  await until(page, `snapshot.shown.length === ${shown}`);
  await drawn(page);
  assert.match(await page.locator('#status').innerText(), /the CPU/);
  await close();
});

test('a click gives a mask around it, and a newer click replaces an older one', async () => {
  const { page, errors, close } = await openSamples();
  const reported = await page.evaluate(
    () =>
      new Promise((resolve, reject) => {
        const viewer = document.querySelector('mask-viewer');
        const masks = [];
        viewer.configure({ endpoint: null });
        viewer.addEventListener('segment', (event) => masks.push(event.detail));
        viewer.addEventListener('update', () => {
          const { facts, segmenting, prompts, segmentFailure } = viewer.snapshot ?? {};
          if (segmentFailure) reject(new Error(segmentFailure.message));
          if (facts && !segmenting) resolve({ facts, prompts, masks: masks.length });
        });
        // Nothing but table first, then the middle of the orange.
        viewer.clickAt(60, 60);
        viewer.clickAt(530, 300);
      }),
  );
  const { facts, prompts, masks } = reported;
  const [x, y, width, height] = facts.bbox;
  assert.ok(x <= 530 && 530 < x + width && y <= 300 && 300 < y + height, JSON.stringify(facts));
  assert.deepEqual(prompts, [{ type: 'click', x: 530, y: 300, positive: true }]);
  assert.equal(masks, 1, 'the first click was never answered');
  assert.match(await page.locator('#status').innerText(), /image .*, click /);
  assert.match(await page.locator('#mask-body').innerText(), /Area/);
  assert.deepEqual(errors, []);
  await close();
});

test('a cached answer is shown and marked when endpoint and index fail', async () => {
  const { page, close } = await newPage(browser);
  await withoutIndex(page);
  // Those of the sample would take the place of what is given below.
  await page.route('**/samples/cached/*', (route) => route.fulfill({ status: 404 }));
  await page.goto(server.address);
  await until(page, 'snapshot.shown.length > 0');
  const port = await freePort();
  await page.evaluate((endpoint) => {
    const viewer = document.querySelector('mask-viewer');
    viewer.configure({ endpoint });
    viewer.selectMask(0);
  }, `http://127.0.0.1:${port}/`);
  await until(page, 'snapshot.selected === 0');
  await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    const mask = viewer.maskRle();
    if (!mask) throw new Error('no mask is selected');
    viewer.useCachedAnswers([
      { mask, answer: { entities: [{ qid: 'Q89', title: 'Apple', score: 0.9, evidence: [] }] } },
    ]);
  });
  await page.getByRole('button', { name: 'Compare it with the index' }).click();
  await until(page, "snapshot.linking.phase === 'answered'");
  assert.match(await page.locator('.banner').innerText(), /This is a stored answer/);
  assert.equal(await page.locator('.card h3').first().innerText(), 'Apple');
  await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    viewer.useCachedAnswers([]);
    viewer.askLink();
  });
  await until(page, "snapshot.linking.phase === 'failed'");
  assert.match(
    await page.locator('.banner').innerText(),
    new RegExp(
      `No result: The endpoint 127\\.0\\.0\\.1:${port} could not be reached .*` +
        'The index of this page .* returned 404',
    ),
  );
  await close();
});

test('the page’s result does not claim that nothing was sent after an endpoint request', async () => {
  const { page, close } = await openSamples();
  await page.evaluate(
    (endpoint) => {
      const viewer = document.querySelector('mask-viewer');
      viewer.configure({ endpoint });
      viewer.selectMask(0);
      viewer.askLink();
    },
    `http://127.0.0.1:${await freePort()}/`,
  );
  await until(page, "snapshot.linking.phase === 'answered' && snapshot.linking.source === 'local'");
  const words = await page.locator('#entities-body').innerText();
  assert.match(words, /could not be reached[\s\S]*Computed in this page\./);
  assert.doesNotMatch(words, /nothing was sent/);
  await close();
});

test('failures of a removed endpoint are hidden, and link times with a closed image', async () => {
  const { page, close } = await openSamples();
  const compared = page.locator('#status div', { hasText: 'Compared by' });
  const refusing = `http://127.0.0.1:${await freePort()}/`;
  const ask = async () => {
    await page.evaluate((endpoint) => {
      const viewer = document.querySelector('mask-viewer');
      viewer.configure({ endpoint });
      viewer.selectMask(0);
      viewer.askLink();
    }, refusing);
    await until(page, "snapshot.linking.phase === 'answered'");
    await page.getByText('could not be reached').waitFor();
  };
  await ask();
  const dialog = await openSettings(page);
  await dialog.getByRole('button', { name: 'Reset all' }).click();
  await dialog.getByRole('button', { name: 'Done' }).click();
  await page.getByText('Computed in this page; nothing was sent.').waitFor();
  assert.equal(await page.getByText('could not be reached').count(), 0);
  assert.match(await compared.innerText(), /In this page: \d/);

  await ask();
  await page.evaluate(() =>
    document.querySelector('mask-viewer').configure({ endpoint: 'http://127.0.0.1:10/' }),
  );
  await page.getByRole('button', { name: 'Compare it with the index' }).waitFor();
  assert.equal(await page.getByText('could not be reached').count(), 0);
  assert.match(await compared.innerText(), /http:\/\/127\.0\.0\.1:10\/$/);

  await page.evaluate(() => document.querySelector('mask-viewer').configure({ endpoint: null }));
  await page.evaluate(() => document.querySelector('mask-viewer').askLink());
  await until(page, "snapshot.linking.phase === 'answered'");
  assert.match(await compared.innerText(), /In this page: \d/);
  await page.locator('.thumbnail').nth(1).click();
  await until(page, "snapshot.linking.phase === 'idle' && snapshot.shown.length > 0");
  assert.match(await compared.innerText(), /this page$/);
  await close();
});

test('a dataset is opened in its dialog and searched, and its findings are listed', async () => {
  const { page, errors, close } = await openSamples();
  await page.getByRole('button', { name: 'Open a dataset' }).click();
  await page.getByLabel('Annotation file (JSON)').setInputFiles({
    name: 'odd.json',
    mimeType: 'application/json',
    buffer: Buffer.from(ODD_DATASET),
  });
  await page.getByLabel('Or address prefix').fill(server.address);
  await page.getByRole('button', { name: 'Open', exact: true }).click();
  await page.getByRole('heading', { name: 'odd.json' }).waitFor();
  assert.match(await page.locator('#strip-note').innerText(), /2 masks of 1 entity in 2 images/);
  assert.equal(await page.locator('#findings summary').innerText(), '2 findings');
  await until(page, "snapshot.image === 't' && snapshot.shown.length === 1");
  await page.getByRole('searchbox').fill('missing');
  await page.getByRole('listbox', { name: 'odd.json' }).getByRole('option').first().click();
  // Its image is nowhere: the mask is drawn on an empty frame, and its finding is reported.
  await until(page, "snapshot.image === 'gone' && snapshot.shown.length === 1");
  assert.match(
    await page.locator('mask-viewer [part~=hint]').innerText(),
    /404.*drawn on an empty frame/,
  );
  await page
    .getByRole('listbox', { name: /^Masks/ })
    .getByRole('option')
    .first()
    .click();
  assert.ok((await page.locator('.findings li').count()) > 0);
  assert.deepEqual(
    errors.filter((text) => !/cached|missing\.bmp/.test(text)),
    [],
  );
  await close();
});

test('the layout does not shift while the page loads', async () => {
  const { page, close } = await newPage(browser);
  await page.addInitScript(() => {
    const shifts = (globalThis.shifts = []);
    new PerformanceObserver((list) =>
      shifts.push(...list.getEntries().map((entry) => entry.value)),
    ).observe({ type: 'layout-shift', buffered: true });
  });
  await page.goto(server.address);
  await until(page, 'snapshot.shown.length > 0');
  await page.waitForTimeout(500);
  const shift = await page.evaluate(() => globalThis.shifts.reduce((sum, value) => sum + value, 0));
  // Web Vitals call up to 0.1 good.
  assert.ok(shift < 0.02, `layout shift ${shift}`);
  await close();
});

test('the address keeps image, view and selection', async () => {
  const { page, close } = await openSamples();
  await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    viewer.selectMask(0);
    viewer.view = { x: 200, y: 150, scale: 2 };
    viewer.zoomBy(1);
  });
  await page.waitForFunction(
    () => location.hash.includes('mask=') && location.hash.includes('view='),
  );
  const path = await page.evaluate(() => location.hash);
  await close();
  const again = await openSamples({ path });
  await until(again.page, 'snapshot.selected === 0');
  const view = await again.page.evaluate(() => document.querySelector('mask-viewer').view);
  assert.ok(
    view &&
      Math.abs(view.x - 200) < 1 &&
      Math.abs(view.y - 150) < 1 &&
      Math.abs(view.scale - 2) < 0.01,
    JSON.stringify(view),
  );
  await again.close();
});

test('two viewers work on one page, and removing one frees its memory', async () => {
  const { page, errors, close } = await newPage(browser);
  await page.goto(`${server.address}two.html`);
  await page.waitForFunction(
    () =>
      [...document.querySelectorAll('mask-viewer')].every(
        (viewer) => viewer.snapshot?.shown.length === 1,
      ),
    null,
    { timeout: PATIENCE },
  );
  const canvas = await page.evaluate(async () => {
    const [first, second] = [...document.querySelectorAll('mask-viewer')];
    second?.selectMask(0);
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
    const drawn = first?.shadowRoot?.querySelector('canvas');
    const bitmap = first?.bitmap;
    const before = [drawn?.width, bitmap?.width];
    first?.remove();
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
    return {
      before,
      after: [drawn?.width, bitmap?.width],
      selected: [first?.snapshot?.selected, second?.snapshot?.selected],
    };
  });
  assert.ok(
    canvas.before.every((width) => width && width > 0),
    JSON.stringify(canvas),
  );
  assert.deepEqual(canvas.after, [0, 0], 'the canvas has no memory and the bitmap is closed');
  assert.deepEqual(canvas.selected, [null, 0], 'the viewers are independent');
  await page.evaluate(() => document.body.append(document.createElement('mask-viewer')));
  assert.deepEqual(errors, []);
  await close();
});

test('a viewer inserted again shows its image again', async () => {
  const { page, errors, close } = await newPage(browser);
  await page.goto(`${server.address}two.html`);
  const shown = () =>
    page.waitForFunction(
      () =>
        document.querySelector('mask-viewer').snapshot?.shown.length === 1 &&
        document.querySelector('mask-viewer').bitmap,
      null,
      { timeout: PATIENCE },
    );
  await shown();
  await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    viewer.remove();
    document.body.prepend(viewer);
  });
  await shown();
  assert.deepEqual(errors, []);
  await close();
});

test('an entity that is not in the index gets no name', async () => {
  const { page, close } = await openSamples();
  const answer = {
    ...HOSTILE_ANSWER,
    entities: [{ qid: 'Q89', title: 'Apple', score: 0.6, evidence: [] }],
    in_index: { known: false, probability: 0.1 },
  };
  await linkFirstMask(page, answer);
  assert.match(await page.locator('.verdict').innerText(), /nothing that the index knows/);
  await close();
});

test('names from right to left keep their beginning on the cards', async () => {
  const { page, close } = await openSamples();
  const answer = {
    ...HOSTILE_ANSWER,
    entities: [{ qid: 'Q89', title: 'תפוח', description: 'פרי', score: 0.9, evidence: [] }],
  };
  await linkFirstMask(page, answer);
  for (const selector of ['.card h3', '.card .about']) {
    assert.equal(
      await page.locator(selector).evaluate((node) => getComputedStyle(node).direction),
      'rtl',
      selector,
    );
  }
  await close();
});

test('hostile names and addresses stay text', async () => {
  const { page, errors, close } = await openSamples();
  await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    viewer.selectMask(0);
    viewer.configure({ endpoint: new URL('hostile', document.baseURI).href });
    viewer.askLink();
  });
  await page.route('**/hostile/v1/link', (route) =>
    route.fulfill({
      status: 200,
      contentType: 'application/json',
      body: JSON.stringify(HOSTILE_ANSWER),
    }),
  );
  await page.evaluate(() => document.querySelector('mask-viewer').askLink());
  await until(page, "snapshot.linking.phase === 'answered'");
  const cards = page.locator('.card');
  assert.equal(await cards.first().locator('h3').innerText(), HOSTILE);
  assert.equal(await page.locator('.card [onerror], .card script').count(), 0);
  const links = await cards.locator('a').evaluateAll((nodes) => nodes.map((node) => node.protocol));
  assert.ok(
    links.every((protocol) => protocol === 'https:' || protocol === 'http:'),
    links.join(),
  );
  assert.equal(await page.evaluate(() => globalThis.pwned), undefined);
  assert.match(await page.locator('.verdict').innerText(), /Not sure/);
  assert.deepEqual(
    errors.filter((text) => !/cached|404|hostile/.test(text)),
    [],
  );
  await close();
});
