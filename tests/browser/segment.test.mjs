/**
 * @file The segmentation worker in a real browser: its runtimes and providers, its downloads and
 *   cache, and what
 * becomes of questions when something newer, or something bad, happens.
 *
 * The model is the tests' own (`tests/models/make.py`): it segments by likeness of colour, so what
 * is right is known.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { bitmapOf, iou } from './masks.mjs';
import { launch, newPage, serve } from './support.mjs';

const MODELS = join(import.meta.dirname, '../models');
const SIZE = { width: 640, height: 480 };
const BLANK = { '/blank.html': '<!doctype html><title>segment</title>' };
const DISC = { x: 200, y: 260, radius: 120 };

/** @type {Awaited<ReturnType<typeof serve>>} */
let site;
/** @type {ModelServer} */
let models;
/** @type {import('playwright-core').Browser} */
let browser;

before(async () => {
  site = await serve(BLANK);
  models = await ModelServer.start();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await models?.close();
  await site?.close();
});

/** Serves the tests' model from another origin, with Range, and misbehaves when asked to. */
class ModelServer {
  /** @type {string[]} What was asked for: path and Range. */
  asked = [];
  /** @type {'off' | 'down' | { stallAfter: number }} */
  fault = /** @type {any} */ ('off');
  /** Changes the manifest before it is served. @type {(manifest: any) => void} */
  edit = () => {};

  static async start() {
    const server = new ModelServer();
    server.http = createServer((request, response) => server.answer(request, response));
    await new Promise((resolve) => {
      server.http.listen(0, '127.0.0.1', () => resolve(undefined));
    });
    server.manifest = `http://127.0.0.1:${server.http.address().port}/models.json`;
    return server;
  }

  reset() {
    Object.assign(this, { asked: [], fault: 'off', edit: () => {} });
  }

  close() {
    this.http.closeAllConnections();
    return new Promise((resolve) => {
      this.http.close(resolve);
    });
  }

  answer(request, response) {
    const cors = {
      'access-control-allow-origin': '*',
      'access-control-allow-headers': 'range',
      'access-control-expose-headers': 'content-range',
    };
    if (request.method === 'OPTIONS') return response.writeHead(204, cors).end();
    if (this.fault === 'down') return request.socket.destroy();
    const { range } = request.headers;
    this.asked.push(`${request.url}${range ? ` ${range}` : ''}`);
    let body;
    try {
      body = readFileSync(join(MODELS, request.url));
    } catch {
      return response.writeHead(404, cors).end();
    }
    if (request.url === '/models.json') {
      const manifest = JSON.parse(body.toString());
      this.edit(manifest);
      return response.writeHead(200, cors).end(JSON.stringify(manifest));
    }
    const start = range ? Number(/bytes=(\d+)-/.exec(range)?.[1]) : 0;
    const part = body.subarray(start);
    response.writeHead(range ? 206 : 200, {
      ...cors,
      'content-length': part.length,
      ...(range ? { 'content-range': `bytes ${start}-${body.length - 1}/${body.length}` } : {}),
    });
    if (this.fault === 'off') response.end(part);
    else response.write(part.subarray(0, this.fault.stallAfter));
    return undefined;
  }
}

