/** @file The view of one record: its image with all masks, and all that the record says. */

import { isQid, outward, entityLinks } from '../demo/links.js';
import { fill, h } from '../viewer/dom.js';
import { atSizeOfMasks } from './fitted.js';
import { colorOf, colorsOf } from './masks.js';
import { AnnotationOutline } from './outline.js';
import { boundariesOf, iou } from './overlap.js';
import { Similar } from './similar.js';
import { recordExports } from './take.js';
import { turnedBy } from './turned.js';
import { areaWords, countOf, finding, LEVELS, levelOf, nameOf, number } from './words.js';

/** @import { Item, PublishedRecord } from './types' */
/** @typedef {import('./source.js').Source} Source */
/** @typedef {import('./images.js').Images} Images */
/** @typedef {import('../demo/address.js').View} View */

/** @typedef {import('./fitted.js').Fitted & { address: string | null }} LoadedImage */

/** Maximum characters of a value of the published JSON that are shown. */
const MAX_SHOWN = 4000;
/** Least overlap of a mask with an annotation that is about the same object. */
const MIN_OVERLAP = 0.1;
/** Names of fields that state the author or the licence of an image. */
const RIGHTS = /licen[cs]e|attribution|author|artist|credit|copyright/i;

const byId = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));

/**
 * @typedef {object} DetailActions
 * @property {(item: Item) => void} select Called when another mask of the image is selected.
 * @property {(item: Item) => void} shown Called when the facts of a mask are shown.
 * @property {(qid: string) => void} entity Shows all masks of an entity.
 * @property {(item: Item) => void} open Opens the record of a mask of another image.
 * @property {() => void} chooseImages
 */

export class Detail {
  #viewer;
  #images;
  #actions;
  #similar;
  /** Counts openings, so that an earlier one shows nothing any more. */
  #openings = 0;
  #controller = new AbortController();
  /** @type {Item[]} */
  #items = [];
  /** The same with their masks as they lie on the image as displayed. @type {Item[]} */
  #drawn = [];
  /** Colors of the entities of the open image. @type {Map<string, string>} */
  #colors = new Map();
  /** @type {Source | null} */
  #source = null;
  /** @type {Promise<LoadedImage>} */
  #image = Promise.resolve({ blob: null, address: null, note: '', size: [0, 0], orientation: 1 });
  /** Id of the image that is open. @type {string | null} */
  #imageId = null;
  /** The item whose facts are shown. @type {Item | null} */
  #shown = null;
  #outline;
  /** Rights to the images of the source, where the whole source states them. */
  rights = '';

