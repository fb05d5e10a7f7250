/** @file The formats that records are exported in. */

import { CocoFile } from '../viewer/coco-file.js';
import { encodeRle } from '../viewer/module.js';
import { boxOf, colorOf, pathOf } from './masks.js';
import { escaped } from '../viewer/xml.js';

/** @import { Item, PublishedRecord } from './types' */

/** Maximum number of records of an export. */
export const MAX_EXPORTED = 20_000;

/** Columns of the CSV format. @type {[string, (item: Item) => string | number | boolean | null][]} */
const COLUMNS = [
  ['id', ({ id }) => id],
  ['image_id', ({ imageId }) => imageId],
  ['file_name', ({ file }) => file],
  ['entity', ({ qid }) => qid],
  ['title', ({ title }) => title],
  ['split', ({ split }) => split],
  ['seen', ({ seen }) => seen],
  ['height', ({ maskSize }) => maskSize[0]],
  ['width', ({ maskSize }) => maskSize[1]],
  ['area', ({ area }) => area],
  ['area_share', ({ areaShare }) => Number(areaShare.toFixed(6))],
  ['components', ({ components }) => components],
  ['cut', ({ isCut }) => isCut],
  ['suspicion', ({ suspicion }) => Number(suspicion.toFixed(4))],
  ['boxes', ({ boxes }) => boxes.map((box) => box.join(' ')).join(';')],
  ['findings', ({ findings }) => findings.map(({ code }) => code).join(' ')],
  ['question', ({ question }) => question],
  ['text_prompt', ({ textPrompt }) => textPrompt],
];

/** Returns the first line of a CSV file. */
export function csvHead() {
  return `${COLUMNS.map(([name]) => name).join(',')}\r\n`;
}

/** Returns a record as a line of a CSV file (RFC 4180). @param {Item} item */
export function csvLine(item) {
  return `${COLUMNS.map(([, value]) => csvField(value(item))).join(',')}\r\n`;
}

/**
 * Quotes a field where necessary. A program for tables takes some first letters for a formula; such a
 * text gets an apostrophe before it.
 * @param {string | number | boolean | null} value
 */
function csvField(value) {
  if (typeof value !== 'string') return String(value ?? '');
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Returns the compressed RLE of an item's mask. @param {Item} item */
export function rleOf({ maskSize: [height, width], boundaries }) {
  return encodeRle(height, width, boundaries);
}

/** Returns a record as a line of JSON with its RLE. @param {Item} item */
export function rleLine(item) {
  const { id, imageId, qid, isCut } = item;
  const record = { id, image_id: imageId, category_id: qid, segmentation: rleOf(item) };
  return `${JSON.stringify({ ...record, ...cutOf(isCut) })}\n`;
}

/** Marks a mask of which a part is left out. @param {boolean} isCut */
function cutOf(isCut) {
  return isCut ? { cut: true } : {};
}

/** Collects records as a file of COCO: its ids are numbers, and the published ones stand beside them. */
export class RecordFile extends CocoFile {
  /** @param {Item} item */
  addItem(item) {
    const [height, width] = item.size ?? item.maskSize;
    const file_name = item.file ?? item.imageId;
    const [x1 = 0, y1 = 0, x2 = 0, y2 = 0] = boxOf(item) ?? [];
    this.add(
      [item.imageId, { published_id: item.imageId, file_name, height, width }],
      [item.qid, { published_id: item.qid, name: item.title || item.qid }],
      {
        published_id: item.id,
        segmentation: rleOf(item),
        area: item.area,
        bbox: [x1, y1, x2 - x1, y2 - y1],
        iscrowd: 0,
        ...cutOf(item.isCut),
      },
    );
  }
}

/** Fields that say where an image is. */
const ADDRESS_FIELDS = ['file_name', 'coco_url', 'url', 'flickr_url'];

/**
 * Writes published records as JSON lines that can be opened again: an image before the first annotation
 * in it, since polygons need its size, and a category after the first annotation of it.
 */
export class RecordLines {
  #written = new Set();

  /** Returns the lines of a record. @param {Item} item @param {PublishedRecord} record */
  linesOf({ imageId, qid, title }, { annotation, image, category }) {
    // Segment Anything names an image's id as annotations do.
    const { image_id, ...fields } = image ?? {};
    // Another one would not be recognised as an image (src/dataset/json/section.rs).
    const isImage =
      ADDRESS_FIELDS.some((name) => name in fields) || ('width' in fields && 'height' in fields);
    const objects = [
      isImage && this.#isFirst('image', imageId) && { id: image_id ?? imageId, ...fields },
      annotation,
      title && title !== qid && this.#isFirst('category', qid) && category,
    ];
    return objects.map((object) => (object ? `${JSON.stringify(object)}\n` : '')).join('');
  }

  /** @param {'image' | 'category'} kind @param {string} id */
  #isFirst(kind, id) {
    const key = `${kind} ${id}`;
    const isFirst = !this.#written.has(key);
    this.#written.add(key);
    return isFirst;
  }
}