/** A page with `segmenter`, a client of the model server, and `disc()`, a red disc on blue. */
async function openPage(
  options = {},
  { on = browser, address = site.address, context = undefined } = {},
) {
  const opened = context
    ? { page: await context.newPage(), errors: [], close: async () => {} }
    : await newPage(on);
  await opened.page.goto(`${address}blank.html`);
  await opened.page.evaluate(
    async ({ options, SIZE, DISC }) => {
      const { SegmentClient } = await import('/workbench.js');
      const segmenter = new SegmentClient(options);
      const events = [];
      for (const name of ['progress', 'status', 'timings', 'crash'])
        segmenter.addEventListener(name, ({ detail }) => events.push({ name, detail }));
      Object.assign(window, {
        segmenter,
        events,
        disc(radius = DISC.radius) {
          const canvas = new OffscreenCanvas(SIZE.width, SIZE.height);
          const context = canvas.getContext('2d');
          context.fillStyle = 'rgb(30 60 180)';
          context.fillRect(0, 0, SIZE.width, SIZE.height);
          context.fillStyle = 'rgb(200 30 30)';
          context.arc(DISC.x, DISC.y, radius, 0, 2 * Math.PI);
          context.fill();
          return canvas.transferToImageBitmap();
        },
        /** What became of a promise. */
        settled: (promise) =>
          promise.then(
            (value) => ({ value }),
            (error) => ({ code: error.code, message: error.message }),
          ),
      });
    },
    { options: { manifest: models.manifest, ...options }, SIZE, DISC },
  );
  return opened;
}

/** Clicks the disc in a page and answers { value } or { code, message }. */
function clickDisc(page, question = { points: [[DISC.x, DISC.y, 1]] }) {
  return page.evaluate((question) => {
    segmenter.useImage(disc());
    return settled(segmenter.click(question));
  }, question);
}

function trueDisc(radius = DISC.radius) {
  const bitmap = new Uint8Array(SIZE.width * SIZE.height);
  for (let x = 0; x < SIZE.width; x += 1) {
    for (let y = 0; y < SIZE.height; y += 1) {
      bitmap[x * SIZE.height + y] = Number(Math.hypot(x + 0.5 - DISC.x, y + 0.5 - DISC.y) < radius);
    }
  }
  return bitmap;
}

/** The best mask of an answer, which must be the disc. */
function checkDisc({ value, ...failure }) {
  assert.ok(value, JSON.stringify(failure));
  assert.equal(value.candidates.length, 3);
  const { mask } = value.candidates[value.best];
  assert.deepEqual(mask.size, [SIZE.height, SIZE.width]);
  const bitmap = bitmapOf(mask);
  const found = iou(bitmap, trueDisc());
  assert.ok(found > 0.93, `IoU with the disc is ${found}`);
  return bitmap;
}

test('providers and builds agree, and say what runs and why', async (t) => {
  const cases = [
    { options: {}, expected: { provider: 'wasm', build: 'wasm' }, reason: /emulated in software/ },
    { options: { provider: 'webgpu' }, expected: { provider: 'webgpu', build: 'jspi' } },
    {
      options: { provider: 'webgpu', build: 'asyncify' },
      expected: { provider: 'webgpu', build: 'asyncify' },
    },
  ];
  const bitmaps = [];
  for (const { options, expected, reason } of cases) {
    models.reset();
    const { page, close } = await openPage(options);
    bitmaps.push(checkDisc(await clickDisc(page)));
    const { status, events } = await page.evaluate(() => ({ status: segmenter.status, events }));
    assert.deepEqual({ provider: status.provider, build: status.build }, expected);
    assert.equal(status.threads, 1, 'no cross-origin isolation, so one thread');
    if (reason) assert.match(status.reasons.join('; '), reason);
    else assert.deepEqual(status.reasons, []);
    const timings = events.filter(({ name }) => name === 'timings').map(({ detail }) => detail);
    t.diagnostic(`${expected.build}, ${expected.provider}: ${JSON.stringify(timings)}`);
    const parts = new Set(
      events.filter(({ name }) => name === 'progress').map(({ detail }) => detail.part),
    );
    assert.deepEqual([...parts].sort(), ['decoder', 'encoder', 'runtime']);
    await close();
  }
  for (const other of bitmaps.slice(1))
    assert.ok(iou(bitmaps[0], other) > 0.999, 'the GPU gives the same mask');
});

