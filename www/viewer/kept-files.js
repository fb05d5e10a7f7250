/** @file The formats that kept masks are exported in, and the reading of such files. */

import { CocoFile } from './coco-file.js';
import { ViewerError } from './errors.js';
import { maskOfPng } from './png-mask.js';
import { pngOf } from './png.js';
import { escaped } from './xml.js';

/** @import { KeptRecord, KeptSummary, Prompt } from '../pkg/viewer.js' */
/** @typedef {KeptSummary & Required<KeptRecord>} ExportedMask A kept mask with its runs and clicks. */

/** Formats by their names: title, and the file's type and ending. */
export const FORMATS = /** @type {const} */ ({
  coco: ['COCO JSON', 'application/json', 'coco.json'],
  oven: ['Mask-OVEN-Wiki JSON', 'application/json', 'oven.json'],
  rle: ['RLE, JSON lines', 'application/jsonl', 'rle.jsonl'],
  polygons: ['Polygons with holes, GeoJSON', 'application/geo+json', 'geojson'],
  svg: ['SVG', 'image/svg+xml', 'svg'],
  mask: ['Mask PNG', 'image/png', 'mask.png'],
  cutout: ['Cut-out PNG', 'image/png', 'cutout.png'],
});
/** @typedef {keyof typeof FORMATS} Format */

/** Maximum bytes of a file that is imported. */
const MAX_BYTES = 64 * 2 ** 20;
/** The formats that `imported` reads. */
const READABLE = 'COCO JSON, Mask-OVEN-Wiki JSON, RLE, GeoJSON, SVG or mask PNG';
/** The first bytes of a PNG file, as text. */
const PNG = '\ufffdPNG';
/** Category of masks without a name. */
const UNNAMED = 'unnamed';

/**
 * @typedef {object} Source The kept masks of an image.
 * @property {string} image Name of the image.
 * @property {ExportedMask[]} masks
 * @property {string[]} colors CSS colors of the masks.
 * @property {ImageBitmap | undefined} bitmap
 * @property {(id: number) => string} path Path data of SVG.
 * @property {(id: number) => [number, number][][][]} polygons
 * @property {(id: number) => Uint8Array} pixels Bytes 0 and 255, row by row.
 */

/** @typedef {{ name: string, blob: Blob }} ExportedFile */

/**
 * Writes kept masks: one file, or for the PNG formats one a mask.
 * @param {Format} format
 * @param {Source} source
 * @returns {Promise<ExportedFile[]>}
 */
export async function exported(format, source) {
  const [, type, ending] = FORMATS[format];
  const stem = stemOf(source.image);
  if (format === 'mask' || format === 'cutout') {
    const files = [];
    for (const [at, mask] of source.masks.entries()) {
      const parts = [stem, at + 1, plainName(mask.title), mask.cut && 'cut'];
      const name = parts.filter(Boolean).join('-');
      const blob = format === 'mask' ? await maskPng(mask, source) : await cutoutPng(mask, source);
      files.push({ name: `${name}.${ending}`, blob });
    }
    return files;
  }
  const write = { coco, oven, rle, polygons, svg }[format];
  return [{ name: `${stem}.${ending}`, blob: new Blob(write(source), { type }) }];
}

/** Returns all that a format says of a mask beside its runs. @param {ExportedMask} mask */
function factsOf({ title, qid, score, entityScore, prompts, hidden, cut }) {
  return {
    ...{ title, entity: qid, score: rounded(score), entity_score: rounded(entityScore) },
    ...{ clicks: prompts, hidden },
    // Of masks of which a part is left out alone.
    ...(cut && { cut }),
  };
}

/** Returns a score without the noise of 32-bit floats. @param {number | null} score */
function rounded(score) {
  return score === null ? null : Number(score.toFixed(4));
}

/** @param {ExportedMask} mask */
function rleOf({ size, counts }) {
  return { size, counts };
}

/** @param {Source} source */
function coco({ image, masks }) {
  const file = new CocoFile();
  for (const mask of masks) {
    const [height, width] = mask.size;
    const { title, entity, ...facts } = factsOf(mask);
    file.add(
      [image, { file_name: image, height, width }],
      [entity ?? `label ${title}`, { name: title || UNNAMED, published_id: entity }],
      {
        segmentation: rleOf(mask),
        area: Number(mask.area),
        bbox: mask.bbox,
        iscrowd: 0,
        ...facts,
      },
    );
  }
  return file.parts();
}

