/**
 * @file Opens annotation files of real size in a page: it stays responsive, can cancel, and handles
 * hostile content.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createReadStream, createWriteStream, mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

import { launch, newPage, serve } from './support.mjs';

/**
 * Bytes of the large file; `MASKLINK_TEST_FILE_MB` makes it larger, as the figures in the
 * documentation were measured.
 */
const LARGE_BYTES = Number(process.env.MASKLINK_TEST_FILE_MB ?? 60) * 1e6;
/** No task of the page may take longer, in milliseconds. */
const LONGEST_TASK = 50;
/** Trace categories that give the duration of tasks. */
const TASKS = ['toplevel', '__metadata', 'disabled-by-default-devtools.timeline'];

const TEST_PAGE = `<!doctype html><title>test</title><link rel="icon" href="data:,">
<input type="file"><script type="module">
  import { openAnnotations } from './workbench.js';
  globalThis.openAnnotations = openAnnotations;
  globalThis.chosen = () => document.querySelector('input').files[0];
</script>`;

/**
 * COCO's compressed counts of the mask with these boundaries.
 */
function compressed(pixels, boundaries) {
  const counts = [...boundaries, pixels].map((boundary, at, all) => boundary - (all[at - 1] ?? 0));
  let text = '';
  counts.forEach((count, at) => {
    let rest = at > 2 ? count - counts[at - 2] : count;
    for (let more = true; more;) {
      const group = rest & 0x1f;
      rest >>= 5;
      more = group & 0x10 ? rest !== -1 : rest !== 0;
      text += String.fromCharCode(group + 48 + (more ? 0x20 : 0));
    }
  });
  return text;
}

const [WIDTH, HEIGHT] = [500, 375];

/** The boundaries of a wavy band. */
function band(phase) {
  return Array.from({ length: 420 }, (_, column) => {
    const wave = (frequency, height) => Math.sin((column + phase * 7) * frequency) * height;
    const start = (column + 40) * HEIGHT;
    return [
      start + Math.floor(90 + wave(0.05, 50) + wave(0.9, 4)),
      start + Math.floor(290 + wave(0.07, 50) + wave(1.3, 4)),
    ];
  }).flat();
}

/**
 * Writes a file in Mask-OVEN-Wiki's shape, with two masks an annotation and 100 entities, and
 * returns its number of annotations.
 */
async function writeLargeFile(path, bytes) {
  const masks = Array.from({ length: 32 }, (_, phase) =>
    JSON.stringify({ size: [HEIGHT, WIDTH], counts: compressed(WIDTH * HEIGHT, band(phase)) }),
  );
  const record = (n) =>
    `{"id":"a${n}","image_id":"p${n}","category_id":"Q${(n % 100) + 1}",` +
    `"segmentation":[${masks[n % 32]},${masks[n % 32]}],` +
    '"bbox":[[40,30,460,350],[40,30,460,350]],"text_prompt":"a thing","label":["a thing(0.44)"],' +
    '"question":"what is this?","data_split":"entity_train"}';
  const count = Math.ceil(bytes / (record(0).length + 80));
  const file = createWriteStream(path);
  const write = async (text) => {
    if (!file.write(text)) await once(file, 'drain');
  };
  const list = async (name, length, element) => {
    await write(`"${name}":[`);
    for (let n = 0; n < length; n += 1) await write((n ? ',\n' : '') + element(n));
    await write(']');
  };
  await write('{');
  await list(
    'images',
    count,
    (n) => `{"id":"p${n}","file_name":"/${n % 100}/p${n}.jpg","height":${HEIGHT},"width":${WIDTH}}`,
  );
  await write(',');
  await list('categories', 100, (n) => `{"id":"Q${n + 1}","name":"Entity ${n + 1}"}`);
  await write(',');
  await list('annotations', count, record);
  file.end('}');
  await once(file, 'finish');
  return count;
}

const folder = mkdtempSync(join(tmpdir(), 'masklink-'));
const large = join(folder, 'large.json');
let count = 0;
let site;
let browser;

before(async () => {
  count = await writeLargeFile(large, LARGE_BYTES);
  site = await serve({ '/test.html': TEST_PAGE });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await site?.close();
  rmSync(folder, { recursive: true });
});

/** Opens a page with the client loaded. */
async function open() {
  const { page, errors, close } = await newPage(browser);
  await page.goto(`${site.address}test.html`);
  await page.waitForFunction('globalThis.openAnnotations');
  return { page, errors, close };
}

/** Opens the chosen file, and returns samples of its content and the time that each took. */
function readChosen(page) {
  return page.evaluate(async () => {
    const { openAnnotations, chosen } = globalThis;
    const progress = [];
    const started = performance.now();
    const file = await openAnnotations(chosen(), {
      onProgress: (message) => progress.push(message),
    });
    const seconds = (performance.now() - started) / 1000;
    const selected = await file.select({ category: 'Q7', order: 'file' });
    const askedPage = performance.now();
    const [first, second] = await file.page(0, 50);
    const pageSeconds = (performance.now() - askedPage) / 1000;
    const { mask, ...annotation } = second.annotations[0];
    const [top] = await file.categories('entity 7', 1);
    const invalid = await file.select({ order: 'unknown' }).catch((error) => error.code);
    file.close();
    const closed = await file.page(0, 1).catch((error) => error.code);
    return {
      overview: file.overview,
      progress,
      seconds,
      pageSeconds,
      selected,
      first,
      file: second.file,
      annotation,
      size: mask.size,
      boundaries: [...mask.boundaries],
      top,
      invalid,
      closed,
    };
  });
}