test('the default model gives the same mask on the GPU as on the processor', async (t) => {
  /** @type {Uint8Array[]} */
  const bitmaps = [];
  for (const provider of ['wasm', 'webgpu']) {
    const { page, close } = await openPage({
      provider,
      manifest: `${site.address}models/models.json`,
    });
    const { value, ...failure } = await page.evaluate(async () => {
      const response = await fetch('/samples/images/world_001.jpg');
      segmenter.useImage(await createImageBitmap(await response.blob()));
      return settled(segmenter.click({ points: [[530, 300, 1]] }));
    });
    assert.ok(value, JSON.stringify(failure));
    assert.equal(await page.evaluate(() => segmenter.status.provider), provider);
    bitmaps.push(bitmapOf(value.candidates[value.best].mask));
    t.diagnostic(
      `${provider}: ${JSON.stringify(value.ms)}, expected IoU ${value.candidates.map(({ score }) => score.toFixed(4))}`,
    );
    await close();
  }
  const found = iou(bitmaps[0], bitmaps[1]);
  t.diagnostic(`IoU of the two masks ${found}`);
  assert.ok(found > 0.99, `the masks differ: IoU ${found}`);
});

test('where the GPU fails, the processor takes over and says so', async () => {
  const without = await launch({ webgpu: false });
  try {
    const { page } = await openPage({ provider: 'webgpu' }, { on: without });
    checkDisc(await clickDisc(page));
    const status = await page.evaluate(() => segmenter.status);
    assert.equal(status.provider, 'wasm');
    assert.match(status.reasons.join('; '), /the GPU failed/);
  } finally {
    await without.close();
  }
});

test('it runs under a strict policy, and with threads on an isolated page', async (t) => {
  models.reset();
  const origin = new URL(models.manifest).origin;
  const strict = await serve(BLANK, {
    'content-security-policy': `default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self' ${origin}`,
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-embedder-policy': 'require-corp',
  });
  try {
    const { page, errors, close } = await openPage({}, { address: strict.address });
    checkDisc(await clickDisc(page));
    const { threads, isolated } = await page.evaluate(() => ({
      threads: segmenter.status.threads,
      isolated: crossOriginIsolated,
    }));
    assert.ok(isolated && threads > 1, `${threads} threads`);
    assert.deepEqual(
      errors.filter((error) => !error.includes('favicon')),
      [],
    );
    t.diagnostic(`${threads} threads`);
    await close();
  } finally {
    await strict.close();
  }
});

test('a negative click and a refinement change the mask', async () => {
  models.reset();
  const { page, close } = await openPage();
  const first = await clickDisc(page);
  checkDisc(first);
  const refined = await page.evaluate(
    ([ticket, best, DISC]) =>
      settled(
        segmenter.click({
          points: [
            [DISC.x, DISC.y, 1],
            [600, 20, 0],
          ],
          refine: [ticket, best],
        }),
      ),
    [first.value.ticket, first.value.best, DISC],
  );
  checkDisc(refined);
  const taken = await page.evaluate(
    (DISC) =>
      settled(
        segmenter.click({
          points: [
            [DISC.x, DISC.y, 1],
            [DISC.x + 5, DISC.y, 0],
          ],
        }),
      ),
    DISC,
  );
  assert.ok(
    iou(bitmapOf(taken.value.candidates[taken.value.best].mask), trueDisc()) < 0.5,
    'what is clicked away goes',
  );
  const unknown = await page.evaluate(
    ([ticket, DISC]) =>
      settled(segmenter.click({ points: [[DISC.x, DISC.y, 1]], refine: [ticket, 9] })),
    [first.value.ticket, DISC],
  );
  assert.equal(unknown.code, 'question-malformed');
  const outside = await page.evaluate(() => settled(segmenter.click({ points: [[9999, 3, 1]] })));
  assert.equal(outside.code, 'question-malformed');
  assert.match(outside.message, /outside the image of 640x480/);
  await close();
});