/** @param {Source} source */
function oven({ image, masks }) {
  const [height, width] = masks[0]?.size ?? [0, 0];
  const id = stemOf(image);
  const categoryOf = (/** @type {ExportedMask} */ { qid, title }) => qid ?? (title || UNNAMED);
  const categories = new Map(
    masks.map((mask) => [categoryOf(mask), { id: categoryOf(mask), name: mask.title || UNNAMED }]),
  );
  const annotations = masks.map((mask, at) => {
    const { title, entity: _, ...facts } = factsOf(mask);
    const [x = 0, y = 0, w = 0, h = 0] = mask.bbox ?? [];
    const label = title && `${title}(${(mask.entityScore ?? 1).toFixed(1)})`;
    return {
      id: `${id}_${at + 1}`,
      image_id: id,
      category_id: categoryOf(mask),
      segmentation: [rleOf(mask)],
      bbox: [[x, y, x + w, y + h]],
      label: label ? [label] : [],
      ...facts,
    };
  });
  const images = [{ id, file_name: image.startsWith('/') ? image : `/${image}`, height, width }];
  return [
    `${JSON.stringify({ images, categories: [...categories.values()], annotations }, null, 1)}\n`,
  ];
}

/** @param {Pick<Source, 'image' | 'masks'>} source */
function rle({ image, masks }) {
  return masks.map(
    (mask) => `${JSON.stringify({ image, ...factsOf(mask), segmentation: rleOf(mask) })}\n`,
  );
}

/** @param {Source} source */
function polygons({ image, masks, polygons: polygonsOf }) {
  const features = masks.map((mask) => {
    // GeoJSON repeats the first point of a ring at its end.
    const coordinates = polygonsOf(mask.id).map((rings) =>
      rings.map((ring) => [...ring, ...ring.slice(0, 1)]),
    );
    const properties = { image, size: mask.size, ...factsOf(mask) };
    return { type: 'Feature', properties, geometry: { type: 'MultiPolygon', coordinates } };
  });
  return [`${JSON.stringify({ type: 'FeatureCollection', features })}\n`];
}

/** @param {Source} source */
function svg({ image, masks, colors, path }) {
  const [height, width] = masks[0]?.size ?? [0, 0];
  const paths = masks.map(
    ({ id, name, qid, hidden, cut }, at) =>
      `<path id="mask-${at + 1}" d="${path(id)}" fill="${colors[at] ?? '#888'}" ` +
      `fill-opacity="0.45" fill-rule="evenodd" stroke="${colors[at] ?? '#888'}"` +
      `${qid ? ` data-entity="${escaped(qid)}"` : ''}${hidden ? ' visibility="hidden"' : ''}` +
      `${cut ? ' data-cut="true"' : ''}>` +
      `<title>${escaped(name)}</title></path>\n`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" ` +
      `width="${width}" height="${height}">\n<title>${escaped(image)}</title>\n`,
    `<metadata>${escaped(rle({ image, masks }).join(''))}</metadata>\n`,
    ...paths,
    '</svg>\n',
  ];
}

/** @param {ExportedMask} mask @param {Source} source */
function maskPng(mask, { image, pixels }) {
  const [height, width] = mask.size;
  const text = JSON.stringify({ image, ...factsOf(mask) });
  return pngOf({ width, height, pixels: pixels(mask.id), text });
}

/** The image under a mask, cut to its box. @param {ExportedMask} mask @param {Source} source */
function cutoutPng(mask, { image, bitmap, pixels }) {
  const [x = 0, y = 0, width = 0, height = 0] = mask.bbox ?? [];
  if (!bitmap || width === 0)
    throw new ViewerError(
      'image-missing',
      'The image is not available, so nothing can be cut out.',
    );
  const context = new OffscreenCanvas(width, height).getContext('2d');
  if (!context) throw new ViewerError('memory', 'This browser has no memory for the cut-out.');
  context.drawImage(bitmap, -x, -y);
  const { data } = context.getImageData(0, 0, width, height);
  const opacity = pixels(mask.id);
  const stride = mask.size[1];
  for (let row = 0, at = 3; row < height; row += 1) {
    for (let column = 0; column < width; column += 1, at += 4) {
      const value = opacity[(y + row) * stride + x + column] ?? 0;
      if (value > 0) continue;
      data[at] = data[at - 1] = data[at - 2] = data[at - 3] = 0;
    }
  }
  const text = JSON.stringify({ image, box: mask.bbox, ...factsOf(mask) });
  return pngOf({ width, height, pixels: new Uint8Array(data.buffer), text });
}

/**
 * Reads a file that `exported` wrote, any but a cut-out; or another PNG that is a mask of the whole image.
 * @param {Blob} file
 * @returns {Promise<KeptRecord[]>}
 */
