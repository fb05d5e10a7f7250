/** @file The export of one record, or of all that are selected, with progress and cancel. */

import { fill, h } from '../viewer/dom.js';
import { failureOf } from '../viewer/errors.js';
import { loadViewer } from '../viewer/module.js';
import {
  csvHead,
  csvLine,
  MAX_EXPORTED,
  overlayPng,
  overlaySvg,
  pythonLines,
  RecordFile,
  RecordLines,
  rleLine,
} from './formats.js';
import { inOrder, openReaders, readInOrder } from './readers.js';
import { saveBlob } from '../viewer/save.js';
import { countOf, number } from './words.js';

/** @import { Filter, Item, Order, PublishedRecord } from './types' */
/** @typedef {import('./source.js').Source} Source */
/** @typedef {{ item: Item, record: PublishedRecord | null }} Row A record where the format needs it. */

/** Number of records that are read at a time. */
const STEP = 96;
/** The same with the published records of a pack: its worker keeps as many unpacked blocks. */
const PUBLISHED_STEP = 8;

/** Formats of a selection: name, title, and file type. */
const FORMATS = /** @type {const} */ ([
  ['coco', 'COCO JSON', 'application/json', 'json'],
  ['jsonl', 'JSON lines, as published', 'application/jsonl', 'jsonl'],
  ['rle', 'RLE, JSON lines', 'application/jsonl', 'rle.jsonl'],
  ['csv', 'CSV, without masks', 'text/csv', 'csv'],
]);
/** @typedef {typeof FORMATS[number][0]} Format */

/**
 * Writes records in a format.
 * @param {Format} format
 * @param {AsyncIterable<Row[]>} chunks
 * @returns {Promise<string[]>} Parts of the file.
 */
async function written(format, chunks) {
  await loadViewer();
  const parts = format === 'csv' ? [csvHead()] : [];
  const coco = new RecordFile();
  const published = new RecordLines();
  for await (const rows of chunks) {
    if (format === 'coco') rows.forEach(({ item }) => coco.addItem(item));
    if (format === 'csv') parts.push(rows.map(({ item }) => csvLine(item)).join(''));
    if (format === 'rle') parts.push(rows.map(({ item }) => rleLine(item)).join(''));
    if (format === 'jsonl')
      parts.push(
        rows.map(({ item, record }) => (record ? published.linesOf(item, record) : '')).join(''),
      );
  }
  return format === 'coco' ? coco.parts() : parts;
}

/**
 * Returns the items with the published records that a format needs.
 * @param {Format} format
 * @param {Source} source
 * @param {Item[]} items
 * @returns {Promise<Row[]>}
 */
async function rowsOf(format, source, items) {
  const record = (/** @type {Item} */ { row }) => (format === 'jsonl' ? source.record(row) : null);
  return await Promise.all(items.map(async (item) => ({ item, record: await record(item) })));
}

/**
 * Reads the selection and writes it in a format.
 * @param {Format} format
 * @param {{ source: Source, filter: Filter, count: number }} selection
 * @param {(done: number) => void} progress
 * @param {AbortSignal} signal
 */
async function writtenSelection(format, { source, filter, count }, progress, signal) {
  const read = Math.min(count, MAX_EXPORTED);
  const { sources, opened, order } = await openReaders(source, filter, read, read === count);
  const isPublished = format === 'jsonl' && source.overview.source === 'pack';
  try {
    const chunks = readInOrder(sources, read, {
      step: isPublished ? PUBLISHED_STEP : STEP,
      convert: (from, items) => rowsOf(format, from, items),
      signal,
      progress,
    });
    return await written(format, order ? sorted(chunks, order) : chunks);
  } finally {
    for (const reader of opened) reader.close();
  }
}

/** @param {AsyncIterable<Row[]>} chunks @param {Order} order */
async function* sorted(chunks, order) {
  /** @type {Row[]} */
  const all = [];
  for await (const rows of chunks) all.push(...rows);
  yield inOrder(all, order);
}

/** The dialog that exports the selection. */
export class SelectionExport {
  #dialog = /** @type {HTMLDialogElement} */ (document.getElementById('export'));
  #body = /** @type {HTMLElement} */ (document.getElementById('export-body'));
  #source;
  #controller = new AbortController();