/** Checks what `readChosen` found in the large file. */
function checkContent(found, bytes) {
  assert.deepEqual(found.overview, {
    bytes,
    images: count,
    categories: 100,
    annotations: count,
    splits: [{ name: 'entity_train', annotations: count }],
    findings: [],
  });
  assert.ok(found.progress.length >= 3, `${found.progress.length} progress messages`);
  assert.ok(
    found.progress.every(
      ({ bytes: at, total }, n) =>
        total === bytes && at <= total && at > (found.progress[n - 1]?.bytes ?? -1),
    ),
  );
  const ofEntity = Math.ceil((count - 6) / 100);
  assert.deepEqual(found.selected, { images: ofEntity, annotations: ofEntity });
  assert.equal(found.first.id, 'p6');
  assert.equal(found.file, '6/p106.jpg');
  const { title, labels, boxes, seen, split } = found.annotation;
  assert.deepEqual(
    { title, labels, boxes, seen, split },
    {
      title: 'Entity 7',
      labels: [{ text: 'a thing', score: 0.44 }],
      boxes: [
        [40, 30, 460, 350],
        [40, 30, 460, 350],
      ],
      seen: null,
      split: 'entity_train',
    },
  );
  assert.deepEqual(found.size, [HEIGHT, WIDTH]);
  assert.deepEqual(found.boundaries, band(106 % 32));
  assert.deepEqual(found.top, { id: 'Q7', name: 'Entity 7', annotations: ofEntity });
  assert.equal(found.invalid, 'json');
  assert.equal(found.closed, 'closed');
}

test('a large file opens, and the page stays responsive', async (t) => {
  const { page, errors, close } = await open();
  await page.setInputFiles('input', large);
  await browser.startTracing(page, { categories: TASKS });
  const found = await readChosen(page);
  const tasks = tasksOf(await browser.stopTracing());
  const longest = Math.max(...tasks.map(({ busy }) => busy));
  const bytes = statSync(large).size;
  await browser.startTracing(page, { categories: TASKS });
  const parsed = await page.evaluate(
    async () => JSON.parse(await globalThis.chosen().text()).annotations.length,
  );
  const inThePage = Math.max(...tasksOf(await browser.stopTracing()).map(({ busy }) => busy));
  const megabytes = (bytes / 1e6).toFixed(1);
  const rate = (bytes / 1e6 / found.seconds).toFixed(0);
  const clock = Math.max(...tasks.map((task) => task.clock)).toFixed(1);
  t.diagnostic(
    `${megabytes} MB, ${count} annotations in ${found.seconds.toFixed(2)} s (${rate} MB/s); ` +
      `a page of 50 images in ${(found.pageSeconds * 1000).toFixed(0)} ms; ` +
      `longest of ${tasks.length} tasks of the page ${longest.toFixed(1)} ms of work, ` +
      `${clock} ms on the clock; ` +
      `JSON.parse of the file in the page: a task of ${inThePage.toFixed(0)} ms of work`,
  );

  assert.deepEqual(errors, []);
  checkContent(found, bytes);
  assert.equal(parsed, count);
  // No machine parses more than 3 GB/s: a trace that misses this task would miss others.
  assert.ok(inThePage > bytes / 3e6, `a long task is seen where there is one, not ${inThePage} ms`);
  assert.ok(longest < LONGEST_TASK, `a task of the page took ${longest} ms`);
  await close();
});

test('reading can be cancelled, or stopped with the records so far', async () => {
  const { page, errors, close } = await open();
  await page.setInputFiles('input', large);
  const givenUp = await page.evaluate(async () => {
    const { openAnnotations, chosen } = globalThis;
    const control = new AbortController();
    const opening = openAnnotations(chosen(), {
      signal: control.signal,
      onProgress: () => control.abort(),
    });
    return opening.then(
      () => 'opened',
      (error) => error.name,
    );
  });
  assert.equal(givenUp, 'AbortError');
  // The browser reports a worker's end a moment later.
  for (let waited = 0; page.workers().length > 0 && waited < 5000; waited += 50) await delay(50);
  assert.equal(page.workers().length, 0, 'the worker is gone');

  const part = await page.evaluate(async () => {
    const { openAnnotations, chosen } = globalThis;
    const control = new AbortController();
    const onProgress = ({ annotations }) => {
      if (annotations > 0) control.abort();
    };
    const file = await openAnnotations(chosen(), { enough: control.signal, onProgress });
    const [image] = await file.page(0, 1);
    file.close();
    return { overview: file.overview, area: image.annotations[0].area };
  });
  assert.ok(
    part.overview.annotations > 0 && part.overview.annotations < count,
    `${part.overview.annotations} of ${count}`,
  );
  assert.equal(part.overview.findings[0].code, 'truncated');
  assert.ok(part.area > 0);
  assert.deepEqual(errors, []);
  await close();
});