/**
 * Returns the overlay as SVG.
 * @param {Item} item
 * @param {string | null} image Address of the image; null draws the mask alone.
 */
export function overlaySvg(item, image) {
  const [height, width] = item.maskSize;
  const color = colorOf(item.qid);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}"` +
      ` width="${width}" height="${height}">`,
    `<title>${escaped(item.title || item.qid)}, ${escaped(item.id)}</title>`,
    image && `<image href="${escaped(image)}" width="${width}" height="${height}"/>`,
    `<path d="${pathOf(item)}" fill="${color}" fill-opacity="0.45" fill-rule="evenodd"` +
      ` stroke="${color}" stroke-width="2" vector-effect="non-scaling-stroke"` +
      `${item.isCut ? ' data-cut="true"' : ''}/>`,
    '</svg>\n',
  ]
    .filter(Boolean)
    .join('\n');
}

/**
 * Returns the overlay as PNG, over the image where it is there.
 * @param {Item} item
 * @param {Blob | null} image
 */
export async function overlayPng(item, image) {
  const [height, width] = item.maskSize;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d');
  if (!context) throw new Error('This browser has no memory for an image of this size.');
  if (image) {
    const bitmap = await createImageBitmap(image, { imageOrientation: 'from-image' });
    context.drawImage(bitmap, 0, 0, width, height);
    bitmap.close();
  }
  const path = new Path2D(pathOf(item));
  context.fillStyle = context.strokeStyle = colorOf(item.qid);
  context.lineWidth = Math.max(1, width / 400);
  context.globalAlpha = 0.45;
  context.fill(path, 'evenodd');
  context.globalAlpha = 1;
  context.stroke(path);
  return await canvas.convertToBlob({ type: 'image/png' });
}

/**
 * Returns Python code that loads the same record.
 * @param {Item} item
 * @param {{ name: string, isPack: boolean, address: string | null }} source
 */
export function pythonLines(item, { name, isPack, address }) {
  // JSON's strings are Python's, too.
  const id = JSON.stringify(item.id);
  const load = isPack
    ? [
        `# In the folder of ${address ?? name}`,
        `table = pd.read_parquet("annotations", filters=[("id", "==", ${id})])`,
        'record = table.iloc[0]',
      ]
    : [
        `with open(${JSON.stringify(name)}, encoding="utf-8") as file:`,
        '    data = json.load(file)',
        `record = next(a for a in data["annotations"] if str(a["id"]) == ${id})`,
      ];
  return [
    isPack ? 'import pandas as pd' : 'import json',
    'from pycocotools import mask as coco',
    '',
    ...load,
    'parts = []',
    'for part in record["segmentation"]:',
    '    size, counts = [int(side) for side in part["size"]], part["counts"]',
    '    rle = {"size": size, "counts": counts}',
    '    parts.append(rle if isinstance(counts, str) else coco.frPyObjects(rle, *size))',
    'mask = coco.decode(coco.merge(parts))',
    'print(record["category_id"], mask.shape, int(mask.sum()))',
    '',
  ].join('\n');
}
