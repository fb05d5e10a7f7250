// Measures operations on masks in WebAssembly under Node: decoding, bitmaps, unions.
//
// node benches/rle_wasm.mjs [FILE [ROUNDS]]: over the strings of a file of JSON lines
// {"size":[h,w],"counts":"…"}, or over generated blobs. The module is that of `./build.sh build`, or
// of the folder PKG. Prints one JSON object: seconds of each round over all strings, by operation.

import { readFile } from 'node:fs/promises';

const pkg = new URL(`${process.env.PKG ?? '../target/pkg'}/`, import.meta.url);
const { default: init, Masks } = await import(new URL('workers.js', pkg).href);
await init({ module_or_path: await readFile(new URL('workers_bg.wasm', pkg)) });

const [file, rounds = '9'] = process.argv.slice(2);
const strings = file ? await read(file) : generate(500);
const sizes = new Uint32Array(strings.flatMap(({ size }) => size));
const lines = new TextEncoder().encode(strings.map(({ counts }) => counts).join('\n'));

const masks = new Masks();
// One call does all the work, so that the calls into the module are not measured.
const stringToRuns = seconds(() => {
  masks.clear();
  masks.pushLines(sizes, lines);
});
const runsToBitmap = seconds(() => {
  for (let index = 0; index < masks.length; index += 1) masks.toRowMajor(index);
});
const union = seconds(() => masks.unionAreas());
console.log(
  JSON.stringify({
    strings: strings.length,
    string_to_runs: stringToRuns,
    runs_to_row_major: runsToBitmap,
    union,
  }),
);

/** @param {() => unknown} work */
function seconds(work) {
  for (let warmUp = 0; warmUp < 20; warmUp += 1) work();
  return Array.from({ length: Number(rounds) }, () => {
    const started = performance.now();
    work();
    return (performance.now() - started) / 1000;
  });
}

/**
 * @param {string} path
 * @returns {Promise<{size: number[], counts: string}[]>}
 */
async function read(path) {
  const text = await readFile(path, 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

/**
 * Generates blobs with rough edges, a few hundred runs each.
 * @param {number} number
 */
function generate(number) {
  // Linear congruential, so that each run measures the same masks.
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const [height, width, corners] = [480, 640, 60];
  const blobs = new Masks();
  for (let blob = 0; blob < number; blob += 1) {
    const [x, y, radius] = [width * random(), height * random(), 10 + 190 * random() * random()];
    const polygon = new Float64Array(2 * corners);
    for (let corner = 0; corner < corners; corner += 1) {
      const [angle, reach] = [(2 * Math.PI * corner) / corners, radius * (0.75 + 0.25 * random())];
      polygon.set([x + reach * Math.cos(angle), y + reach * Math.sin(angle)], 2 * corner);
    }
    blobs.pushPolygon(height, width, polygon);
  }
  const made = Array.from({ length: number }, (_, index) => ({
    size: [height, width],
    counts: blobs.counts(index) ?? '',
  }));
  blobs.free();
  return made;
}
