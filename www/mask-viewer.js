/** @file Registers `<mask-viewer>`: masks over a picture, a click to segment, and the entity it may be. */

import { Annotations } from './element/annotations.js';
import { fill } from './element/dom.js';
import { Engine } from './element/engine.js';
import { ViewerError, failureOf } from './element/errors.js';
import { Linker } from './element/linker.js';
import { MaskList } from './element/mask-list.js';
import { Notices, describe } from './element/notices.js';
import { decodePicture, fetchPicture } from './element/picture.js';
import { pngOf } from './element/png.js';
import { Segmenter } from './element/segmenter.js';
import { Stage } from './element/stage.js';
import { styles } from './element/styles.js';
import { build } from './element/template.js';

/** @typedef {import('./element/types.js').Snapshot} Snapshot */
/** @typedef {import('./element/types.js').Settings} Settings */
/** @typedef {import('./element/types.js').Tool} Tool */
/** @typedef {import('./element/types.js').ShownMask} ShownMask */
/** @typedef {import('./element/types.js').RecordedAnswer} RecordedAnswer */

/** @type {Settings} */
const DEFAULTS = { endpoint: null, model: null, opacity: 0.45, colouring: 'entity', patterns: false, labels: false, boxes: false, renderer: 'auto' };

/**
 * Masks over a picture. A click segments an object, an endpoint tells which Wikipedia entity it may be.
 *
 * @summary Shows, makes and links masks of a picture.
 *
 * @attr {string} src - Address of the picture.
 * @attr {string} annotations - Address of masks in COCO's or Mask-OVEN-Wiki's JSON; those of `src`'s file name are shown.
 * @attr {string} endpoint - Address of a linking endpoint; without it no mask is sent anywhere.
 * @attr {string} model - Id of a segmentation model in `models/models.json`; without it the first.
 * @attr {boolean} controls - Shows the tools, and lets the wheel zoom without Ctrl.
 *
 * @event {CustomEvent<{ renderer: string, note: string }>} ready - The viewer can draw.
 * @event {CustomEvent<{ index: number, id: string, title: string, qid: string | null } | null>} mask-hover - Another shown mask, or none, is pointed at.
 * @event {CustomEvent<{ index: number, id: string, title: string, qid: string | null } | null>} mask-select - Another shown mask, or none, is selected.
 * @event {CustomEvent<{ mask: { size: [number, number], counts: string }, score: number }>} segment - A click became a mask (COCO RLE), or another candidate is preferred.
 * @event {CustomEvent<{ mask: object, answer: { entities: object[] }, source: 'endpoint' | 'recorded' }>} link - The entities of a mask are known.
 * @event {CustomEvent<{ code: string, message: string }>} error - Something did not work.
 * @event {CustomEvent<void>} update - What `snapshot` or `status` tells has changed.
 * @event {CustomEvent<void>} view-change - Another part of the picture is seen.
 *
 * @slot empty - What is shown where there is no picture.
 *
 * @csspart base - All of it.
 * @csspart frame - Around the picture.
 * @csspart stage - What takes pointers and keys.
 * @csspart canvas - The canvas.
 * @csspart tools - The bar of tools.
 * @csspart zoom - The zoom buttons.
 * @csspart masks - The list of masks.
 * @csspart mask - One mask of the list.
 * @csspart swatch - The colour of a mask of the list.
 * @csspart notice - What stands in for a picture: nothing yet, or an error.
 * @csspart hint - Why masks are drawn without their picture.
 * @csspart progress - What is being loaded.
 *
 * @cssproperty --mask-viewer-accent - Colour of the chosen tool, selection and focus.
 * @cssproperty --mask-viewer-on-accent - Colour of text on the accent.
 * @cssproperty --mask-viewer-surface - Background of the bars.
 * @cssproperty --mask-viewer-raised - Background of what is pointed at.
 * @cssproperty --mask-viewer-text - Colour of text.
 * @cssproperty --mask-viewer-muted - Colour of lesser text.
 * @cssproperty --mask-viewer-line - Colour of dividing lines.
 * @cssproperty --mask-viewer-stage - Background around the picture.
 * @cssproperty --mask-viewer-radius - Radius of the corners.
 * @cssproperty --mask-viewer-font - The font, as the shorthand `font`.
 */
export class MaskViewer extends HTMLElement {
  static observedAttributes = ['src', 'annotations', 'endpoint', 'model', 'controls'];