export async function imported(file) {
  if (file.size > MAX_BYTES)
    throw unreadable(`it has more than ${MAX_BYTES / 2 ** 20} MiB; export fewer masks at a time`);
  /** @type {unknown[]} */
  let found;
  try {
    const text = await file.text();
    if (text.startsWith(PNG)) found = [await maskOfPng(file)];
    else found = text.trimStart().startsWith('<') ? ofLines(ofSvg(text)) : ofJson(text);
  } catch (cause) {
    if (cause instanceof ViewerError) throw cause;
    if (cause instanceof RangeError) throw unreadable(cause.message, cause);
    throw unreadable('the file is neither JSON, SVG nor PNG', cause);
  }
  const records = found.map(recordOf).filter((record) => record !== null);
  if (records.length === 0) throw unreadable('it has no masks as runs or polygons');
  return records;
}

/** @param {string} reason @param {unknown} [cause] */
function unreadable(reason, cause) {
  const message =
    `The masks cannot be imported: ${reason}. ` +
    `Choose a file that was exported here as ${READABLE}.`;
  return new ViewerError('import', message, { cause });
}

/** @param {string} text */
function ofSvg(text) {
  const root = new DOMParser().parseFromString(text, 'image/svg+xml');
  const metadata = root.querySelector('metadata');
  if (!metadata) throw unreadable('the SVG has no metadata');
  return metadata.textContent ?? '';
}

/** @param {string} text @returns {unknown[]} */
function ofLines(text) {
  return text
    .split('\n')
    .filter((line) => line.trim())
    .map((line) => JSON.parse(line));
}

/** @param {string} text @returns {unknown[]} */
function ofJson(text) {
  /** @type {any} */
  let whole;
  try {
    whole = JSON.parse(text);
  } catch {
    return ofLines(text);
  }
  if (Array.isArray(whole?.features))
    return whole.features.map((/** @type {any} */ one) => ({
      ...one?.properties,
      rings: one?.geometry?.coordinates?.flat(),
    }));
  if (!Array.isArray(whole?.annotations)) return [whole];
  /** @type {Map<unknown, any>} */
  const categories = new Map(
    (Array.isArray(whole.categories) ? whole.categories : []).map((/** @type {any} */ one) => [
      one?.id,
      one,
    ]),
  );
  return whole.annotations.flatMap((/** @type {any} */ one) => {
    const category = categories.get(one?.category_id);
    const entity = category?.published_id ?? one?.category_id;
    const title = category?.name === UNNAMED ? '' : category?.name;
    const parts = Array.isArray(one?.segmentation) ? one.segmentation : [one?.segmentation];
    return parts.map((/** @type {unknown} */ segmentation) => ({
      ...one,
      title,
      entity,
      segmentation,
    }));
  });
}

/**
 * Returns what a file says of a mask in the form of a record; null where it has neither runs nor rings.
 * @param {any} found
 * @returns {KeptRecord | null}
 */
function recordOf(found) {
  const size = found?.segmentation?.size ?? found?.size;
  const counts = found?.segmentation?.counts;
  const rings = ringsOf(found?.rings);
  const isSize = Array.isArray(size) && size.length === 2 && size.every(Number.isInteger);
  if (!isSize || (typeof counts !== 'string' && rings === null)) return null;
  const number = (/** @type {unknown} */ value) => (typeof value === 'number' ? value : null);
  return {
    title: typeof found.title === 'string' ? found.title : '',
    qid: /^Q[1-9]\d*$/.test(found.entity) ? found.entity : null,
    score: number(found.score),
    entityScore: number(found.entity_score),
    prompts: Array.isArray(found.clicks) ? found.clicks.filter(isPrompt) : [],
    hidden: found.hidden === true,
    cut: found.cut === true,
    size: /** @type {[number, number]} */ (size),
    counts: typeof counts === 'string' ? counts : null,
    rings,
  };
}

/** Returns rings as lists of numbers. @param {unknown} rings @returns {number[][] | null} */
function ringsOf(rings) {
  if (!Array.isArray(rings)) return null;
  return rings.map((ring) => (Array.isArray(ring) ? ring.slice(0, -1).flat().map(Number) : []));
}

/** @param {any} prompt @returns {prompt is Prompt} */
function isPrompt(prompt) {
  const are = (/** @type {unknown[]} */ ...values) => values.every(Number.isFinite);
  if (prompt?.type === 'box') return are(prompt.x1, prompt.y1, prompt.x2, prompt.y2);
  return (
    prompt?.type === 'click' && are(prompt.x, prompt.y) && typeof prompt.positive === 'boolean'
  );
}

/** The name of an image's file without folders and ending. @param {string} image */
function stemOf(image) {
  const last = image
    .split(/[\\/]/)
    .at(-1)
    ?.replace(/\.\w+$/, '');
  return plainName(last ?? '') || 'image';
}

/** Letters, digits and underscores of a name. @param {string} name */
function plainName(name) {
  return name.replace(/[^\p{L}\p{M}\p{N}_.-]+/gu, '_').slice(0, 80);
}