test('a streamed address opens; a missing file and a broken connection are reported', async (t) => {
  const server = createServer((request, response) => {
    response.setHeader('access-control-allow-origin', '*');
    if (request.url === '/large.json') {
      response.setHeader('content-length', statSync(large).size);
      createReadStream(large).pipe(response);
    } else if (request.url === '/breaks.json') {
      response.setHeader('content-length', statSync(large).size);
      createReadStream(large, { end: 1_000_000 })
        .on('end', () => response.destroy())
        .pipe(response, { end: false });
    } else {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(undefined));
  });
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = `http://127.0.0.1:${server.address().port}`;
  const { page, close } = await open();
  const outcome = (path) =>
    page.evaluate(
      (from) =>
        globalThis.openAnnotations(from).then(
          (file) => {
            file.close();
            return file.overview.annotations;
          },
          ({ code, message }) => ({ code, message }),
        ),
      address + path,
    );
  assert.equal(await outcome('/large.json'), count);
  const missing = await outcome('/gone.json');
  assert.deepEqual(
    [missing.code, missing.message],
    ['http', `${address}/gone.json could not be loaded: the server returned 404 Not Found`],
  );
  const broken = await outcome('/breaks.json');
  assert.equal(broken.code, 'broken-off');
  assert.match(broken.message, /^Reading the file stopped after \d+ bytes/);
  await close();
});

test('hostile files are opened or rejected without harm', async () => {
  const { page, errors, close } = await open();
  const good =
    '{"id":"good","image_id":"p","category_id":"Q1","segmentation":{"size":[3,4],"counts":[3,6,3]}}';
  const file = (annotations) =>
    '{"images":[{"id":"p","width":4,"height":3}],' +
    '"categories":[{"id":"Q1","name":"<img src=x onerror=alert(1)>"}],' +
    `"annotations":[${annotations}${good}]}`;
  const cases = [
    ['a page', '<!doctype html>', ['not-annotations'], 0],
    ['nothing', '', ['not-annotations'], 0],
    ['cut off', file('').slice(0, -20), ['truncated'], 0],
    ['markup as a name', file(''), [], 1],
    [
      'deep nesting',
      file(`{"id":"x","bbox":${'['.repeat(200_000)}${']'.repeat(200_000)}},`),
      ['malformed'],
      1,
    ],
    [
      'a text of 20 MB',
      file(`{"id":"x","a":"${'x'.repeat(20_000_000)}"},`),
      ['record-too-long'],
      1,
    ],
    [
      'a mask of 10^12 pixels',
      file(
        '{"id":"x","image_id":"p","category_id":"Q1",' +
          '"segmentation":[{"size":[1000000,1000000],"counts":[0]}]},',
      ),
      ['bad-mask'],
      2,
    ],
    [
      'a mask of 4 * 10^9 pixels',
      file(
        '{"id":"x","image_id":"p","category_id":"Q1",' +
          '"segmentation":[{"size":[65535,65535],"counts":[0,4294836225]}]},',
      ),
      ['size-differs'],
      2,
    ],
    [
      'keys of objects',
      file(
        '{"id":"x","__proto__":{"polluted":1},"constructor":null,' +
          '"image_id":"p","category_id":"Q1","segmentation":[]},',
      ),
      ['no-mask'],
      2,
    ],
    ['many broken records', file('{"id":},'.repeat(50_000)), ['malformed'], 1],
  ];
  for (const [name, text, codes, annotations] of cases) {
    const found = await page.evaluate(async (json) => {
      const file = await globalThis.openAnnotations(new Blob([json]));
      const [image] = await file.page(0, 1);
      file.close();
      return {
        overview: file.overview,
        titles: image?.annotations.map((one) => one.title) ?? [],
      };
    }, text);
    assert.deepEqual(
      found.overview.findings.map(({ code }) => code),
      codes,
      name,
    );
    assert.equal(found.overview.annotations, annotations, name);
    if (annotations) assert.ok(found.titles.includes('<img src=x onerror=alert(1)>'), name);
  }
  assert.deepEqual(errors, []);
  await close();
});

/**
 * Returns the durations of the tasks of the page's main thread, in milliseconds: on the clock, and
 * of the thread's own time, since on a busy machine the clock also counts other processes.
 */
function tasksOf(trace) {
  const { traceEvents } = JSON.parse(trace.toString());
  const main = new Set(
    traceEvents
      .filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain')
      .map(({ pid, tid }) => `${pid}/${tid}`),
  );
  return traceEvents
    .filter(
      ({ name, ph, pid, tid }) => ph === 'X' && /RunTask$/.test(name) && main.has(`${pid}/${tid}`),
    )
    .map(({ dur = 0, tdur = dur }) => ({ clock: dur / 1000, busy: tdur / 1000 }));
}