test('a model that zooms in corrects its answer by a closer look, and looks once at what it looked at', async () => {
  const radius = 14;
  /** @type {number[]} */
  const found = [];
  for (const [zoom, onClick] of [
    [undefined, undefined],
    [2, undefined],
    [2, 0.5],
  ]) {
    models.reset();
    models.edit = (manifest) => {
      Object.assign(manifest.models[0], { zoom_in: zoom, zoom_on_click: onClick });
    };
    const { page, close } = await openPage();
    const { firsts, value, ...failure } = await page.evaluate(
      async ([radius, DISC]) => {
        const firsts = [];
        segmenter.useImage(disc(radius));
        const last = await settled(
          segmenter.click({ points: [[DISC.x, DISC.y, 1]] }, (first) => firsts.push(first)),
        );
        return { firsts, ...last };
      },
      [radius, DISC],
    );
    assert.ok(value, JSON.stringify(failure));
    assert.equal(firsts.length, zoom ? 1 : 0, 'what is going to be corrected is told before');
    for (const { ticket, candidates, best } of firsts) {
      assert.equal(ticket, value.ticket);
      const first = iou(bitmapOf(candidates[best].mask), trueDisc(radius));
      assert.ok(Math.abs(first - found[0]) < 0.001, `IoU ${first} before the closer look`);
    }
    found.push(iou(bitmapOf(value.candidates[value.best].mask), trueDisc(radius)));
    const again = await page.evaluate(
      ([ticket, best, DISC]) =>
        settled(
          segmenter.click({
            points: [
              [DISC.x, DISC.y, 1],
              [600, 20, 0],
            ],
            refine: [ticket, best],
          }),
        ),
      [value.ticket, value.best, DISC],
    );
    assert.ok(
      iou(bitmapOf(again.value.candidates[again.value.best].mask), trueDisc(radius)) >
        found[0] - 0.01,
      JSON.stringify(again),
    );
    await close();
  }
  const [once, ...closer] = found;
  for (const iou of closer)
    assert.ok(iou > once + 0.05 && iou > 0.9, `IoU ${once} at first, ${iou} closer`);
});

test('a click that is taken back ends before its closer look, and the next one is answered', async () => {
  models.reset();
  models.edit = (manifest) => {
    Object.assign(manifest.models[0], { zoom_in: 2 });
  };
  const { page, close } = await openPage();
  const { first, second, replies } = await page.evaluate(async (DISC) => {
    const replies = [];
    let cancels = false;
    window.Worker = class extends Worker {
      constructor(...given) {
        super(...given);
        this.addEventListener('message', ({ data }) => replies.push(data));
      }

      postMessage(message) {
        super.postMessage(message);
        if (message.type === 'click' && cancels) queueMicrotask(() => segmenter.cancel());
      }
    };
    const click = () => settled(segmenter.click({ points: [[DISC.x, DISC.y, 1]] }));
    segmenter.useImage(disc(14));
    await segmenter.encode();
    cancels = true;
    const first = await click();
    cancels = false;
    return {
      first,
      second: await click(),
      replies: replies.filter(({ type }) => type !== 'progress' && type !== 'status'),
    };
  }, DISC);
  assert.equal(first.code, 'cancelled');
  assert.ok(second.value, JSON.stringify(second));
  const told = replies.map(({ type, code }) => code ?? type);
  assert.deepEqual(told.slice(2), ['provisional', 'cancelled', 'provisional', 'done']);
  await close();
});

test('bad models are refused with words on what to do', async () => {
  const cases = [
    [
      (m) => {
        m.models[0].decoder.sha256 = 'a'.repeat(64);
      },
      'model-hash',
    ],
    [
      (m) => {
        m.models[0].encoder.bytes += 1;
      },
      'model-size',
    ],
    [
      (m) => {
        m.models[0].encoder.bytes -= 1;
      },
      'model-size',
    ],
    [
      (m) => {
        m.models[0].decoder.url = 'gone.onnx';
      },
      'model-unreachable',
    ],
    [
      (m) => {
        m.version = 2;
      },
      'model-list',
    ],
    [
      (m) => {
        m.models[0].family = 'sam2';
      },
      'model-unsupported',
    ],
    [
      (m) => {
        m.models[0].decoder.candidates = 2;
      },
      'model-output',
    ],
  ];
  for (const [edit, expected] of cases) {
    models.reset();
    models.edit = edit;
    const { page, close } = await openPage();
    const { code, message } = await clickDisc(page);
    assert.equal(code, expected, message);
    // Put right where it is published, it works in the same page.
    models.edit = () => {};
    await page.evaluate(() => segmenter.free());
    checkDisc(await clickDisc(page));
    await close();
  }
  const { page, close } = await openPage({ model: 'huge' });
  const { code, message } = await clickDisc(page);
  assert.equal(code, 'model-unknown');
  assert.match(message, /"huge".*colour/);
  await close();
});

