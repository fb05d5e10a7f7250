/** @file The export of one record, or of all that are selected, with progress and cancel. */

import { fill, h } from '../viewer/dom.js';
import { failureOf } from '../viewer/errors.js';
import { loadViewer } from '../viewer/module.js';
import {
  csvHead,
  csvLine,
  jsonLine,
  MAX_EXPORTED,
  overlayPng,
  overlaySvg,
  pythonLines,
  RecordFile,
  rleLine,
} from './formats.js';
import { saveBlob } from '../viewer/save.js';
import { countOf, number } from './words.js';

/** @import { Item } from './types' */
/** @typedef {import('./source.js').Source} Source */

/** Number of records that are read at a time. */
const STEP = 96;
/** Number of published records that are asked for at the same time. */
const AT_ONCE = 16;

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
 * @param {AsyncIterable<Item[]>} items
 * @param {(row: number) => Promise<import('./types').PublishedRecord>} record
 * @returns {Promise<string[]>} Parts of the file.
 */
async function written(format, items, record) {
  await loadViewer();
  const parts = format === 'csv' ? [csvHead()] : [];
  const coco = new RecordFile();
  for await (const chunk of items) {
    if (format === 'coco') chunk.forEach((item) => coco.addItem(item));
    if (format === 'csv') parts.push(chunk.map(csvLine).join(''));
    if (format === 'rle') parts.push(chunk.map(rleLine).join(''));
    if (format !== 'jsonl') continue;
    for (let at = 0; at < chunk.length; at += AT_ONCE) {
      const rows = chunk.slice(at, at + AT_ONCE).map(({ row }) => record(row));
      parts.push((await Promise.all(rows)).map(jsonLine).join(''));
    }
  }
  return format === 'coco' ? coco.parts() : parts;
}

/**
 * Reads the selection in steps.
 * @param {Source} source
 * @param {number} count
 * @param {(done: number) => void} progress
 * @param {AbortSignal} signal
 */
async function* selected(source, count, progress, signal) {
  for (let start = 0; start < count; start += STEP) {
    progress(start);
    yield await source.page(start, Math.min(STEP, count - start));
    signal.throwIfAborted();
  }
}

/** The dialog that exports the selection. */
export class SelectionExport {
  #dialog = /** @type {HTMLDialogElement} */ (document.getElementById('export'));
  #body = /** @type {HTMLElement} */ (document.getElementById('export-body'));
  #source;
  #controller = new AbortController();

  /** @param {() => { source: Source, count: number } | null} source */
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
        ? `The first ${number(MAX_EXPORTED)} of ${countOf(count, 'selected mask')}, ` +
          'which is the maximum of an export.'
        : `${countOf(count, 'selected mask')}.`;
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
    const { source } = current;
    try {
      const items = selected(source, count, progress, signal);
      const parts = await written(format, items, (row) => source.record(row));
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
 * @param {() => Promise<{ blob: Blob | null, address: string | null }>} image
 * @returns {Node[]}
 */
export function recordExports(item, source, image) {
  const spoken = h('p', { class: 'note', role: 'status' });
  const name = item.id.replace(/[^\w.-]+/g, '_');
  const one = async function* () {
    yield [item];
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
      await written(format, one(), (row) => source.record(row)),
      type,
      extension,
    ]),
  );
  const png = async () => [await overlayPng(item, (await image()).blob)];
  const svg = async () => [overlaySvg(item, (await image()).address)];
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
