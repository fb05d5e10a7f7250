/**
 * @file Clicks in the worker of a real browser: runtimes and providers, downloads and their cache,
 * cancelled clicks, and failures.
 *
 * The model is the tests' own (`tests/models/make.py`): it segments by likeness of colour, so the
 * right mask is known.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { iou } from './masks.mjs';
import { launch, newPage, serve } from './support.mjs';

const MODELS = join(import.meta.dirname, '../models');
const SIZE = { width: 640, height: 480 };
const BLANK = { '/blank.html': '<!doctype html><title>segment</title>' };
const DISC = { x: 200, y: 260, radius: 120 };

let site;
let models;
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
  asked = [];
  fault = 'off';
  /** Changes the manifest before it is served. */
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
    else response.write(part.subarray(0, this.fault.breakAfter), () => request.socket.destroy());
    return undefined;
  }
}

/**
 * A page with `models`, the page's client of the worker, `segment(question)`, which resolves with the
 * result or failure, and `disc()`, a red disc on blue.
 */
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
      const { Models } = await import('/workbench.js');
      const { model = null, ...settings } = options;
      const [progress, firsts, waiting] = [[], [], new Map()];
      const plain = ({ ticket, best, size, scores, offsets, boundaries, ms }) => ({
        ticket,
        best,
        ms,
        scores: [...scores],
        masks: [...scores].map((_, at) => ({
          size: [...size],
          boundaries: [...boundaries.subarray(offsets[at], offsets[at + 1])],
        })),
      });
      const models = new Models(
        {
          send: ({ ticket, failure }) => waiting.get(ticket)?.(failure),
          segmented(result, provisional) {
            if (provisional) firsts.push(plain(result));
            else waiting.get(result.ticket)?.({ value: plain(result) });
          },
          progress: (words, _, done) => words && progress.push({ words, done }),
          token: () => null,
          encoder: () => null,
          changed: () => {},
        },
        settings,
      );
      let tickets = 0;
      Object.assign(window, {
        models,
        progress,
        firsts,
        useDisc: (radius) => models.useImage({ bitmap: disc(radius) }),
        /** Asks, and resolves with { value } or { code, message }. */
        segment({ points, refine = null } = { points: [[DISC.x, DISC.y, 1]] }) {
          const ticket = (tickets += 1);
          const prompts = points.map(([x, y, label]) => ({
            type: 'click',
            x,
            y,
            positive: label === 1,
          }));
          return new Promise((resolve) => {
            waiting.set(ticket, resolve);
            models.segment({ ticket, prompts, refine }, model);
          });
        },
        /** Takes back the question asked last. */
        cancelLast: () => models.cancel(tickets),
      });
      function disc(radius = DISC.radius) {
        const canvas = new OffscreenCanvas(SIZE.width, SIZE.height);
        const context = canvas.getContext('2d');
        context.fillStyle = 'rgb(30 60 180)';
        context.fillRect(0, 0, SIZE.width, SIZE.height);
        context.fillStyle = 'rgb(200 30 30)';
        context.arc(DISC.x, DISC.y, radius, 0, 2 * Math.PI);
        context.fill();
        return canvas.transferToImageBitmap();
      }
    },
    { options: { manifest: models.manifest, ...options }, SIZE, DISC },
  );
  return opened;
}

/** Clicks the disc in a page and returns { value } or { code, message }. */
function clickDisc(page) {
  return page.evaluate(() => {
    useDisc();
    return segment();
  });
}

/** Asks about the image that is there. */
function ask(page, question) {
  return page.evaluate((question) => segment(question), question);
}

/** The bitmap of a mask given by its boundaries, column by column. */
function bitmapOf({ size: [height, width], boundaries }) {
  const bitmap = new Uint8Array(height * width);
  for (let at = 0; at < boundaries.length; at += 2)
    bitmap.fill(1, boundaries[at], boundaries[at + 1] ?? bitmap.length);
  return bitmap;
}

