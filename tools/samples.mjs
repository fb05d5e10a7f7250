/**
 * @file Splits the sample images' annotations and cached answers into a light list and a file for
 *   each image, so that the page loads only those of the image it shows.
 */

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * The image that the page opens with. Of the 15 images that are not in the index and in whose middle a large
 * thing lies, it has the highest product of the IoU of a click in the middle (0.960) and the score of
 * the right entity for that mask (1.00).
 */
const FIRST = 'world_065';
/** Maximum number of images of a call. */
const PAGE = 500;

/**
 * Returns the files' contents by path. The list begins with the images that are not in the
 * index, because a mask in one of the others is looked up and not recognised. The records are
 * those that the page's worker would read, but with each mask as the lengths of its runs, zeros
 * first, which is shorter than their ends.
 * @param {string} folder `www/samples`.
 * @param {string} pkg Folder of the modules that wasm-bindgen made.
 */
export async function splitSamples(folder, pkg) {
  const { default: init, AnnotationReader } = await import(
    pathToFileURL(resolve(pkg, 'workers.js')).href
  );
  await init({ module_or_path: readFileSync(join(pkg, 'workers_bg.wasm')) });
  const reader = new AnnotationReader();
  reader.push(readFileSync(join(folder, 'annotations.json')));
  const file = reader.finish();
  /** @type {Record<string, unknown>} */
  const cached = JSON.parse(readFileSync(join(folder, 'cached-answers.json'), 'utf8'));
  /** @type {Map<string, Uint8Array>} */
  const files = new Map();
  const put = (/** @type {string} */ path, /** @type {unknown} */ value) =>
    files.set(path, Buffer.from(JSON.stringify(value)));
  const listed = [];
  /** Images in the index. */
  const indexed = new Set();
  const overview = JSON.parse(file.overview());
  for (let start = 0; start < overview.images; start += PAGE) {
    const page = file.page(start, PAGE);
    const boundaries = page.boundaries();
    for (const image of JSON.parse(page.images())) {
      for (const annotation of image.annotations) {
        annotation.runs = runsOf(boundaries.subarray(...annotation.boundaries));
        delete annotation.boundaries;
      }
      const { id, file: name, url, size, annotations } = image;
      const titles = annotations.map((/** @type {{ title: string }} */ { title }) => title);
      listed.push({ id, file: name, url, size, titles: [...new Set(titles)] });
      if (annotations.some(isIndexed)) indexed.add(id);
      put(`records/${id}.json`, image);
      if (cached[id]) put(`cached/${id}.json`, cached[id]);
    }
    page.free();
  }
  const rank = (/** @type {{ id: string }} */ { id }) =>
    id === FIRST ? 0 : indexed.has(id) ? 2 : 1;
  listed.sort((one, other) => rank(one) - rank(other));
  put('list.json', { overview, images: listed });
  return { files, first: listed[0] };
}

/** Returns whether the index is made of an annotation. @param {{ split: string | null }} annotation */
function isIndexed({ split }) {
  return split?.includes('train') ?? false;
}

/** @param {Uint32Array} boundaries Where the runs end but for the last. */
function runsOf(boundaries) {
  return Array.from(boundaries, (end, at) => end - (boundaries[at - 1] ?? 0));
}
