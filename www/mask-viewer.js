/**
 * @file Registers `<mask-viewer>`: masks over an image, a click to segment, and the entity it may
 * be.
 */

import { afterTask } from './viewer/after-task.js';
import { Annotations } from './viewer/annotations.js';
import { AttributesElement, takeEarly } from './viewer/attributes.js';
import { DEFAULTS } from './viewer/defaults.js';
import { fill } from './viewer/dom.js';
import { Engine } from './viewer/handle.js';
import { ViewerError, failureOf, summaryOf } from './viewer/errors.js';
import { MaskList } from './viewer/list.js';
import { Notices, describe } from './viewer/notices.js';
import { decodeImage, fetchImage } from './viewer/image.js';
import { pngOf } from './viewer/png.js';
import { Models } from './viewer/models.js';
import { Stage } from './viewer/stage.js';
import { Starter } from './viewer/lifecycle.js';
import { styles } from './viewer/styles.js';
import { build } from './viewer/template.js';
import { Toolbar } from './viewer/toolbar.js';

/** @import { Failure, Opened, RecordedAnswer, Settings, ShownMask, Snapshot, Tool } from './viewer/types.js' */
/** @typedef {{ x: number, y: number, scale: number }} View */

/**
 * Masks over an image. A click segments an object; an endpoint, or an index of static files, tells
 * its Wikipedia entity.
 *
 * @summary Shows, makes and links masks of an image.
 *
 * @attr {string} src - Address of the image.
 * @attr {string} annotations - Address of masks in COCO's or Mask-OVEN-Wiki's JSON; those of
 *   `src`'s file name are shown, or of the only image where it has one.
 * @attr {string} endpoint - Address of a linking endpoint; without it nothing is sent anywhere, and
 *   the index in `index/` beside this script answers in the page.
 * @attr {string} model - Id of a segmentation model in `models/models.json`; without it the list's default.
 * @attr {string} tool - What a click does at first: `select` (a shown mask; the default), `pick`
 *   (makes a mask), `add`, `remove`, `box` or `pan`. The tool in hand since is the property's.
 * @attr {boolean} controls - Shows the tools, and lets the wheel zoom without Ctrl.
 *
 * @event {CustomEvent<{ renderer: string, note: string }>} ready - The viewer can draw.
 * @event {CustomEvent<{ index: number, id: string, title: string, qid: string | null } | null>}
 *   mask-hover - Another shown mask, or none, is pointed at.
 * @event {CustomEvent<{ index: number, id: string, title: string, qid: string | null } | null>}
 *   mask-select - Another shown mask, or none, is selected.
 * @event {CustomEvent<{ mask: { size: [number, number], counts: string }, score: number }>} segment
 *   - A click became a mask (COCO RLE), or another candidate is preferred.
 * @event {CustomEvent<{ mask: object, answer: { entities: object[] }, source: 'endpoint' | 'page' |
 *   'recorded' }>} link - The entities of a mask are known.
 * @event {CustomEvent<{ code: string, message: string }>} error - Something did not work.
 * @event {CustomEvent<void>} update - What `snapshot` or `status` tells has changed.
 * @event {CustomEvent<void>} view-change - Another part of the image is seen.
 *
 * @slot empty - What is shown where there is no image.
 *
 * @csspart base - All of it.
 * @csspart frame - Around the image.
 * @csspart stage - What takes pointers and keys.
 * @csspart canvas - The canvas.
 * @csspart tools - The bar of tools.
 * @csspart zoom - The zoom buttons.
 * @csspart masks - The list of masks.
 * @csspart mask - One mask of the list.
 * @csspart swatch - The colour of a mask of the list.
 * @csspart notice - What stands in for an image: nothing yet, or an error.
 * @csspart hint - Why masks are drawn without their image.
 * @csspart progress - What is being loaded.
 *
 * @cssproperty --mask-viewer-accent - Colour of the chosen tool, selection and focus.
 * @cssproperty --mask-viewer-on-accent - Colour of text on the accent.
 * @cssproperty --mask-viewer-surface - Background of the bars.
 * @cssproperty --mask-viewer-raised - Background of what is pointed at.
 * @cssproperty --mask-viewer-text - Colour of text.
 * @cssproperty --mask-viewer-muted - Colour of lesser text.
 * @cssproperty --mask-viewer-line - Colour of dividing lines.
 * @cssproperty --mask-viewer-stage - Background around the image.
 * @cssproperty --mask-viewer-radius - Radius of the corners.
 * @cssproperty --mask-viewer-font - The font, as the shorthand `font`.
 */