  /**
   * @param {import('../mask-viewer.js').MaskViewer} viewer
   * @param {Images} images
   * @param {DetailActions} actions
   */
  constructor(viewer, images, actions) {
    this.#viewer = viewer;
    this.#images = images;
    this.#actions = actions;
    this.#similar = new Similar(images, actions.open);
    this.#outline = new AnnotationOutline(viewer, byId('detail-stage'));
    viewer.addEventListener('mask-select', (event) => {
      const id = /** @type {CustomEvent} */ (event).detail?.id;
      const item = this.#items.find((one) => one.id === id);
      if (!item) return;
      this.#showFacts(item);
      this.#actions.select(item);
    });
    viewer.addEventListener('segment', (event) =>
      this.#compare(/** @type {CustomEvent} */ (event).detail.mask),
    );
    viewer.addEventListener('update', () => {
      if (viewer.snapshot?.facts === null && this.#shown) this.#showTruth(this.#shown);
    });
  }

  /**
   * Shows a segmented mask beside the annotation that it overlaps most, or else that of the record.
   * @param {{ size: [number, number], counts: string }} mask
   */
  #compare(mask) {
    const boundaries = boundariesOf(mask);
    const [height, width] = mask.size;
    const compared = this.#drawn
      .filter(({ maskSize, area }) => maskSize[0] === height && maskSize[1] === width && area > 0)
      .map((item) => ({ item, overlap: iou(boundaries, item.boundaries, height * width) }))
      .sort((a, b) => b.overlap - a.overlap);
    const [best] = compared;
    const isSame = best !== undefined && best.overlap >= MIN_OVERLAP;
    const shown = isSame ? best : compared.find(({ item }) => item.id === this.#shown?.id);
    if (shown) {
      const clicked = { maskSize: mask.size, boundaries };
      this.#outline.show(shown.item, this.#colorOf(shown.item), clicked, shown.overlap);
    } else this.#outline.hide();
    const color = this.#viewer.colors.at(-1) ?? '';
    fill(
      byId('truth'),
      !isSame && h('p', {}, 'No annotation of this image is about this object.'),
      shown && h('p', {}, ...truthOf(shown.item, shown.overlap)),
      shown &&
        h(
          'ul',
          { class: 'legend' },
          h('li', {}, swatch('annotated', this.#colorOf(shown.item)), 'annotation, dashed'),
          h('li', {}, swatch('', color), 'clicked mask'),
        ),
    );
  }

  /** @param {Item} item */
  #colorOf({ qid }) {
    return this.#colors.get(qid) ?? colorOf(qid);
  }

  /** States the entity of an annotation; none is compared with it. @param {Item} item */
  #showTruth(item) {
    this.#outline.hide();
    fill(byId('truth'), h('p', {}, ...truthOf(item)));
  }

  /**
   * Shows a record.
   * @param {Source} source
   * @param {Item} item
   * @param {{ view: View | null, mask: string | null }} state Of the image, once it is open.
   */
  async show(source, item, { view, mask }) {
    const opening = (this.#openings += 1);
    this.#controller.abort();
    const { signal } = (this.#controller = new AbortController());
    if (source !== this.#source) this.#imageId = null;
    this.#source = source;
    fill(byId('detail-title'), nameOf(item));
    if (this.#imageId !== item.imageId) {
      const [items] = await Promise.all([
        source.imageItems(item.imageId),
        this.#openImage(item, signal, () => opening === this.#openings),
      ]);
      if (opening !== this.#openings) return;
      this.#imageId = item.imageId;
      this.#items = items.some(({ row }) => row === item.row) ? items : [item, ...items];
      this.#colors = colorsOf([item, ...this.#items].map(({ qid }) => qid));
      this.#drawn = await this.#turned();
      if (opening !== this.#openings) return;
      const drawn = this.#drawn.filter(({ area }) => area > 0);
      this.#viewer.showMasks(drawn.map((one) => maskOf(one, this.#colorOf(one))));
    }
    this.#viewer.view = view;
    const chosen = this.#items.find(({ id }) => id === mask) ?? item;
    this.#showFacts(chosen);
    await this.#select(chosen);
  }

  /** Returns the items with their masks on the image as displayed. */
  async #turned() {
    const { size, orientation } = await this.#image;
    if (orientation === 1) return this.#items;
    const [width, height] = size;
    return Promise.all(this.#items.map((item) => turnedBy(item, { width, height, orientation })));
  }

  /** Forgets the image and ends what is loading. */
  close() {
    this.#openings += 1;
    this.#controller.abort();
    this.#imageId = null;
    this.#outline.hide();
    this.#viewer.closeImage();
    this.#similar.close();
  }

  /** Opens the image again, whose address may have changed. */
  forgetImage() {
    this.#imageId = null;
  }

  /** Selects a mask once the viewer shows it. @param {Item} item */
  async #select(item) {
    await new Promise((resolve) => setTimeout(resolve));
    const index = this.#viewer.snapshot?.shown.findIndex(({ id }) => id === item.id) ?? -1;
    if (index >= 0) this.#viewer.selectMask(index);
  }

  /**
   * @param {Item} item
   * @param {AbortSignal} signal
   * @param {() => boolean} isCurrent
   */
  async #openImage(item, signal, isCurrent) {
    const problem = byId('image-problem');
    if (problem.contains(document.activeElement)) byId('detail-title').focus();
    problem.hidden = true;
    const size = frameOf(item);
    const loading = this.#loadImage(item, size, signal);
    this.#image = loading;
    let loaded;
    try {
      loaded = await loading;
    } catch (thrown) {
      if (signal.aborted) return;
      throw thrown;
    }
    const { blob, address, note } = loaded;
    if (!isCurrent()) return;
    const { size: shown } = loaded;
    await this.#viewer.openImage(blob, { key: item.imageId, size: shown, isExplained: !blob });
    if (!isCurrent() || !note) return;
    problem.hidden = false;
    if (blob) return fill(problem, h('p', {}, note));
    fill(
      problem,
      h('p', {}, `No image: ${note} Its masks are drawn on an outline of their size.`),
      h(
        'div',
        { class: 'row' },
        address && outward(address, 'Open the address'),
        h(
          'button',
          { type: 'button', class: 'button', onclick: this.#actions.chooseImages },
          'Choose images',
        ),
      ),
    );
  }

  /**
   * Loads the image at the size of its masks; the note is the reason that there is none, or that it
   * was scaled.
   * @param {Item} item
   * @param {[number, number]} size Width and height.
   * @param {AbortSignal} signal
   * @returns {Promise<LoadedImage>}
   */
  async #loadImage(item, size, signal) {
    const loaded = await this.#images.load(item, signal);
    const { address } = loaded;
    const without = (/** @type {string} */ note) => {
      return { blob: null, address, note, size, orientation: 1 };
    };
    if ('problem' in loaded) return without(loaded.problem);
    const name = address ?? item.file;
    try {
      const fitted = await atSizeOfMasks(loaded.blob, size);
      const note = fitted.blob ? fitted.note : `${name} ${fitted.note}`;
      return { ...fitted, address, note };
    } catch {
      return without(`${name} is not an image that the browser can read.`);
    }
  }

  /** @param {Item} item */
  async #showFacts(item) {
    const source = this.#source;
    if (!source) return;
    this.#shown = item;
    fill(byId('detail-title'), nameOf(item));
    this.#actions.shown(item);
    this.#showTruth(item);
    const published = h('div', {}, h('p', { class: 'note' }, 'Loading the published record …'));
    fill(byId('facts-body'), this.#factList(item), ...findings(item), published);
    const image = async () => {
      const drawn = this.#drawn.find(({ row }) => row === item.row) ?? item;
      return { ...(await this.#image), drawn };
    };
    fill(byId('take-body'), ...recordExports(item, source, image));
    const similar = this.#similar.show(source, item);
    try {
      const [record] = await Promise.all([source.record(item.row), similar]);
      fill(published, ...publishedNodes(record, this.rights));
    } catch (thrown) {
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      fill(published, h('p', { class: 'problem' }, message));
    }
  }

  /** @param {Item} item */
  #factList(item) {
    const { textPrompt, question, split, seen, boxes, size, maskSize, parts, components } = item;
    const level = LEVELS[levelOf(item.suspicion)];
    const all = () =>
      h(
        'button',
        { type: 'button', class: 'button', onclick: () => this.#actions.entity(item.qid) },
        'All images of this entity',
      );
    const entity = h(
      'div',
      {},
      h('span', { dir: 'auto' }, nameOf(item)),
      h('p', { class: 'links' }, ...entityLinks({ qid: item.qid })),
      item.qid && all(),
    );
    const tags = item.labels.map(({ text, score }) =>
      h(
        'li',
        { class: 'tag', dir: 'auto' },
        score === null ? text : `${text} · ${score.toFixed(2)}`,
      ),
    );
    /** @type {[string, import('../viewer/dom.js').Child][]} */
    const rows = [
      ['Entity', entity],
      ['Question', question],
      ['Text prompt', textPrompt],
      ['Labels', tags.length > 0 && h('ul', { class: 'tags' }, ...tags)],
      ['Dataset split', split],
      [
        'Training',
        seen === null ? null : seen ? 'entity seen in training' : 'entity unseen in training',
      ],
      ['Area', areaWords(item)],
      ['Parts', `${number(components)} separate${parts > 1 ? `, ${parts} masks published` : ''}`],
      ['Suspicion', `${level} (${item.suspicion.toFixed(2)})`],
      ['Boxes', boxes.map(([x1, y1, x2, y2]) => `${x1}, ${y1} to ${x2}, ${y2}`).join('; ')],
      ['Image', item.file ?? item.imageId],
      ['Size', (size ?? maskSize).toReversed().join(' × ')],
      ['Image id', item.imageId],
      ['Same image', countOf(this.#items.length, 'mask')],
      ['Record id', item.id],
    ];
    return h(
      'dl',
      { class: 'facts' },
      ...rows
        .filter(([, value]) => value)
        .flatMap(([term, value]) => [h('dt', {}, term), h('dd', { dir: 'auto' }, value)]),
    );
  }
}

/**
 * Returns the words that state the entity of an annotation.
 * @param {Item} item
 * @param {number} [overlap] Of a segmented mask with it.
 */
function truthOf({ title, qid }, overlap) {
  return [
    'The annotation says: ',
    h('strong', { dir: 'auto' }, nameOf({ title, qid })),
    isQid(qid) && ` (${qid})`,
    overlap !== undefined && `. Overlap with its mask (IoU): ${overlap.toFixed(2)}`,
  ];
}

/** @param {string} name @param {string} color */
function swatch(name, color) {
  const node = h('span', { class: `swatch ${name}` });
  node.style.setProperty('--swatch', color);
  return node;
}

/**
 * Returns the width and height that an item's image is shown at.
 * @param {Item} item
 * @returns {[number, number]}
 */
function frameOf({ size, maskSize, area }) {
  const [height, width] = area > 0 ? maskSize : (size ?? maskSize);
  return [width, height];
}

/** @param {Item} item @param {string} color */
function maskOf({ id, title, qid, isCut, maskSize, boundaries }, color) {
  return {
    id,
    title: title || qid,
    qid: isQid(qid) ? qid : null,
    cut: isCut,
    color,
    mask: { size: maskSize, boundaries },
  };
}

/** @param {Item} item @returns {Node[]} */
function findings(item) {
  if (item.findings.length === 0) return [];
  const rows = item.findings.map(({ code, message }) =>
    h('li', {}, h('strong', {}, `${finding(code)}: `), message),
  );
  return [h('h3', {}, 'Problems of this record'), h('ul', { class: 'findings' }, ...rows)];
}

/**
 * @param {PublishedRecord} record
 * @param {string} rights
 * @returns {Node[]}
 */
function publishedNodes({ annotation, image, category }, rights) {
  const stated = Object.entries(image ?? {}).filter(
    ([name, value]) => RIGHTS.test(name) && value !== null && typeof value !== 'object',
  );
  const words = [...stated.map(([name, value]) => `${name}: ${value}`), rights].filter(Boolean);
  const about = category?.description;
  const blocks = Object.entries({ annotation, image, category }).map(([name, object]) =>
    h(
      'details',
      { class: 'keys inner' },
      h('summary', {}, `Published ${name}`),
      h('pre', { tabindex: 0, 'aria-label': name }, h('code', {}, shown(object))),
    ),
  );
  return [
    ...(typeof about === 'string' ? [h('p', { class: 'note about', dir: 'auto' }, about)] : []),
    h(
      'p',
      { class: 'note' },
      `Rights to the image: ${words.join('; ') || 'not stated in the source'}.`,
    ),
    ...blocks,
  ];
}

/** Returns an object as JSON with long texts shortened. @param {unknown} object */
function shown(object) {
  const shorten = (/** @type {string} */ _, /** @type {unknown} */ value) =>
    typeof value === 'string' && value.length > MAX_SHOWN
      ? `${value.slice(0, MAX_SHOWN)}… (${number(value.length)} characters)`
      : value;
  return JSON.stringify(object, shorten, 1);
}