  #nodes = build();
  #notices = new Notices(this.#nodes);
  #root = this.attachShadow({ mode: 'open' });
  /** Ends everything that belongs to one stay in a document. @type {AbortController | undefined} */
  #stay;
  /** Ends the loading of the picture before. @type {AbortController | undefined} */
  #loading;
  /** @type {Promise<Engine> | undefined} */
  #starting;
  /** @type {Engine | undefined} */
  #engine;
  /** @type {Stage | undefined} */
  #stage;
  /** @type {MaskList | undefined} */
  #list;
  /** @type {Segmenter | undefined} */
  #segmenter;
  /** @type {Linker | undefined} */
  #linker;
  #annotations = new Annotations();
  /** @type {Snapshot | undefined} */
  #snapshot;
  /** @type {import('./element/picture.js').Picture | undefined} */
  #picture;
  /** Wished before the engine was there. @type {{ tool: Tool | undefined, settings: Settings }} */
  #wishes = { tool: undefined, settings: { ...DEFAULTS } };
  #updating = false;

  /** Bearer token for the endpoint; kept in memory only. @type {string | null} */
  token = null;

  constructor() {
    super();
    this.#root.adoptedStyleSheets = [styles()];
    this.#root.append(this.#nodes.root);
    this.#notices.empty();
    this.#nodes.bar.hidden = this.#nodes.zoom.hidden = this.#nodes.noMasks.hidden = true;
  }

