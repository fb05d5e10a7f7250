/**
 * @file Registers `<mask-viewer>`: masks over an image, segmentation by click, and linking to entities.
 */

import { AttributesElement, takeEarly } from './viewer/attributes.js';
import { Content } from './viewer/content.js';
import { afterTask, fill } from './viewer/dom.js';
import { ViewerError, failureOf } from './viewer/errors.js';
import { ViewerHandle } from './viewer/handle.js';
import { KeptStore } from './viewer/kept-store.js';
import { MaskList } from './viewer/list.js';
import { Models } from './viewer/models.js';
import { encodeRle } from './viewer/module.js';
import { Notices } from './viewer/notices.js';
import { pngOf } from './viewer/png.js';
import { keysInWords } from './viewer/shortcuts.js';
import { Stage } from './viewer/stage.js';
import { styles } from './viewer/styles.js';
import { build } from './viewer/template.js';
import { Toolbar } from './viewer/toolbar.js';

/** @import { CachedAnswer, Failure, MaskRuns, Settings } from './pkg/viewer.js' */
/** @import { KeptSummary, LinkResponse, Snapshot, Tool, ViewPosition } from './pkg/viewer.js' */
/** @import { Effect, ViewerEvent } from './viewer/handle.js' */
/** @import { MaskToShow } from './viewer/masks.js' */

/**
 * Masks over an image. A click segments an object; an endpoint, or an index of static files, returns
 * its Wikipedia entity.
 *
 * @summary Shows, makes and links masks of an image.
 *
 * @attr {string} src - Address of the image.
 * @attr {string} annotations - Address of masks in COCO's or Mask-OVEN-Wiki's JSON; those of
 *   `src`'s file name are shown, or of the only image where it has one.
 * @attr {string} endpoint - Address of a linking endpoint; without it nothing is sent and masks
 *   are linked in the page, by the index in `index/` beside this script.
 * @attr {string} model - Id of a segmentation model in `models/models.json`; without it the list's default.
 * @attr {string} tool - What a click does at first: `select` (a shown mask; the default), `pick`
 *   (makes a mask), `add`, `remove`, `box`, `brush`, `erase` or `pan`. The property is the active tool.
 * @attr {boolean} persist - Stores the kept masks of each image in this browser, and restores them.
 * @attr {boolean} nokeep - Leaves out the tools and keys that keep, paint and erase masks; the methods
 *   still keep masks.
 * @attr {boolean} controls - Shows the tools, and lets the wheel zoom without Ctrl.
 *
 * @event {CustomEvent<{ renderer: string, note: string }>} ready - A renderer draws.
 * @event {CustomEvent<{ index: number, id: string, title: string, qid: string | null } | null>}
 *   mask-hover - Another shown mask, or none, is pointed at.
 * @event {CustomEvent<{ index: number, id: string, title: string, qid: string | null } | null>}
 *   mask-select - Another shown mask, or none, is selected.
 * @event {CustomEvent<{ mask: { size: [number, number], counts: string }, score: number }>} segment
 *   - A click became a mask (COCO RLE), or another candidate is chosen.
 * @event {CustomEvent<{ mask: object, answer: LinkResponse, source: 'endpoint' | 'local' |
 *   'cached' }>} link - The entities of a mask are there.
 * @event {CustomEvent<{ count: number }>} kept-change - Kept masks were added, changed, restored or
 *   removed.
 * @event {CustomEvent<{ code: string, message: string }>} error - Something failed.
 * @event {CustomEvent<void>} update - `snapshot` or `status` has changed.
 * @event {CustomEvent<void>} view-change - Another part of the image is shown.
 *
 * @slot empty - Shown while there is no image.
 *
 * @csspart base - The whole viewer.
 * @csspart frame - Around the image.
 * @csspart stage - The area that takes pointers and keys.
 * @csspart canvas - The canvas.
 * @csspart tools - The bar of tools.
 * @csspart zoom - The zoom buttons.
 * @csspart masks - The list of masks.
 * @csspart mask - One mask of the list.
 * @csspart swatch - The color of a mask of the list.
 * @csspart notice - Covers the image: there is none yet, or an error.
 * @csspart hint - A failure beside the image.
 * @csspart progress - The progress of loading.
 *
 * @cssproperty --mask-viewer-accent - Color of the chosen tool, selection and focus.
 * @cssproperty --mask-viewer-on-accent - Color of text on the accent.
 * @cssproperty --mask-viewer-surface - Background of the bars.
 * @cssproperty --mask-viewer-raised - Background under the pointer.
 * @cssproperty --mask-viewer-text - Color of text.
 * @cssproperty --mask-viewer-muted - Color of secondary text.
 * @cssproperty --mask-viewer-line - Color of dividing lines.
 * @cssproperty --mask-viewer-stage - Background around the image.
 * @cssproperty --mask-viewer-radius - Radius of the corners.
 * @cssproperty --mask-viewer-font - The font, as the shorthand `font`.
 */