export class MaskViewer extends AttributesElement {
  #nodes = build();
  #notices = new Notices(this.#nodes);
  #root = this.attachShadow({ mode: 'open', delegatesFocus: true });
  /** Ends everything that belongs to one stay in a document. @type {AbortController | undefined} */
  #stay;
  /** Ends the loading of the image before. @type {AbortController | undefined} */
  #loading;
  #starter = new Starter({
    renderer: () => this.settings.renderer,
    create: (renderer) =>
      Engine.create(this.#nodes.stage, renderer, {
        onEffect: (effect) => this.#perform(effect),
        onFailed: (thrown) => this.#fail(failureOf(thrown, 'viewer'), false),
        onDraw: () => this.#stage?.place(),
        onRebuilt: () => this.#update(),
        onLost: (thrown) => this.#giveUp(failureOf(thrown, 'renderer')),
      }),
    ready: (engine) => this.#connect(engine),
    outdated: () => this.#restart(),
    failed: (thrown) => this.#fail(failureOf(thrown, 'renderer')),
  });
  /** @type {Stage | undefined} */
  #stage;
  /** @type {MaskList | undefined} */
  #list;
  /** @type {Models | undefined} */
  #models;
  #annotations = new Annotations();
  /** @type {Snapshot | undefined} */
  #snapshot;
  /** @type {import('./viewer/image.js').OpenImage | undefined} */
  #image;
  /** @type {Toolbar | undefined} */
  #toolbar;
  /**
   * Wished before the engine was there.
   * @type {{ tool: Tool | undefined, view: View | null, settings: Settings }}
   */
  #wishes = { tool: undefined, view: null, settings: { ...DEFAULTS } };
  /** What was opened last, to show it again by another renderer. @type {Opened | undefined} */
  #opened;
  /** The `src` that was opened last. @type {string | null} */
  #source = null;
  #followAttributes = afterTask(() => this.#openAttributes());
  #update = afterTask(() => {
    if (this.#engine) this.#show(this.#engine);
  });
  /** Why the masks, or some of them, are not shown. */
  #problem = '';

  constructor() {
    super();
    this.#root.adoptedStyleSheets = [styles()];
    this.#root.append(this.#nodes.root);
    this.#notices.empty();
  }

  connectedCallback() {
    const { signal } = (this.#stay = new AbortController());
    takeEarly(this, [
      'src',
      'annotations',
      'endpoint',
      'model',
      'controls',
      'tool',
      'view',
      'token',
    ]);
    this.#stage = new Stage(
      this.#nodes,
      {
        wheelZooms: () => this.controls,
        tool: (tool) => {
          this.tool = tool;
        },
        viewChanged: () => this.#emit('view-change'),
        wanted: () => this.#models?.prepare(this.settings.model),
        say: (words) => this.#notices.say(words),
      },
      signal,
    );
    this.#list = new MaskList(
      this.#nodes.masks,
      {
        hover: (index) => this.#send({ type: 'maskHovered', index }),
        select: (index) => this.selectMask(index),
      },
      signal,
    );
    this.#toolbar = new Toolbar(
      this.#nodes,
      {
        choose: (tool) => {
          this.tool = tool;
        },
        undo: () => this.undo(),
        clear: () => this.clear(),
      },
      signal,
    );
    this.#showTools();
    this.#start();
    this.#followAttributes();
    // What was shown where the element was before, or given before it came here, unless the tag has
    // changed since.
    if (this.src === this.#source && this.#opened) this.#reopen(this.#opened);
  }

  disconnectedCallback() {
    this.#stay?.abort();
    this.#loading?.abort();
    this.#models?.free();
    this.#annotations.free();
    this.#stage?.connect(undefined);
    this.#starter.free();
    this.#image?.bitmap.close();
    this.#stay = this.#loading = this.#models = this.#image = undefined;
    this.#notices.done();
    this.#notices.empty();
  }

  /** @param {string} name @param {string | null} before @param {string | null} value */
  attributeChangedCallback(name, before, value) {
    if (before === value) return;
    if (name === 'controls') this.#showTools();
    if (name === 'tool') this.tool = /** @type {Tool} */ (value ?? 'select');
    if (name === 'endpoint' || name === 'model') this.configure({ [name]: value });
    if (name === 'src' || name === 'annotations') this.#followAttributes();
    // What was shown with other masks is not what the tag names now.
    if (name === 'annotations' && !this.#stay) this.#source = null;
    if (name === 'annotations' && value === null) {
      this.#annotations.free();
      this.showMasks([]);
    }
  }

  /** Address of the linking endpoint, as in the settings; null sends nothing. */
  get endpoint() {
    return this.settings.endpoint;
  }

  set endpoint(value) {
    this.configure({ endpoint: value });
  }

  /**
   * Id of the segmentation model, as in the settings; null is the default of `models/models.json`.
   */
  get model() {
    return this.settings.model;
  }

  set model(value) {
    this.configure({ model: value });
  }

  /** The tool in hand: `select`, `pick`, `add`, `remove`, `box` or `pan`. */
  get tool() {
    return this.#engine?.snapshot.tool ?? this.#wishes.tool ?? 'select';
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
    const { endpoint, model, ...others } = { ...this.#wishes.settings, ...some };
    this.#wishes.settings = { ...others, endpoint: endpoint || null, model: model || null };
    this.#send({ type: 'settingsChanged', settings: this.#wishes.settings });
    if (others.renderer === renderer) return;
    this.#starter.trust();
    this.#restart();
  }

  /** What is shown, as plain data, at the last event `update`; `undefined` before `ready`. */
  get snapshot() {
    return this.#snapshot;
  }

  /** What does the work: renderer, model, its provider, and the last timings in milliseconds. */
  get status() {
    return {
      renderer: this.#starter.renderer,
      ...this.#models?.status,
    };
  }

  /** The image's bitmap as displayed; it belongs to the viewer. */
  get bitmap() {
    return this.#image?.bitmap;
  }

  /**
   * The colours of the shown masks as CSS colours, and last that of the clicked mask.
   * @returns {string[]}
   */
  get colours() {
    return this.#engine?.ask((viewer) => viewer.colours()) ?? [];
  }

  /**
   * The middle of the view in the image and CSS pixels a pixel; `null` while the whole image is
   * fitted.
   */
  get view() {
    const view = this.#engine?.ask((viewer) => (viewer.isZoomed ? viewer.view() : undefined));
    return view ? { x: view[0] ?? 0, y: view[1] ?? 0, scale: view[2] ?? 1 } : null;
  }

  set view(view) {
    // Before there is an image it is wished for the first one.
    this.#wishes.view = this.#snapshot?.image ? null : view;
    if (view) this.#engine?.change((viewer) => viewer.setView(view.x, view.y, view.scale));
    else this.fit();
  }

  /**
   * Opens an image instead of the one before.
   * @param {string | Blob | null} source Its address, the encoded image, or null where nobody has it.
   * @param {{ key?: string, size?: [number, number] }} [options] `key` names it in events; `size`
   *   (width, height) draws an empty frame of that size, for its masks, where the image cannot be
   *   read.
   * @returns {Promise<boolean>} Whether the image is shown; false where another was opened
   *   meanwhile, it cannot be read (event `error`), or the element is in no document yet, where it
   *   is shown once it is.
   */
  async openImage(
    source,
    { key = typeof source === 'string' ? source : `blob-${performance.now()}`, size } = {},
  ) {
    this.#loading?.abort();
    const loading = (this.#loading = new AbortController());
    this.#opened = { source, options: { key, size }, masks: [], recordings: [] };
    this.#notices.progress('Loading the image');
    try {
      if (source === null) throw new ViewerError('image-missing', 'The image itself is not here.');
      const blob = typeof source === 'string' ? await fetchImage(source, loading.signal) : source;
      const image = await decodeImage(blob, key);
      const engine = await this.#starter.started();
      if (loading.signal.aborted || !engine) {
        image.bitmap.close();
        return false;
      }
      this.#take(engine, image);
      return true;
    } catch (thrown) {
      if (loading.signal.aborted) return false;
      await this.#showMissing(failureOf(thrown, 'image'), { key, size }, loading.signal);
      return false;
    } finally {
      if (this.#loading === loading) this.#notices.done();
    }
  }

  /** Takes the image away. */
  closeImage() {
    this.#loading?.abort();
    this.#opened = undefined;
    this.#forgetImage(this.#engine);
    this.#send({ type: 'imageClosed' });
    this.#notices.empty();
  }

  /**
   * Shows these masks instead of those before; each must be as large as the image, which must be
   * open: wait for `openImage`.
   * @param {ShownMask[]} masks
   */
  showMasks(masks) {
    if (this.#opened) this.#opened.masks = masks;
    if (this.#problem) this.#notices.clear();
    this.#problem = '';
    const failure = this.#takeIn({ type: 'masksShown', masks }, masks.length, ['mask', 'masks']);
    if (failure) this.#failMasks(failure);
  }

  /**
   * Gives answers to fall back on where neither an endpoint nor the page itself can answer.
   * @param {RecordedAnswer[]} answers
   */
  useRecordings(answers) {
    if (this.#opened) this.#opened.recordings = answers;
    const failure = this.#takeIn({ type: 'recordingsRead', answers }, answers.length, [
      'recorded answer',
      'recorded answers',
    ]);
    if (failure) this.#fail(failure, false);
  }

  /**
   * Selects a shown mask by its place, or none; before `ready` nothing is shown.
   * @param {number | null} index
   */
  selectMask(index) {
    this.#send({ type: 'maskSelected', index });
  }

  /** Moves the view to a shown mask. @param {number} index */
  fitMask(index) {
    this.#engine?.change((viewer) => viewer.fitMask(index));
    this.#emit('view-change');
  }

  /**
   * Clicks a point of the image with the tool in hand; without an open image nothing happens.
   * @param {number} x In pixels of the image.
   * @param {number} y In pixels of the image.
   * @param {{ negative?: boolean, add?: boolean }} [keys]
   */
  clickAt(x, y, { negative = false, add = false } = {}) {
    this.#send({ type: 'clicked', x, y, negative, add });
  }

  /**
   * Segments what is in a box between two corners in pixels of the image.
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

  /** Asks the endpoint, or without one the page itself, what the current mask is. */
  askLink() {
    this.#send({ type: 'linkAsked' });
  }

  /** Shows the whole image. */
  fit() {
    this.#stage?.fit();
  }

  /** Shows a pixel of the image as a pixel of the screen. */
  showActualPixels() {
    this.#stage?.showActualPixels();
  }

  /** Zooms about the middle. @param {number} factor */
  zoomBy(factor) {
    this.#stage?.zoom(factor);
  }

  /**
   * The current mask as a PNG of the image's size, white on black.
   * @returns {Promise<Blob | undefined>}
   */
  async maskPng() {
    const [height, width] = this.#engine?.snapshot.mask?.size ?? [0, 0];
    const pixels = this.#engine?.ask((viewer) => viewer.maskBitmap());
    return pixels && (await pngOf({ width, height, pixels }));
  }

  #start() {
    const send = (/** @type {Record<string, unknown> & { type: string }} */ event) =>
      this.#send(event);
    this.#models = new Models({
      send,
      segmented: ({ ticket, best, size, scores, counts }, provisional) => {
        const candidates = counts.map((counts, at) => ({
          mask: { size: [...size], counts },
          score: scores[at],
        }));
        send({ type: 'segmented', ticket, candidates, best, provisional });
      },
      progress: (words, size, done) =>
        words === null ? this.#notices.done() : this.#notices.progress(words, size, done),
      token: () => this.token,
      changed: () => this.#update(),
    });
    this.#starter.start();
  }

  get #engine() {
    return this.#starter.engine;
  }

  /** @param {Engine} engine */
  #connect(engine) {
    this.#stage?.connect(engine);
    this.#send({ type: 'settingsChanged', settings: this.#wishes.settings });
    if (this.#wishes.tool) this.#send({ type: 'toolChosen', tool: this.#wishes.tool });
    this.#update();
    const { kind, note } = this.#starter.renderer ?? engine.renderer;
    this.#emit('ready', { renderer: kind, note });
  }

  /** Starts again with another renderer. */
  #restart() {
    if (!this.#engine) return;
    this.#stage?.connect(undefined);
    this.#starter.free();
    this.#models?.free();
    this.#start();
    if (this.#opened) this.#reopen(this.#opened);
  }

  /** Opens again what was opened last, with its masks and recordings. @param {Opened} opened */
  async #reopen(opened) {
    const fetched = typeof opened.source === 'string' && this.#image?.key === opened.options.key;
    const opening = this.openImage(
      fetched ? (this.#image?.blob ?? opened.source) : opened.source,
      opened.options,
    );
    this.#opened = opened;
    await opening;
    if (this.#opened !== opened) return;
    this.showMasks(opened.masks);
    this.useRecordings(opened.recordings);
    // Those that the tag names may have been still to come.
    if (opened.masks.length === 0) await this.#showAnnotations();
  }

  /** @param {Engine} engine @param {import('./viewer/image.js').OpenImage} image */
  #take(engine, image) {
    this.#image?.bitmap.close();
    this.#image = image;
    this.#models?.useImage(image);
    engine.dispatch({
      type: 'imageOpened',
      key: image.key,
      width: image.bitmap.width,
      height: image.bitmap.height,
    });
    try {
      engine.change((viewer) => viewer.setImage(image.bitmap));
    } catch (thrown) {
      this.#fail(failureOf(thrown, 'image'));
    }
    if (this.#wishes.view) this.view = this.#wishes.view;
    this.#wishes.view = null;
    this.#problem = '';
    this.#notices.clear();
    this.#emit('view-change');
  }

  /** @param {Failure} failure @param {Opened['options']} options @param {AbortSignal} signal */
  async #showMissing(failure, { key, size }, signal) {
    const engine = await this.#starter.started();
    if (signal.aborted) return;
    this.#forgetImage(engine);
    this.#problem = '';
    if (engine && size) {
      engine.dispatch({ type: 'imageOpened', key, width: size[0], height: size[1] });
      this.#notices.clear(`${failure.message} Its masks are drawn on a frame of its size.`);
    } else {
      engine?.dispatch({ type: 'imageClosed' });
    }
    this.#fail(failure, !size);
  }

  /** @param {Engine | undefined} engine */
  #forgetImage(engine) {
    this.#image?.bitmap.close();
    this.#image = undefined;
    this.#models?.forgetImage();
    engine?.change((viewer) => viewer.clearImage());
  }

  /** Opens what the attributes name: the image where it is another one, with its masks. */
  async #openAttributes() {
    if (!this.#stay) return;
    if (this.src !== this.#source) {
      this.#source = this.src;
      if (!this.src) return this.closeImage();
      if (!(await this.openImage(this.src))) return;
    }
    await this.#showAnnotations();
  }

  async #showAnnotations() {
    const [address, src, image] = [this.annotations, this.src, this.#image];
    if (!address || !src || image?.key !== src) return;
    const asked = () =>
      this.#image?.key === image.key && this.src === src && this.annotations === address;
    try {
      const masks = await this.#annotations.masksOf(address, src);
      if (asked()) this.showMasks(masks);
    } catch (thrown) {
      if (!asked()) return;
      // Those of the file before are not what the tag names now.
      this.showMasks([]);
      this.#failMasks(failureOf(thrown, 'annotations'));
    }
  }

  /**
   * Gives something to the module whose parts may not fit the image; what does not is told as one failure.
   * @param {Record<string, unknown> & { type: string }} event
   * @param {number} count
   * @param {[string, string]} words What they are, one and many.
   */
  #takeIn(event, count, words) {
    const complaints = /** @type {Failure[]} */ ([]);
    this.#send(event, complaints);
    return summaryOf(complaints, count, words);
  }

  /** Says why masks are not shown, also to those who see the image. @param {Failure} failure */
  #failMasks(failure) {
    this.#problem = failure.message;
    this.#notices.clear(failure.message);
    this.#showTools();
    this.#fail(failure, false);
  }

  /** @param {import('./viewer/types.js').Effect} effect */
  #perform(effect) {
    switch (effect.type) {
      case 'changed':
        return this.#update();
      case 'announce':
        return this.#notices.say(effect.text);
      case 'notify':
        return this.#notify(effect.name, effect.detail);
      case 'segment':
        return void this.#models?.segment(effect, this.#wishes.settings.model);
      case 'cancelSegment':
        return this.#models?.cancel(effect.ticket);
      case 'link':
        return void this.#models?.link(effect);
      case 'linkInPage':
        return void this.#models?.link(effect);
      case 'cancelLink':
        return this.#models?.cancel(effect.ticket);
      default:
    }
  }

  /** @param {string} name @param {any} detail */
  #notify(name, detail) {
    if (name === 'mask-hover') {
      this.#stage?.markHovered(detail?.index ?? null);
      this.#list?.markHovered(detail?.index ?? null);
    }
    this.#emit(name, detail);
  }

  /** @param {Engine} engine */
  #show(engine) {
    const snapshot = (this.#snapshot = engine.snapshot);
    this.#nodes.stage.setAttribute('aria-busy', String(snapshot.segmenting));
    fill(this.#nodes.summary, describe(snapshot));
    this.#notices.trouble(snapshot.segmentFailure?.message ?? '');
    this.#stage?.show(snapshot);
    this.#list?.show(snapshot, this.colours);
    this.#showTools();
    this.#emit('update');
  }

  /**
   * @param {Failure} failure
   * @param {boolean} [instead] Whether the words stand in for the image.
   */
  #fail(failure, instead = !this.#image) {
    if (instead) this.#notices.fail(failure.message);
    this.#notices.say(failure.message);
    this.#emit('error', failure);
  }

  /**
   * What the GPU cannot draw the CPU does; what it cannot either is told in the image's place.
   * @param {Failure} failure
   */
  #giveUp(failure) {
    const isGpu = this.#engine?.renderer.kind === 'webgpu';
    if (isGpu) {
      this.#starter.fallBack();
      this.#restart();
    }
    this.#fail(failure, !isGpu);
  }

  #showTools() {
    this.#toolbar?.show(this.#snapshot, this.controls, this.#problem);
  }

  /**
   * @param {Record<string, unknown> & { type: string }} event
   * @param {Failure[]} [complaints] Takes the failures, which are then not told.
   */
  #send(event, complaints) {
    try {
      this.#engine?.dispatch(event, complaints);
    } catch (thrown) {
      this.#fail(failureOf(thrown, 'viewer'), false);
    }
  }

  /** @param {string} name @param {unknown} [detail] */
  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }
}

if (!customElements.get('mask-viewer')) customElements.define('mask-viewer', MaskViewer);
else console.warn('mask-viewer is registered already');
export { ViewerError };