  connectedCallback() {
    const stay = this.#stay = new AbortController();
    const { signal } = stay;
    const { tools, undo, clear } = this.#nodes;
    this.#stage = new Stage(this.#nodes, {
      wheelZooms: () => this.controls,
      tool: (tool) => { this.tool = tool; },
      viewChanged: () => this.#emit('view-change'),
      wanted: () => this.#segmenter?.prepare(this.settings.model),
    }, signal);
    this.#list = new MaskList(this.#nodes.masks, {
      hover: (index) => this.#send({ type: 'maskHovered', index }),
      select: (index) => this.selectMask(index),
    }, signal);
    for (const [tool, button] of tools) button.addEventListener('click', () => { this.tool = tool; }, { signal });
    this.#nodes.bar.addEventListener('keydown', (event) => this.#walkTools(event), { signal });
    undo.addEventListener('click', () => this.undo(), { signal });
    clear.addEventListener('click', () => this.clear(), { signal });
    this.#start(signal);
    if (this.src) this.#openSource();
  }

  disconnectedCallback() {
    this.#stay?.abort();
    this.#loading?.abort();
    this.#segmenter?.free();
    this.#linker?.free();
    this.#annotations.free();
    this.#stage?.connect(undefined);
    this.#engine?.free();
    this.#picture?.bitmap.close();
    this.#stay = this.#loading = this.#segmenter = this.#linker = this.#engine = this.#picture = this.#starting = undefined;
    this.#notices.empty();
  }

  /**
   * @param {string} name
   * @param {string | null} before
   * @param {string | null} value
   */
  attributeChangedCallback(name, before, value) {
    if (before === value) return;
    if (name === 'controls') this.#showControls();
    if (name === 'endpoint') this.configure({ endpoint: value });
    if (name === 'model') this.configure({ model: value });
    if (name === 'src' && this.isConnected) this.#openSource();
    if (name === 'annotations' && this.isConnected) this.#showAnnotations();
  }

  /** Address of the picture. */
  get src() {
    return this.getAttribute('src');
  }

  set src(value) {
    this.#reflect('src', value);
  }

  /** Address of the masks. */
  get annotations() {
    return this.getAttribute('annotations');
  }

  set annotations(value) {
    this.#reflect('annotations', value);
  }

  /** Whether the tools are shown. */
  get controls() {
    return this.hasAttribute('controls');
  }

  set controls(value) {
    this.toggleAttribute('controls', value);
  }

  /** The tool in hand: `select`, `pick`, `add`, `remove`, `box` or `pan`. */
  get tool() {
    return this.#snapshot?.tool ?? this.#wishes.tool ?? 'select';
  }

  set tool(tool) {
    this.#wishes.tool = tool;
    this.#send({ type: 'toolChosen', tool });
  }

  /** The settings; `configure` changes them. */
  get settings() {
    return this.#wishes.settings;
  }

  /** Changes some of the settings. @param {Partial<Settings>} some */
  configure(some) {
    const renderer = this.#wishes.settings.renderer;
    this.#wishes.settings = { ...this.#wishes.settings, ...some };
    this.#send({ type: 'settingsChanged', settings: this.#wishes.settings });
    if (this.#wishes.settings.renderer !== renderer) this.#restart();
  }

  /** What is shown, as plain data; `undefined` before `ready`. */
  get snapshot() {
    return this.#snapshot;
  }

  /** What does the work: renderer, model, its provider, and the last timings in milliseconds. */
  get status() {
    return { renderer: this.#engine?.renderer, segment: this.#segmenter?.status, link: this.#linker?.status };
  }

  /** The picture's bitmap as displayed; it belongs to the viewer. */
  get bitmap() {
    return this.#picture?.bitmap;
  }

  /** The colours of the shown masks as CSS colours, and last that of the clicked mask. @returns {string[]} */
  get colours() {
    return this.#engine?.ask((viewer) => viewer.colours()) ?? [];
  }

  /** The middle of the view in the picture and CSS pixels a pixel; `null` while the whole picture is fitted. */
  get view() {
    const view = this.#engine?.ask((viewer) => viewer.isZoomed ? viewer.view() : undefined);
    return view ? { x: view[0] ?? 0, y: view[1] ?? 0, scale: view[2] ?? 1 } : null;
  }

  set view(view) {
    if (view) this.#engine?.change((viewer) => viewer.setView(view.x, view.y, view.scale));
    else this.fit();
  }

  /**
   * Opens a picture instead of the one before.
   * @param {string | Blob | null} source Its address, the encoded picture, or null where nobody has it.
   * @param {{ key?: string, size?: [number, number] }} [options] `key` names it in events; `size` (width, height) draws
   *   an empty frame of that size, for its masks, where the picture cannot be read.
   * @returns {Promise<boolean>} Whether the picture is shown; false where another was opened meanwhile.
   */
  async openPicture(source, { key = typeof source === 'string' ? source : `blob-${++opened}`, size } = {}) {
    this.#loading?.abort();
    const loading = this.#loading = new AbortController();
    this.#notices.progress('Loading the picture');
    try {
      if (source === null) throw new ViewerError('picture-missing', 'The picture itself is not here.');
      const blob = typeof source === 'string' ? await fetchPicture(source, loading.signal) : source;
      const picture = await decodePicture(blob, key);
      const engine = await this.#starting;
      if (loading.signal.aborted || !engine) {
        picture.bitmap.close();
        return false;
      }
      this.#take(engine, picture);
      return true;
    } catch (thrown) {
      if (loading.signal.aborted) return false;
      await this.#showMissing(failureOf(thrown, 'picture'), key, size);
      return false;
    } finally {
      if (this.#loading === loading) this.#notices.done();
    }
  }

  /** Takes the picture away. */
  closePicture() {
    this.#loading?.abort();
    this.#picture?.bitmap.close();
    this.#picture = undefined;
    this.#segmenter?.forgetPicture();
    this.#engine?.change((viewer) => viewer.clearPicture());
    this.#send({ type: 'pictureClosed' });
    this.#notices.empty();
  }

  /** Shows these masks instead of those before; each must be as large as the picture. @param {ShownMask[]} masks */
  showMasks(masks) {
    this.#send({ type: 'masksShown', masks });
  }

  /** Gives answers to fall back on while the endpoint is down. @param {RecordedAnswer[]} answers */
  useRecordings(answers) {
    this.#send({ type: 'recordingsRead', answers });
  }

  /** Selects a shown mask by its place, or none. @param {number | null} index */
  selectMask(index) {
    this.#send({ type: 'maskSelected', index });
  }

  /** Moves the view to a shown mask. @param {number} index */
  fitMask(index) {
    this.#engine?.change((viewer) => viewer.fitMask(index));
    this.#emit('view-change');
  }

  /**
   * Clicks a point of the picture with the tool in hand.
   * @param {number} x In pixels of the picture.
   * @param {number} y In pixels of the picture.
   * @param {{ negative?: boolean, add?: boolean }} [keys]
   */
  clickAt(x, y, { negative = false, add = false } = {}) {
    this.#send({ type: 'clicked', x, y, negative, add });
  }

  /**
   * Segments what is in a box between two corners in pixels of the picture.
   * @param {[number, number]} from
   * @param {[number, number]} to
   */
  drawBox(from, to) {
    this.#send({ type: 'boxDrawn', from, to });
  }

  /** Takes the last click back. */
  undo() {
    this.#send({ type: 'undone' });
  }

  /** Takes all clicks back, and the selection. */
  clear() {
    this.#send({ type: 'cleared' });
  }

  /** Prefers one of the model's candidates. @param {number} index */
  chooseCandidate(index) {
    this.#send({ type: 'candidateChosen', index });
  }

  /** Asks the endpoint what the current mask is. */
  askLink() {
    this.#send({ type: 'linkAsked' });
  }

  /** Shows the whole picture. */
  fit() {
    this.#stage?.fit();
  }

  /** Shows a pixel of the picture as a pixel of the screen. */
  showActualPixels() {
    this.#stage?.showActualPixels();
  }

  /** Zooms about the middle. @param {number} factor */
  zoomBy(factor) {
    this.#stage?.zoom(factor);
  }

  /** The current mask as a PNG of the picture's size, white on black. @returns {Promise<Blob | undefined>} */
  async maskPng() {
    const [height, width] = this.#snapshot?.mask?.size ?? [0, 0];
    const pixels = this.#engine?.ask((viewer) => viewer.maskBitmap());
    return pixels && await pngOf({ width, height, pixels });
  }

  /** @param {AbortSignal} signal */
  #start(signal) {
    const send = (/** @type {Record<string, unknown> & { type: string }} */ event) => this.#send(event);
    this.#segmenter = new Segmenter({
      send,
      progress: (words, done) => words === null ? this.#notices.done() : this.#notices.progress(words, done),
      changed: () => this.#update(),
    });
    this.#linker = new Linker({ send, token: () => this.token, picture: () => this.#picture, changed: () => this.#update() });
    const starting = this.#starting = Engine.create(this.#nodes.stage, this.#wishes.settings.renderer, {
      onEffect: (effect) => this.#perform(effect),
      onDraw: () => this.#stage?.place(),
      onRebuilt: () => this.#update(),
      onLost: (thrown) => this.#fail(failureOf(thrown, 'renderer')),
    });
    starting.then((engine) => signal.aborted ? engine.free() : this.#connect(engine), (thrown) => this.#fail(failureOf(thrown, 'renderer')));
  }

  /** @param {Engine} engine */
  #connect(engine) {
    this.#engine = engine;
    this.#stage?.connect(engine);
    this.#send({ type: 'settingsChanged', settings: this.#wishes.settings });
    if (this.#wishes.tool) this.#send({ type: 'toolChosen', tool: this.#wishes.tool });
    this.#update();
    const { kind, note } = engine.renderer;
    this.#emit('ready', { renderer: kind, note });
  }

  /** Starts again with another renderer; the picture and its masks are shown again. */
  async #restart() {
    const [stay, picture, blob, masks] = [this.#stay, this.#picture, this.#picture?.blob, this.#engine?.ask((viewer) => viewer.shownMasks())];
    if (!stay || !this.#engine) return;
    this.#engine.free();
    this.#engine = undefined;
    this.#segmenter?.free();
    this.#linker?.free();
    this.#start(stay.signal);
    if (blob && picture && await this.openPicture(blob, { key: picture.key }) && masks) this.showMasks(JSON.parse(masks));
  }

  /**
   * @param {Engine} engine
   * @param {import('./element/picture.js').Picture} picture
   */
  #take(engine, picture) {
    this.#picture?.bitmap.close();
    this.#picture = picture;
    this.#segmenter?.usePicture(picture);
    engine.dispatch({ type: 'pictureOpened', key: picture.key, width: picture.bitmap.width, height: picture.bitmap.height });
    try {
      engine.change((viewer) => viewer.setPicture(picture.bitmap));
    } catch (thrown) {
      this.#fail(failureOf(thrown, 'picture'));
    }
    this.#notices.clear();
    this.#emit('view-change');
  }

  /**
   * @param {import('./element/types.js').Failure} failure
   * @param {string} key
   * @param {[number, number] | undefined} size
   */
  async #showMissing(failure, key, size) {
    const engine = await this.#starting;
    this.#picture?.bitmap.close();
    this.#picture = undefined;
    this.#segmenter?.forgetPicture();
    engine?.change((viewer) => viewer.clearPicture());
    if (engine && size) {
      engine.dispatch({ type: 'pictureOpened', key, width: size[0], height: size[1] });
      this.#notices.clear(`${failure.message} Its masks are drawn on a frame of its size.`);
    } else {
      engine?.dispatch({ type: 'pictureClosed' });
    }
    this.#fail(failure, !size);
  }

  async #openSource() {
    if (!this.src) return this.closePicture();
    if (await this.openPicture(this.src)) await this.#showAnnotations();
  }

  async #showAnnotations() {
    const [address, src, picture] = [this.annotations, this.src, this.#picture];
    if (!address || !src || !picture) return;
    try {
      const masks = await this.#annotations.masksOf(address, src);
      if (this.#picture === picture) this.showMasks(masks);
    } catch (thrown) {
      this.#fail(failureOf(thrown, 'annotations'), false);
    }
  }

  /** @param {import('./element/types.js').Effect} effect */
  #perform(effect) {
    switch (effect.type) {
      case 'changed': return this.#update();
      case 'announce': return this.#notices.say(effect.text);
      case 'notify': return this.#notify(effect.name, effect.detail);
      case 'segment': return this.#segmenter?.segment(effect, this.#wishes.settings.model);
      case 'cancelSegment': return this.#segmenter?.cancel(effect.ticket);
      case 'link': return this.#linker?.link(effect);
      case 'cancelLink': return this.#linker?.cancel(effect.ticket);
      default:
    }
  }

  /**
   * @param {string} name
   * @param {any} detail
   */
  #notify(name, detail) {
    if (name === 'mask-hover') {
      this.#stage?.markHovered(detail?.index ?? null);
      this.#list?.markHovered(detail?.index ?? null);
    }
    this.#emit(name, detail);
  }

  /** Shows the state anew, once for all that changed within one task. */
  #update() {
    if (this.#updating) return;
    this.#updating = true;
    queueMicrotask(() => {
      this.#updating = false;
      if (this.#engine) this.#show(this.#engine);
    });
  }

  /** @param {Engine} engine */
  #show(engine) {
    const snapshot = this.#snapshot = engine.snapshot;
    const { tools, undo, clear, stage, summary } = this.#nodes;
    for (const [tool, button] of tools) {
      button.setAttribute('aria-checked', String(tool === snapshot.tool));
      button.tabIndex = tool === snapshot.tool ? 0 : -1;
    }
    undo.disabled = snapshot.prompts.length === 0;
    clear.disabled = undo.disabled && snapshot.selected === null;
    stage.setAttribute('aria-busy', String(snapshot.segmenting));
    fill(summary, describe(snapshot));
    this.#stage?.show(snapshot);
    this.#list?.show(snapshot, this.colours);
    this.#showControls();
    this.#emit('update');
  }

  /** Arrow keys go through the tools, as in any group of radio buttons. @param {KeyboardEvent} event */
  #walkTools(event) {
    const step = new Map([['ArrowRight', 1], ['ArrowDown', 1], ['ArrowLeft', -1], ['ArrowUp', -1]]).get(event.key);
    const buttons = [...this.#nodes.tools.values()];
    const at = buttons.findIndex((button) => button === event.target);
    if (!step || at < 0) return;
    event.preventDefault();
    const next = buttons[(at + step + buttons.length) % buttons.length];
    next?.click();
    next?.focus();
  }

  /**
   * @param {import('./element/types.js').Failure} failure
   * @param {boolean} [instead] Whether the words stand in for the picture.
   */
  #fail(failure, instead = !this.#picture) {
    if (instead) this.#notices.fail(failure.message);
    this.#notices.say(failure.message);
    this.#emit('error', failure);
  }

  /** The tools; and in place of a list of masks a word, so that nothing moves when masks come. */
  #showControls() {
    const { bar, zoom, noMasks } = this.#nodes;
    bar.hidden = zoom.hidden = !this.controls;
    noMasks.hidden = !this.controls || (this.#snapshot?.shown.length ?? 0) > 0;
    fill(noMasks, this.#snapshot?.picture ? 'No masks are given for this picture.' : '');
  }

  /** @param {Record<string, unknown> & { type: string }} event */
  #send(event) {
    try {
      this.#engine?.dispatch(event);
    } catch (thrown) {
      this.#fail(failureOf(thrown, 'viewer'), false);
    }
  }

  /**
   * @param {string} name
   * @param {unknown} [detail]
   */
  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }

  /**
   * @param {string} name
   * @param {string | null} value
   */
  #reflect(name, value) {
    if (value === null) this.removeAttribute(name);
    else this.setAttribute(name, value);
  }
}

/** Pictures opened without an address, to give each a name of its own. */
let opened = 0;

if (!customElements.get('mask-viewer')) customElements.define('mask-viewer', MaskViewer);
else console.warn('mask-viewer is registered already');

export { ViewerError };