  /** @param {() => { source: Source, filter: Filter, count: number } | null} source */
  constructor(source) {
    this.#source = source;
    this.#dialog.addEventListener('close', () => this.#controller.abort());
    document.getElementById('export-close')?.addEventListener('click', () => this.#dialog.close());
  }

  open() {
    const current = this.#source();
    if (!current) return;
    const { count } = current;
    const words =
      count > MAX_EXPORTED
        ? `The first ${number(MAX_EXPORTED)} of ${countOf(count, 'mask')}, ` +
          'which is the maximum of an export.'
        : `${countOf(count, 'mask')}.`;
    const buttons = FORMATS.map(([format, title]) =>
      h(
        'button',
        {
          type: 'button',
          class: 'button',
          disabled: count === 0,
          onclick: () => this.#run(format),
        },
        title,
      ),
    );
    fill(this.#body, h('p', {}, words), h('div', { class: 'row' }, ...buttons));
    if (!this.#dialog.open) this.#dialog.showModal();
  }

  /** @param {Format} format */
  async #run(format) {
    const current = this.#source();
    const [, title, type, extension] = FORMATS.find(([name]) => name === format) ?? FORMATS[0];
    if (!current) return;
    this.#controller.abort();
    const { signal } = (this.#controller = new AbortController());
    const count = Math.min(current.count, MAX_EXPORTED);
    const bar = h('progress', { max: count, value: 0, 'aria-label': `Writing ${title}` });
    const words = h('p', { class: 'note' });
    const cancel = () => {
      this.#controller.abort();
      this.open();
    };
    fill(
      this.#body,
      h('p', { role: 'status' }, `Writing ${title} …`),
      bar,
      words,
      h(
        'div',
        { class: 'row' },
        h('button', { type: 'button', class: 'button', onclick: cancel }, 'Cancel'),
      ),
    );
    const progress = (/** @type {number} */ done) => {
      bar.value = done;
      fill(words, `${number(done)} of ${number(count)}`);
    };
    try {
      const parts = await writtenSelection(format, current, progress, signal);
      signal.throwIfAborted();
      saveBlob(new Blob(parts, { type }), `masklink-selection.${extension}`);
      const again = () => this.open();
      fill(
        this.#body,
        h('p', { role: 'status' }, `${countOf(count, 'mask')} saved as ${title}.`),
        h(
          'div',
          { class: 'row' },
          h('button', { type: 'button', class: 'button', onclick: again }, 'Another format'),
        ),
      );
    } catch (thrown) {
      if (signal.aborted) return;
      const message = failureOf(thrown, 'export').message;
      fill(this.#body, h('p', { class: 'problem', role: 'alert' }, message));
    }
  }
}

/**
 * Buttons that export one record.
 * @param {Item} item
 * @param {Source} source
 * @param {() => Promise<{ blob: Blob | null, address: string | null, drawn: Item }>} image The image, and
 *   the item with its mask as it lies on it.
 * @returns {Node[]}
 */
export function recordExports(item, source, image) {
  const spoken = h('p', { class: 'note', role: 'status' });
  const name = item.id.replace(/[^\w.-]+/g, '_');
  const one = async function* (/** @type {Format} */ format) {
    yield await rowsOf(format, source, [item]);
  };
  /** @param {string} title @param {() => Promise<[BlobPart[], string, string]>} make */
  const button = (title, make) =>
    h(
      'button',
      {
        type: 'button',
        class: 'button',
        onclick: async () => {
          try {
            const [parts, type, extension] = await make();
            saveBlob(new Blob(parts, { type }), `${name}.${extension}`);
            fill(spoken, `Saved ${name}.${extension}.`);
          } catch (thrown) {
            fill(spoken, failureOf(thrown, 'export').message);
          }
        },
      },
      title,
    );
  const buttons = FORMATS.map(([format, title, type, extension]) =>
    button(title.replace(/,.*/, ''), async () => [
      await written(format, one(format)),
      type,
      extension,
    ]),
  );
  const png = async () => {
    const { drawn, blob } = await image();
    return [await overlayPng(drawn, blob)];
  };
  const svg = async () => {
    const { drawn, address } = await image();
    return [overlaySvg(drawn, address)];
  };
  return [
    h(
      'div',
      { class: 'row' },
      ...buttons,
      button('PNG', async () => [await png(), 'image/png', 'png']),
      button('SVG', async () => [await svg(), 'image/svg+xml', 'svg']),
    ),
    spoken,
    python(item, source),
  ];
}

/** @param {Item} item @param {Source} source */
function python(item, { overview, address }) {
  const isPack = overview.source === 'pack';
  const lines = pythonLines(item, { name: overview.name, isPack, address });
  const copy = h('button', { type: 'button', class: 'button' }, 'Copy');
  copy.addEventListener('click', async () => {
    await navigator.clipboard.writeText(lines).then(
      () => fill(copy, 'Copied'),
      () => fill(copy, 'Select and copy the lines'),
    );
  });
  return h(
    'details',
    { class: 'keys inner' },
    h('summary', {}, 'Python lines that load it'),
    h('pre', { tabindex: 0, 'aria-label': 'Python' }, h('code', {}, lines)),
    copy,
  );
}