function bestOf(value) {
  return bitmapOf(value.masks[value.best]);
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

/** Returns the best mask, which must be the disc. */
function checkDisc({ value, ...failure }) {
  assert.ok(value, JSON.stringify(failure));
  assert.equal(value.masks.length, 3);
  assert.deepEqual(value.masks[value.best].size, [SIZE.height, SIZE.width]);
  const bitmap = bestOf(value);
  const found = iou(bitmap, trueDisc());
  assert.ok(found > 0.93, `IoU with the disc is ${found}`);
  return bitmap;
}

test('all providers and builds give the same mask, and report what runs and why', async (t) => {
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
    const { status, words } = await page.evaluate(() => ({
      status: models.status.segment,
      words: progress.map(({ words }) => words),
    }));
    assert.deepEqual({ provider: status.provider, build: status.build }, expected);
    assert.equal(status.threads, 1, 'no cross-origin isolation, so one thread');
    if (reason) assert.match(status.reasons.join('; '), reason);
    else assert.deepEqual(status.reasons, []);
    t.diagnostic(`${expected.build}, ${expected.provider}: ${JSON.stringify(status.timings)}`);
    assert.deepEqual([...new Set(words)], ['Loading the model', 'Starting the model']);
    const full = await page.evaluate(() => progress.some(({ done }) => done >= 1));
    assert.equal(full, false, 'no full bar stays while the model starts');
    await close();
  }
  for (const other of bitmaps.slice(1))
    assert.ok(iou(bitmaps[0], other) > 0.999, 'the GPU gives the same mask');
});

test('the default model gives the same mask on the GPU as on the processor', async (t) => {
  const bitmaps = [];
  for (const provider of ['wasm', 'webgpu']) {
    const { page, close } = await openPage({
      provider,
      manifest: `${site.address}models/models.json`,
    });
    const { value, ...failure } = await page.evaluate(async () => {
      const response = await fetch('/samples/images/world_001.jpg');
      models.useImage({ bitmap: await createImageBitmap(await response.blob()) });
      return segment({ points: [[530, 300, 1]] });
    });
    assert.ok(value, JSON.stringify(failure));
    assert.equal(await page.evaluate(() => models.status.segment.provider), provider);
    bitmaps.push(bestOf(value));
    t.diagnostic(
      `${provider}: ${JSON.stringify(value.ms)}, ` +
        `expected IoU ${value.scores.map((score) => score.toFixed(4))}`,
    );
    await close();
  }
  const found = iou(bitmaps[0], bitmaps[1]);
  t.diagnostic(`IoU of the two masks ${found}`);
  assert.ok(found > 0.99, `the masks differ: IoU ${found}`);
});

test('the embedding stays on the GPU between the encoder and the decoder', async () => {
  models.reset();
  const { page, close } = await openPage({ provider: 'webgpu' });
  page.on('worker', (worker) =>
    worker.evaluate(() => {
      self.readBack = [];
      const mapAsync = GPUBuffer.prototype.mapAsync;
      GPUBuffer.prototype.mapAsync = function (...options) {
        self.readBack.push(this.size);
        return mapAsync.apply(this, options);
      };
    }),
  );
  checkDisc(await clickDisc(page));
  const sizes = await page.workers()[0].evaluate(() => self.readBack);
  const [{ encoder }] = JSON.parse(readFileSync(join(MODELS, 'models.json'), 'utf8')).models;
  const bytes = encoder.embedding.reduce((product, side) => product * side, 4);
  assert.ok(sizes.length > 0 && !sizes.includes(bytes), `${bytes} bytes among ${sizes}`);
  await close();
});

test('a failing GPU is replaced by the processor, with the reason in the status', async () => {
  const without = await launch({ webgpu: false });
  try {
    const { page } = await openPage({ provider: 'webgpu' }, { on: without });
    checkDisc(await clickDisc(page));
    const status = await page.evaluate(() => models.status.segment);
    assert.equal(status.provider, 'wasm');
    assert.match(status.reasons.join('; '), /the GPU failed/);
  } finally {
    await without.close();
  }
});