export class MaskViewer extends AttributesElement {
  #nodes = build();
  #notices = new Notices(this.#nodes);
  #viewer = new ViewerHandle(this.#nodes.stage, {
    onEffect: (effect) => this.#perform(effect),
    onThrown: (thrown) => this.#fail(failureOf(thrown, 'viewer'), false),
    onUnavailable: (thrown) => this.#fail(failureOf(thrown, 'renderer'), true),
    onReady: () => {
      this.#update();
      const { kind, note } = this.#viewer.renderer ?? {};
      this.#emit('ready', { renderer: kind, note });
    },
    onRenderer: () => this.#update(),
    onDraw: () => this.#stage.place(),
  });
  #models = new Models({
    send: (/** @type {any} */ event) => this.#viewer.dispatch(event),
    segmented: ({ ticket, size, scores, offsets, boundaries, best }, provisional) => {
      const [height = 0, width = 0] = size;
      this.#viewer.apply((viewer) =>
        viewer.segmented(ticket, height, width, scores, offsets, boundaries, best, provisional),
      );
    },
    previewed: ({ ticket, size: [height = 0, width = 0], best, offsets, boundaries }) => {
      const mask = boundaries.subarray(offsets[best], offsets[best + 1]);
      this.#viewer.apply((viewer) => viewer.previewed(ticket, height, width, mask));
    },
    progress: (words, size, done) =>
      words === null
        ? this.#notices.done()
        : this.#notices.progress(
            words,
            size,
            done,
            done === undefined ? undefined : () => this.#models.cancelDownloads(),
          ),
    token: () => this.token,
    encoder: () => (this.settings.encoder === 'endpoint' ? this.settings.endpoint : null),
    changed: () => this.#update(),
  });
  #content = new Content({
    tag: () => this,
    viewer: this.#viewer,
    models: this.#models,
    notices: this.#notices,
    fail: (failure, instead) => this.#fail(failure, instead),
    opened: (name) => this.#opened(name),
  });
  #store = new KeptStore(this.#viewer, (failure) => this.#fail(failure, false));
  #stage = new Stage(this.#nodes, this.#viewer, {
    wheelZooms: () => this.controls,
    keeps: () => !this.noKeep,
  });
  #list = new MaskList(this.#nodes.masks, {
    hover: (index) => this.#send({ type: 'maskHovered', index }),
    select: (index) => this.selectMask(index),
  });
  #toolbar = new Toolbar(this.#nodes, {
    choose: (tool) => {
      this.tool = tool;
    },
    keep: () => this.keep(),
    undo: () => this.undoStep(),
    redo: () => this.redoStep(),
    clear: () => this.clear(),
    size: (radius) => {
      this.brushRadius = radius;
    },
  });
  /** @type {Snapshot | undefined} */
  #snapshot;
  /** The mask whose entities were asked for last. @type {MaskRuns | undefined} */
  #linked;
  #update = afterTask(() => this.#show());

  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open', delegatesFocus: true });
    root.adoptedStyleSheets = [styles()];
    root.append(this.#nodes.root);
    this.#notices.empty();
    this.#showTools();
  }

  connectedCallback() {
    takeEarly(this, [
      'src',
      'annotations',
      'endpoint',
      'model',
      'controls',
      'noKeep',
      'persist',
      'tool',
      'view',
      'token',
    ]);
    this.#viewer.attach();
    this.#content.resume();
  }

  disconnectedCallback() {
    this.#send({ type: 'suspended' });
    this.#content.suspend();
    this.#models.free();
    this.#viewer.detach();
  }

  /** @param {string} name @param {string | null} before @param {string | null} value */
  attributeChangedCallback(name, before, value) {
    if (before === value) return;
    if (name === 'controls' || name === 'nokeep') this.#showTools();
    if (name === 'tool') this.tool = /** @type {Tool} */ (value ?? 'select');
    if (name === 'endpoint' || name === 'model') this.configure({ [name]: value });
    if (name === 'src') this.#content.follow();
    if (name === 'annotations') this.#content.changeAnnotations();
  }

  /** Address of the linking endpoint, as in the settings; null sends nothing. */
  get endpoint() {
    return this.settings.endpoint;
  }

  set endpoint(value) {
    this.configure({ endpoint: value });
  }

  /** Id of the segmentation model, as in the settings; null is the default of `models/models.json`. */
  get model() {
    return this.settings.model;
  }

  set model(value) {
    this.configure({ model: value });
  }

  /** The active tool: `select`, `pick`, `add`, `remove`, `box`, `brush`, `erase` or `pan`. */
  get tool() {
    return this.#viewer.tool;
  }

  set tool(tool) {
    this.#viewer.tool = tool;
  }

  /** The settings; `configure` changes them. */
  get settings() {
    return this.#viewer.settings;
  }

  /** Changes some of the settings. @param {Partial<Settings>} some */
  configure(some) {
    const { endpoint, model, ...others } = { ...this.settings, ...some };
    this.#viewer.settings = { ...others, endpoint: endpoint || null, model: model || null };
  }

  /** The width and height of the open image, in pixels; null where none is open. */
  get imageSize() {
    const bitmap = this.#content.image?.bitmap;
    return bitmap ? /** @type {[number, number]} */ ([bitmap.width, bitmap.height]) : null;
  }

  /** The EXIF orientation of the open image, 1 to 8; 1 where it is displayed as stored, or none is open. */
  get orientation() {
    return this.#content.image?.orientation ?? 1;
  }

  /** The state as plain data, as of the last event `update`; undefined before the first. */
  get snapshot() {
    return this.#snapshot;
  }

  /** The renderer, the model, its provider, and the last timings in milliseconds. */
  get status() {
    return { renderer: this.#viewer.renderer, ...this.#models.status };
  }

  /** The image's bitmap as displayed; it belongs to the viewer. */
  get bitmap() {
    return this.#content.image?.bitmap;
  }

  /**
   * The CSS colors of the shown masks, and last that of the mask being clicked.
   * @returns {string[]}
   */
  get colors() {
    return this.#viewer.ask((viewer) => viewer.colors()) ?? [];
  }

  /**
   * The image point at the centre, and the zoom in CSS pixels per image pixel; null shows the whole
   * image. Without an image it is set for the next one.
   * @returns {ViewPosition | null}
   */
  get view() {
    return this.#viewer.view;
  }

  set view(view) {
    this.#viewer.view = view;
  }

  /**
   * Opens an image instead of the one before.
   * @param {string | Blob | null} source Its address, the encoded image, or null where it is not available.
   * @param {{ key?: string, size?: [number, number] | undefined, isExplained?: boolean,
   *   alternative?: string | null, missing?: string, keepsOpen?: boolean }} [options] `key` names it in
   *   events; `size` (width, height) draws an empty frame of that size, for its masks, where the image
   *   cannot be read; with `isExplained` the page says why, and the viewer does not; `alternative` is an
   *   address to try where the source cannot be fetched or is null; `missing` says which image is not
   *   available; with `keepsOpen` the image before stays where this one cannot be read.
   * @returns {Promise<boolean>} Whether the image is open; false where another was opened meanwhile,
   *   it cannot be read (event `error`), or the element was removed meanwhile.
   */
  openImage(source, { key, ...options } = {}) {
    const name = typeof source === 'string' ? source : `blob-${performance.now()}`;
    return this.#content.open(source, { ...options, key: key ?? name });
  }

  /** Closes the image. */
  closeImage() {
    this.#content.close();
  }

  /**
   * Shows these masks instead of those before; each must be as large as the image, which must be
   * open: wait for `openImage`.
   * @param {MaskToShow[]} masks
   * @param {import('./viewer/notices.js').Turned} [turned] How they lie on an image that is turned for
   *   display; the viewer says so, and offers to choose where it is unknown.
   */
  showMasks(masks, turned) {
    this.#content.showMasks(masks, turned);
  }

  /**
   * Sets the cached answers of the open image: stored linking results, shown when neither the
   * endpoint nor the index in the page has one.
   * @param {CachedAnswer[]} answers
   */
  useCachedAnswers(answers) {
    this.#send({ type: 'answersCached', answers });
  }

  /** Selects a shown mask by its index, or none. @param {number | null} index */
  selectMask(index) {
    this.#send({ type: 'maskSelected', index });
  }

  /** Moves the view to a shown mask. @param {number} index */
  fitMask(index) {
    this.#send({ type: 'maskFitted', index });
  }

  /**
   * Downloads the segmentation model and its runtime to the browser's caches, so that the first click
   * need not wait for them.
   */
  prefetch() {
    return this.#models.fetch(this.settings.model);
  }

  /**
   * Clicks a point of the image with the active tool.
   * @param {number} x In pixels of the image.
   * @param {number} y In pixels of the image.
   * @param {{ negative?: boolean, add?: boolean }} [keys]
   */
  clickAt(x, y, { negative = false, add = false } = {}) {
    this.#send({ type: 'clicked', x, y, negative, add });
  }

  /**
   * Segments the object in a box between two corners in pixels of the image.
   * @param {[number, number]} from
   * @param {[number, number]} to
   */
  drawBox(from, to) {
    this.#send({ type: 'boxDrawn', from, to });
  }

  /** Removes the last click. */
  undo() {
    this.#send({ type: 'undone' });
  }

  /** Removes all clicks, and the selection. */
  clear() {
    this.#send({ type: 'cleared' });
  }

  /** Chooses one of the model's candidates. @param {number} index */
  chooseCandidate(index) {
    this.#send({ type: 'candidateChosen', index });
  }

  /** Asks the endpoint, or without one the index in the page, for the entity of the current mask. */
  askLink() {
    this.#send({ type: 'linkRequested' });
  }

  /**
   * Asks another endpoint for the entities of the mask that was linked last. Neither `snapshot` nor the
   * events tell of it.
   * @param {string} endpoint
   * @param {AbortSignal} signal
   * @param {string | null} [token] Of that endpoint; `token` is not sent to it.
   * @returns {Promise<LinkResponse>}
   */
  askOther(endpoint, signal, token = null) {
    if (!this.#linked) throw new ViewerError('mask-missing', 'No mask was linked yet.');
    return this.#models.ask(this.#linked, endpoint, token, signal);
  }

  /** The kept masks without their runs, in drawing order. @returns {KeptSummary[]} */
  get kept() {
    return this.#viewer.ask((viewer) => viewer.snapshot())?.kept ?? [];
  }

  /**
   * Keeps the current mask: the chosen candidate, or a copy of the selected mask. It replaces the kept
   * mask that `editKept` named.
   * @returns {number | null} The number of the kept mask.
   */
  keep() {
    this.#send({ type: 'maskKept' });
    return this.#viewer.ask((viewer) => viewer.snapshot())?.selectedKept ?? null;
  }

  /** Selects a kept mask by its number, or none. @param {number | null} id */
  selectKept(id) {
    this.#send({ type: 'keptSelected', id });
  }

  /** Highlights a kept mask by its number, or none. @param {number | null} id */
  hoverKept(id) {
    this.#send({ type: 'keptHovered', id });
  }

  /**
   * Names a kept mask: by an entity, or by any label without a QID.
   * @param {number} id
   * @param {{ title?: string, qid?: string | null, score?: number | null }} name
   */
  nameKept(id, { title = '', qid = null, score = null }) {
    this.#send({ type: 'keptNamed', id, title, qid, score });
  }

  /** Hides a kept mask, or draws it again. @param {number} id @param {boolean} hidden */
  hideKept(id, hidden = true) {
    this.#send({ type: 'keptHidden', id, hidden });
  }

  /** Continues a kept mask with clicks; `keep` replaces it, `clear` leaves it. @param {number} id */
  editKept(id) {
    this.#send({ type: 'keptEdited', id });
  }

  /** Adds another kept mask to one, and removes the other. @param {number} id @param {number} other */
  mergeKept(id, other) {
    this.#send({ type: 'keptCombined', id, other, subtract: false });
  }

  /** Takes another kept mask away from one. @param {number} id @param {number} other */
  subtractKept(id, other) {
    this.#send({ type: 'keptCombined', id, other, subtract: true });
  }

  /** Deletes a kept mask. @param {number} id */
  deleteKept(id) {
    this.#send({ type: 'keptDeleted', id });
  }

  /** Moves the view to a kept mask. @param {number} id */
  fitKept(id) {
    this.#send({ type: 'keptFitted', id });
  }

  /** Undoes the last change of clicks or kept masks. */
  undoStep() {
    this.#send({ type: 'stepUndone' });
  }

  /** Does again what was undone last. */
  redoStep() {
    this.#send({ type: 'stepRedone' });
  }

  /** Half the width of the brush and the eraser in CSS pixels. */
  get brushRadius() {
    return this.#viewer.ask((viewer) => viewer.brushRadius) ?? 0;
  }

  set brushRadius(radius) {
    this.#send({ type: 'brushSized', radius });
  }

  /**
   * Writes the kept masks with image, entity, scores and clicks: as one file, or for `mask` and
   * `cutout` as one PNG a mask.
   * @param {import('./viewer/kept-files.js').Format} format `coco`, `oven` (Mask-OVEN-Wiki), `rle`,
   *   `polygons` (GeoJSON, with holes), `svg`, `mask` or `cutout`.
   * @param {{ ids?: number[] }} [options] `ids` names the masks; without it all are written.
   * @returns {Promise<import('./viewer/kept-files.js').ExportedFile[]>}
   */
  async exportMasks(format, { ids } = {}) {
    const { exported } = await import('./viewer/kept-files.js');
    const { kept = [], shown = [], image } = this.#viewer.ask((one) => one.snapshot()) ?? {};
    const records = this.#viewer.ask((viewer) => viewer.keptRecords()) ?? [];
    const colors = this.colors.slice(shown.length);
    const chosen = kept
      .map((summary, at) => ({ ...records[at], ...summary, prompts: records[at]?.prompts ?? [] }))
      .map((mask, at) => ({ mask, color: colors[at] ?? '' }))
      .filter(({ mask }) => !ids || ids.includes(mask.id));
    return await exported(format, {
      image: image ?? 'image',
      masks: /** @type {any} */ (chosen.map(({ mask }) => mask)),
      colors: chosen.map(({ color }) => color),
      bitmap: this.bitmap,
      path: (id) => this.#viewer.ask((viewer) => viewer.keptPath(id)) ?? '',
      polygons: (id) => this.#viewer.ask((viewer) => viewer.keptPolygons(id)) ?? [],
      pixels: (id) => this.#viewer.ask((viewer) => viewer.keptBitmap(id)) ?? new Uint8Array(),
    });
  }

  /**
   * Keeps the masks of a file that `exportMasks` wrote, any but a cut-out, or of another PNG that is
   * white on black or opaque on transparent; they must be as large as the image. A mask that cannot be
   * used is reported by `error`.
   * @param {Blob} file
   * @returns {Promise<number>} The number of masks that were added.
   */
  async importMasks(file) {
    const { imported } = await import('./viewer/kept-files.js');
    const records = await imported(file);
    const before = this.kept.length;
    this.#send({ type: 'keptImported', records });
    return this.kept.length - before;
  }

  /** Shows the whole image. */
  fit() {
    this.#send({ type: 'fitted' });
  }

  /** Shows a pixel of the image as a pixel of the screen. */
  showActualPixels() {
    this.#send({ type: 'actualPixelsShown' });
  }

  /** Zooms about the crosshair, or the middle. @param {number} factor */
  zoomBy(factor) {
    this.#send({ type: 'zoomed', factor, inCanvas: null });
  }

  /** Returns the current mask as COCO RLE; undefined without one. */
  maskRle() {
    return this.#viewer.ask((viewer) => viewer.maskRle());
  }

  /** Returns the number of parts of the current mask that touch nowhere; undefined without one. */
  maskComponents() {
    return this.#viewer.ask((viewer) => viewer.maskComponents());
  }

  /**
   * Returns the current mask as a PNG of the image's size, white on black.
   * @returns {Promise<Blob | undefined>}
   */
  async maskPng() {
    const pixels = this.#viewer.ask((viewer) => viewer.maskBitmap());
    const [width = 0, height = 0] = this.#viewer.ask((viewer) => viewer.imageSize) ?? [];
    return pixels && pngOf({ width, height, pixels });
  }

  /** @param {Effect} effect */
  #perform(effect) {
    switch (effect.type) {
      case 'changed':
        return this.#update();
      case 'drawMarks':
        return this.#stage.place();
      case 'viewChanged':
        return this.#emit('view-change');
      case 'announce':
        return this.#notices.announce(effect.text);
      case 'notify':
        return this.#notify(effect.name, withRle(effect.detail, effect.mask));
      case 'prepareModel':
        return void this.#models.prepare(this.settings.model);
      case 'segment':
        return void this.#models.segment(effect, this.settings.model, !this.settings.endpoint);
      case 'preview':
        return void this.#models.preview(effect, this.settings.model);
      case 'link':
        this.#linked = /** @type {MaskRuns} */ (effect.mask);
        return void this.#models.link({ ...effect, mask: this.#linked });
      case 'cancelSegment':
      case 'cancelLink':
        return this.#models.cancel(effect.ticket);
      default:
    }
  }

  /** @param {string} name @param {any} detail */
  #notify(name, detail) {
    if (name === 'mask-hover') {
      this.#stage.place();
      this.#list.markHovered(detail?.index ?? null);
    }
    if (name === 'kept-change') this.#store.changed();
    this.#emit(name, detail);
  }

  /** Restores the kept masks of an image. @param {string | null} name */
  #opened(name) {
    if (name !== null && this.persist) this.#store.opened(name);
    else this.#store.closed();
  }

  #show() {
    const snapshot = this.#viewer.ask((viewer) => viewer.snapshot());
    if (!snapshot) return;
    this.#snapshot = snapshot;
    fill(this.#nodes.summary, snapshot.description);
    this.#notices.hint((snapshot.segmentFailure ?? snapshot.masksFailure)?.message ?? '');
    this.#stage.show(snapshot);
    this.#list.show(snapshot, this.colors);
    this.#toolbar.show(snapshot, this.controls, !this.noKeep);
    this.#emit('update');
  }

  /** Shows the tools and keys that the attributes name. */
  #showTools() {
    this.#toolbar.show(this.#snapshot, this.controls, !this.noKeep);
    fill(this.#nodes.keys, keysInWords(!this.noKeep));
  }

  /** @param {Failure} failure @param {boolean} instead Whether the words cover the image. */
  #fail(failure, instead) {
    if (instead) this.#notices.fail(failure.message);
    this.#notices.announce(failure.message);
    this.#emit('error', failure);
  }

  /** @param {ViewerEvent} event */
  #send(event) {
    this.#viewer.dispatch(event);
  }

  /** @param {string} name @param {unknown} [detail] */
  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }
}

/**
 * Adds the mask to an event's detail as COCO RLE, which is encoded when it is read.
 * @param {unknown} detail
 * @param {MaskRuns | undefined} runs
 */
function withRle(detail, runs) {
  if (!runs) return detail;
  /** @type {import('./pkg/viewer.js').CocoRle | undefined} */
  let rle;
  return Object.defineProperty({ .../** @type {object} */ (detail) }, 'mask', {
    enumerable: true,
    get: () => (rle ??= encodeRle(...runs.size, runs.boundaries)),
  });
}

if (!customElements.get('mask-viewer')) customElements.define('mask-viewer', MaskViewer);
else console.warn('mask-viewer is registered already');
export { ViewerError };
