/**
 * Times the default click model in onnxruntime-web's wasm provider on one thread, under Node:
 * processor time, which a busy machine changes little, and wall time.
 *
 * Usage: node tools/training/segment/speed.mjs [RUNS], from the repository's root after `npm ci`.
 */
import { readFileSync } from 'node:fs';
import * as ort from 'onnxruntime-web';

const FOLDER = 'www/models';
const runs = Number(process.argv[2] ?? 10);
ort.env.wasm.numThreads = 1;

/**
 * @type {{default: string, models: {id: string, encoder: {url: string}, decoder: {url:
 *   string}}[]}}
 */
const manifest = JSON.parse(readFileSync(`${FOLDER}/models.json`, 'utf8'));
const entry = manifest.models.find((model) => model.id === manifest.default);
if (!entry) throw new Error(`models.json has no entry ${manifest.default}`);

/**
 * Median milliseconds of `runs` runs, after two that warm up, of processor and wall time.
 * @param {string} file
 * @param {Record<string, ort.Tensor>} feeds
 */
async function median(file, feeds) {
  const session = await ort.InferenceSession.create(readFileSync(`${FOLDER}/${file}`), {
    executionProviders: ['wasm'],
  });
  for (let run = 0; run < 2; run++) await session.run(feeds);
  /** @type {{cpu: number, wall: number}[]} */
  const times = [];
  for (let run = 0; run < runs; run++) {
    const started = performance.now();
    const before = process.cpuUsage();
    await session.run(feeds);
    const { user, system } = process.cpuUsage(before);
    times.push({ cpu: (user + system) / 1000, wall: performance.now() - started });
  }
  /** @param {"cpu" | "wall"} kind */
  const middle = (kind) =>
    Math.round(times.map((time) => time[kind]).sort((a, b) => a - b)[runs >> 1]);
  return { cpu: middle('cpu'), wall: middle('wall') };
}

/** @param {number[]} shape @param {number} value */
const filled = (shape, value) =>
  new ort.Tensor('float32', new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value), shape);
const encoder = await median(entry.encoder.url, { image: filled([1, 3, 1024, 1024], 0.5) });
const decoder = await median(entry.decoder.url, {
  image_embeddings: filled([1, 256, 64, 64], 0.1),
  point_coords: new ort.Tensor('float32', [500, 300, 700, 400], [1, 2, 2]),
  point_labels: new ort.Tensor('float32', [1, 0], [1, 2]),
  mask_input: filled([1, 1, 256, 256], 0),
  has_mask_input: filled([1], 0),
  // As the page asks: it enlarges the low-res mask itself, so the graph need not.
  orig_im_size: new ort.Tensor('float32', [86, 128], [2]),
});
console.log(JSON.stringify({ threads: 1, encoder_ms: encoder, decoder_ms: decoder }));