test('a cancelled download goes on where it stopped', async () => {
  models.reset();
  models.fault = { stallAfter: 100 };
  const { page, close } = await openPage();
  const cancelled = await page.evaluate(async () => {
    segmenter.useImage(disc());
    const promise = settled(segmenter.click({ points: [[200, 260, 1]] }));
    const arrived = (part) =>
      events.some(
        ({ name, detail }) => name === 'progress' && detail.part === part && detail.loaded >= 100,
      );
    while (!arrived('encoder') || !arrived('decoder'))
      await new Promise((resolve) => setTimeout(resolve, 20));
    const opening = settled(segmenter.open());
    segmenter.cancel();
    return [await promise, await opening];
  });
  assert.deepEqual(
    cancelled.map(({ code }) => code),
    ['cancelled', 'cancelled'],
  );
  models.reset();
  checkDisc(await clickDisc(page));
  assert.deepEqual(models.asked.sort(), [
    '/colour-decoder.onnx bytes=100-',
    '/colour-encoder.onnx bytes=100-',
    '/models.json',
  ]);
  await close();
});

test('once loaded, the model works without its server', async () => {
  models.reset();
  const { page, close } = await openPage();
  checkDisc(await clickDisc(page));
  models.reset();
  models.fault = 'down';
  const { page: later } = await openPage({}, { context: page.context() });
  checkDisc(await clickDisc(later));
  assert.deepEqual(models.asked, []);
  await close();
});

test('of several questions only the newest is answered, and the worker runs few', async () => {
  models.reset();
  const { page, close } = await openPage();
  checkDisc(await clickDisc(page));
  const outcomes = await page.evaluate(async (DISC) => {
    events.length = 0;
    const promises = [1, 2, 3, 4, 5].map((offset) =>
      settled(segmenter.click({ points: [[DISC.x + offset, DISC.y, 1]] })),
    );
    return Promise.all(promises);
  }, DISC);
  assert.deepEqual(
    outcomes.slice(0, 4).map(({ code }) => code),
    Array(4).fill('superseded'),
  );
  checkDisc(outcomes[4]);

  const moved = await page.evaluate(async (DISC) => {
    const asked = settled(segmenter.click({ points: [[DISC.x, DISC.y, 1]] }));
    segmenter.useImage(disc());
    return [await asked, await settled(segmenter.click({ points: [[DISC.x, DISC.y, 1]] }))];
  }, DISC);
  assert.equal(moved[0].code, 'superseded');
  checkDisc(moved[1]);
  const none = await page.evaluate(() => {
    segmenter.forgetImage();
    return settled(segmenter.click({ points: [[1, 1, 1]] }));
  });
  assert.equal(none.code, 'image-missing');
  await close();
});

test('a worker that dies is started anew by the next click', async () => {
  models.reset();
  const { page, close } = await openPage();
  checkDisc(await clickDisc(page));
  const [worker] = page.workers();
  await worker.evaluate(() => {
    setTimeout(() => {
      throw new Error('killed by the test');
    });
  });
  await page.waitForFunction(() => events.some(({ name }) => name === 'crash'));
  checkDisc(
    await page.evaluate(
      (DISC) => settled(segmenter.click({ points: [[DISC.x, DISC.y, 1]] })),
      DISC,
    ),
  );
  assert.equal(page.workers().length, 1);
  await close();
});
