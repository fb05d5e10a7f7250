/**
 * @file Measures a frame of overlapping masks: drawn from runs, and in the usual way from one texture
 *   per mask.
 * `bench.html#10,100` starts at once; `document.body.dataset.done` is set when the table is complete.
 */

import init, { FrameBench } from './pkg/workbench.js';
import { TexturePerMask } from './bench-textures.js';

const MIN_FRAMES = 3;
const MIN_MILLISECONDS = 1000;
const MEBIBYTE = 2 ** 20;
const IMAGE = { width: 1920, height: 1080 };

/** @param {string} id @returns {HTMLElement} */
function element(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}

/**
 * Returns the median milliseconds of each kind of frame, after one of each to warm up. They take turns,
 * so that other work on the machine slows all of them.
 * @param {(() => Promise<void>)[]} kinds
 */
async function medians(kinds) {
  for (const frame of kinds) await frame();
  const times = kinds.map(() => /** @type {number[]} */ ([]));
  const begun = performance.now();
  for (
    let round = 0;
    round < MIN_FRAMES || performance.now() - begun < MIN_MILLISECONDS;
    round += 1
  ) {
    for (const [kind, frame] of kinds.entries()) {
      const start = performance.now();
      await frame();
      times[kind]?.push(performance.now() - start);
    }
  }
  return times.map((one) => one.sort((a, b) => a - b)[Math.floor(one.length / 2)] ?? NaN);
}

/** @param {number} count @param {number} maxBytes @param {(text: string) => void} report */
async function measure(count, maxBytes, report) {
  report(`${count} masks: from runs, without and with outlines`);
  const bench = await FrameBench.create(count);
  element('adapter').textContent = `Adapter: ${bench.adapter}`;
  const [runs = NaN, outlines = NaN] = await medians([
    () => bench.frame(false),
    () => bench.frame(true),
  ]);
  const textureBytes = count * IMAGE.width * IMAGE.height;
  let textures = NaN;
  if (textureBytes <= maxBytes) {
    report(`${count} masks: from textures`);
    const usual = await TexturePerMask.create(IMAGE, count, (index) => bench.bitmap(index));
    [textures = NaN] = await medians([() => usual.frame()]);
    usual.destroy();
  }
  const bytes = bench.bytes;
  bench.destroy();
  bench.free();
  const timed = Number.isNaN(textures)
    ? ['skipped', '']
    : [textures.toFixed(1), (textures / runs).toFixed(1)];
  return [
    count,
    runs.toFixed(1),
    outlines.toFixed(1),
    (outlines / runs).toFixed(2),
    ...timed,
    (bytes / MEBIBYTE).toFixed(2),
    (textureBytes / MEBIBYTE).toFixed(0),
  ];
}

/** @param {string} text @returns {number[]} */
function countsOf(text) {
  return text
    .split(/[^0-9]+/)
    .map(Number)
    .filter((count) => count > 0);
}

async function run() {
  const start = /** @type {HTMLButtonElement} */ (element('start'));
  const counts = /** @type {HTMLInputElement} */ (element('counts'));
  const maxMebibytes = /** @type {HTMLInputElement} */ (element('max-mib'));
  const status = element('status');
  start.disabled = true;
  element('rows').replaceChildren();
  try {
    await init();
    for (const count of countsOf(counts.value)) {
      const cells = await measure(count, Number(maxMebibytes.value) * MEBIBYTE, (text) => {
        status.textContent = text;
      });
      const row = document.createElement('tr');
      row.append(
        ...cells.map((cell) =>
          Object.assign(document.createElement('td'), { textContent: String(cell) }),
        ),
      );
      element('rows').append(row);
    }
    status.textContent = 'Done.';
  } catch (error) {
    status.textContent = `Stopped: ${error instanceof Error ? error.message : String(error)}`;
  }
  start.disabled = false;
  document.body.dataset.done = 'true';
}

element('start').addEventListener('click', () => {
  void run();
});
if (location.hash) {
  /** @type {HTMLInputElement} */ (element('counts')).value = countsOf(location.hash).join(' ');
  void run();
}