test('the model runs under a strict policy, with threads on an isolated page', async (t) => {
  models.reset();
  const origin = new URL(models.manifest).origin;
  const strict = await serve(BLANK, {
    'content-security-policy':
      "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; " +
      `connect-src 'self' ${origin}`,
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-embedder-policy': 'require-corp',
  });
  try {
    const { page, errors, close } = await openPage({}, { address: strict.address });
    checkDisc(await clickDisc(page));
    const { threads, isolated } = await page.evaluate(() => ({
      threads: models.status.segment.threads,
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
  const on = [DISC.x, DISC.y, 1];
  const { ticket, best } = first.value;
  checkDisc(await ask(page, { points: [on, [600, 20, 0]], refine: { ticket, candidate: best } }));
  const taken = await ask(page, { points: [on, [DISC.x + 5, DISC.y, 0]] });
  assert.ok(iou(bestOf(taken.value), trueDisc()) < 0.5, 'what is clicked away goes');
  const unknown = await ask(page, { points: [on], refine: { ticket, candidate: 9 } });
  assert.equal(unknown.code, 'question-malformed');
  const outside = await ask(page, { points: [[9999, 3, 1]] });
  assert.equal(outside.code, 'question-malformed');
  assert.match(outside.message, /outside the image of 640x480/);
  await close();
});

test('refinement passes correct a first mask that is shown earlier', async () => {
  const radius = 14;
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
    const { firsts, value, ...failure } = await page.evaluate(async (radius) => {
      useDisc(radius);
      const last = await segment();
      return { firsts: [...firsts], ...last };
    }, radius);
    assert.ok(value, JSON.stringify(failure));
    assert.equal(firsts.length, zoom ? 1 : 0, 'a mask that is going to be refined is given first');
    for (const first of firsts) {
      assert.equal(first.ticket, value.ticket);
      const full = iou(bestOf(first), trueDisc(radius));
      assert.ok(Math.abs(full - found[0]) < 0.001, `IoU ${full} before the refinement`);
    }
    found.push(iou(bestOf(value), trueDisc(radius)));
    const again = await ask(page, {
      points: [
        [DISC.x, DISC.y, 1],
        [600, 20, 0],
      ],
      refine: { ticket: value.ticket, candidate: value.best },
    });
    assert.ok(iou(bestOf(again.value), trueDisc(radius)) > found[0] - 0.01, JSON.stringify(again));
    await close();
  }
  const [once, ...refined] = found;
  for (const iou of refined)
    assert.ok(iou > once + 0.05 && iou > 0.9, `IoU ${once} at first, ${iou} refined`);
});

test('a cancelled click ends before its refinement pass, and the next one is computed', async () => {
  models.reset();
  models.edit = (manifest) => {
    Object.assign(manifest.models[0], { zoom_in: 2 });
  };
  const { page, close } = await openPage();
  const { outcomes, second } = await page.evaluate(async () => {
    useDisc(14);
    await models.prepare(null);
    const outcomes = [];
    window.MessagePort.prototype.postMessage = ((post) =>
      function (...message) {
        this.addEventListener('message', ({ data }) => outcomes.push(data));
        return post.apply(this, message);
      })(window.MessagePort.prototype.postMessage);
    segment();
    cancelLast();
    const second = await segment();
    return { outcomes: outcomes.map((data) => data.code ?? Object.keys(data)[0]), second };
  });
  assert.ok(second.value, JSON.stringify(second));
  assert.equal(outcomes.at(-1), 'cancelled');
  assert.ok(!outcomes.includes('result'), JSON.stringify(outcomes));
  await close();
});

test('bad models are refused with a message on what to do', async () => {
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
    await page.evaluate(() => models.free());
    checkDisc(await clickDisc(page));
    await close();
  }
  const { page, close } = await openPage({ model: 'huge' });
  const { code, message } = await clickDisc(page);
  assert.equal(code, 'model-unknown');
  assert.match(message, /"huge".*colour/);
  await close();
});

test('an interrupted download continues where it stopped', async () => {
  models.reset();
  models.fault = { breakAfter: 100 };
  const { page, close } = await openPage();
  const { code } = await clickDisc(page);
  assert.equal(code, 'model-unreachable');
  models.reset();
  checkDisc(await clickDisc(page));
  const again = models.asked.filter((path) => path.endsWith('-'));
  assert.ok(again.length > 0, JSON.stringify(models.asked));
  for (const path of again) assert.match(path, /-(de|en)coder\.onnx bytes=[1-9]\d*-$/);
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

test('of several clicks, only the one that is not cancelled is computed', async () => {
  models.reset();
  const { page, close } = await openPage();
  checkDisc(await clickDisc(page));
  const results = await page.evaluate(async (DISC) => {
    const results = [];
    let last;
    for (const offset of [1, 2, 3, 4, 5]) {
      cancelLast();
      last = segment({ points: [[DISC.x + offset, DISC.y, 1]] });
      last.then((result) => results.push(result));
    }
    await last;
    return results;
  }, DISC);
  assert.equal(results.length, 1);
  checkDisc(results[0]);
  const none = await page.evaluate(() => {
    models.forgetImage();
    return segment();
  });
  assert.equal(none.code, 'image-missing');
  await close();
});

test('a dead worker is restarted by the next click', async () => {
  models.reset();
  const { page, close } = await openPage();
  checkDisc(await clickDisc(page));
  const [worker] = page.workers();
  const dying = page.evaluate(() => segment({ points: [[1, 1, 1]] }));
  await worker.evaluate(() => {
    setTimeout(() => {
      throw new Error('killed by the test');
    });
  });
  const { code } = await dying;
  assert.ok(code === undefined || code === 'worker-crashed', code);
  await page.waitForTimeout(200);
  checkDisc(await ask(page));
  assert.equal(page.workers().length, 1);
  await close();
});
