/**
 * @file The WebAssembly viewer of one element: sends events, performs effects in order, and keeps a
 * canvas drawn while the element is in a document.
 */

import { failureOf } from './errors.js';
import { loadViewer } from './module.js';
import { DEFAULT_SETTINGS } from './pending.js';
import { newCanvas } from './template.js';

/** Milliseconds before a lost GPU is opened again: a driver or a browser's GPU process restarts slowly. */
const RESTART = 400;
/** Effects after which a frame is drawn. */
const DRAWING = new Set(['drawMasks', 'drawStyle', 'viewChanged']);
/**
 * Also reports changes of the device pixels, where the browser can: another screen may have more in
 * the same place.
 * @type {ResizeObserverOptions}
 */
const OBSERVED =
  'devicePixelContentBoxSize' in ResizeObserverEntry.prototype
    ? { box: 'device-pixel-content-box' }
    : {};

/** @typedef {import('../pkg/viewer.js').Viewer} Viewer */
/** @typedef {import('../pkg/viewer.js').ViewerEvent} ViewerEvent */
/** @typedef {import('../pkg/viewer.js').Effects[number]} Effect */
/** @typedef {import('../pkg/viewer.js').Settings} Settings */
/** @typedef {import('../pkg/viewer.js').Tool} Tool */
/** @typedef {import('../pkg/viewer.js').ViewPosition} ViewPosition */

/**
 * @typedef {object} Listeners
 * @property {(effect: Effect) => void} onEffect
 * @property {(thrown: unknown) => void} onThrown An event was malformed, or `onEffect` threw.
 * @property {(thrown: unknown) => void} onUnavailable The module or a renderer cannot be started.
 * @property {() => void} onReady A renderer draws.
 * @property {() => void} onRenderer The renderer, or its note, has changed.
 * @property {() => void} onDraw A frame was drawn.
 */

export class ViewerHandle {
  #listeners;
  #stage;
  /** @type {Viewer | undefined} */
  #viewer;
  /** Set before the module is loaded. */
  #pending = {
    settings: { ...DEFAULT_SETTINGS },
    tool: /** @type {Tool} */ ('select'),
    view: /** @type {ViewPosition | null} */ (null),
  };
  /** The canvas drawn on. @type {HTMLCanvasElement | undefined} */
  #canvas;
  /** @type {{ kind: string, note: string } | undefined} */
  #renderer;
  /** Whether a canvas is wanted. */
  #isAttached = false;
  /** Counts canvases, so that what an earlier one still reports is ignored. */
  #canvases = 0;
  /** The frame requested or being drawn; 0 for none. */
  #frame = 0;
  /** Whether something changed while a frame was drawn. */
  #again = false;
  /** @type {Promise<void> | undefined} */
  #drawing;
  /** Effects still to be performed, in order. @type {Effect[]} */
  #effects = [];
  #performing = false;
  #observer = new ResizeObserver(() => this.#resize());

  /**
   * @param {HTMLElement} stage Holds the canvas.
   * @param {Listeners} listeners
   */
  constructor(stage, listeners) {
    this.#stage = stage;
    this.#listeners = listeners;
  }

  /** Loads the module. @returns {Promise<boolean>} Whether it could be loaded; `attach` reports why not. */
  async load() {
    try {
      await this.#load();
      return true;
    } catch {
      return false;
    }
  }

  /** `webgpu` or `cpu`, and which adapter draws or why none; undefined while nothing draws. */
  get renderer() {
    return this.#renderer;
  }

  get settings() {
    return this.#viewer?.settings ?? this.#pending.settings;
  }

  set settings(settings) {
    this.#pending.settings = settings;
    this.dispatch({ type: 'settingsChanged', settings });
  }

  get tool() {
    return this.#viewer?.tool ?? this.#pending.tool;
  }

  set tool(tool) {
    this.#pending.tool = tool;
    this.dispatch({ type: 'toolChosen', tool });
  }

  get view() {
    return this.#viewer ? this.#viewer.view : this.#pending.view;
  }

  set view(view) {
    this.#pending.view = view;
    this.dispatch({ type: 'viewSet', view });
  }

  /**
   * Reads from the viewer, or changes its image; undefined before the module is loaded.
   * @template T
   * @param {(viewer: Viewer) => T} question
   * @returns {T | undefined}
   */
  ask(question) {
    return this.#viewer && question(this.#viewer);
  }

  /** Sends an event. @param {ViewerEvent} event @returns {boolean} Whether it had an effect. */
  dispatch(event) {
    return this.apply((viewer) => viewer.dispatch(event));
  }

  /**
   * Changes the state and performs the effects, in order. An effect may call a listener that changes
   * the state again: those effects come after all of these.
   * @param {(viewer: Viewer) => Effect[]} change
   * @returns {boolean} Whether it had an effect.
   */
  apply(change) {
    if (!this.#viewer) return false;
    try {
      const effects = change(this.#viewer);
      if (effects.some(({ type }) => DRAWING.has(type))) this.invalidate();
      this.#effects.push(...effects);
      if (!this.#performing) this.#perform();
      return effects.length > 0;
    } catch (thrown) {
      this.#listeners.onThrown(thrown);
      return false;
    }
  }

  /**
   * Draws on a new canvas from now on: a canvas keeps the first kind of context it gave.
   * @returns {Promise<void>}
   */
  async attach() {
    this.detach();
    this.#isAttached = true;
    const number = this.#canvases;
    try {
      const viewer = await this.#load();
      if (number !== this.#canvases) return;
      this.#observer.observe(this.#stage, OBSERVED);
      const canvas = newCanvas();
      this.#stage.querySelector('canvas')?.replaceWith(canvas);
      await viewer.attach(canvas);
    } catch (thrown) {
      if (number === this.#canvases) this.#listeners.onUnavailable(thrown);
      return;
    }
    if (number !== this.#canvases) return;
    this.#takeSurface();
    this.#listeners.onReady();
    this.#watch(number);
  }

  /** Frees the canvas and the GPU's memory. */
  detach() {
    this.#isAttached = false;
    this.#canvases += 1;
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#observer.disconnect();
    this.#viewer?.detach();
    if (this.#canvas) this.#canvas.width = this.#canvas.height = 0;
    this.#canvas = this.#renderer = undefined;
  }

  /** Draws before the next frame of the screen; several calls draw once. */
  invalidate() {
    if (!this.#canvas) return;
    if (this.#frame) this.#again = true;
    else
      this.#frame = requestAnimationFrame(() => {
        this.#drawing = this.#draw(this.#canvases);
      });
  }

  async #load() {
    const Viewer = await loadViewer();
    if (this.#viewer) return this.#viewer;
    this.#viewer = new Viewer();
    const { settings, tool, view } = this.#pending;
    this.dispatch({ type: 'settingsChanged', settings });
    this.dispatch({ type: 'toolChosen', tool });
    if (view) this.dispatch({ type: 'viewSet', view });
    return this.#viewer;
  }

  #perform() {
    this.#performing = true;
    // The loop also reaches effects that are added meanwhile.
    for (const effect of this.#effects) {
      try {
        if (effect.type !== 'attach') this.#listeners.onEffect(effect);
        else if (this.#isAttached) this.attach();
      } catch (thrown) {
        this.#listeners.onThrown(thrown);
      }
    }
    this.#effects = [];
    this.#performing = false;
  }

  /** @param {number} number Of the canvas. */
  async #draw(number) {
    this.#again = false;
    try {
      await this.#viewer?.draw();
      if (number !== this.#canvases) return;
      this.#listeners.onDraw();
      // A frame may change the note: an image can be larger than the GPU takes.
      const note = this.#viewer?.rendererNote;
      if (this.#renderer && note && note !== this.#renderer.note) {
        this.#renderer = { ...this.#renderer, note };
        this.#listeners.onRenderer();
      }
    } catch (thrown) {
      if (number !== this.#canvases) return;
      // A lost device is opened again by #watch.
      if (failureOf(thrown, 'renderer').code !== 'device-lost') this.#fail(thrown);
    }
    if (number !== this.#canvases) return;
    this.#frame = 0;
    if (this.#again) this.invalidate();
  }

  /**
   * Opens the GPU again each time it is lost, as when a driver restarts.
   * @param {number} number Of the canvas.
   */
  async #watch(number) {
    const isOutdated = () => number !== this.#canvases;
    while (this.#viewer) {
      await this.#viewer.lost();
      if (isOutdated()) return;
      try {
        await this.#drawing;
        await new Promise((resolve) => {
          setTimeout(resolve, RESTART);
        });
        if (isOutdated()) return;
        await this.#viewer.rebuild();
        if (isOutdated()) return;
        this.#takeSurface();
        this.#listeners.onRenderer();
      } catch (thrown) {
        if (!isOutdated()) this.#fail(thrown);
        return;
      }
    }
  }

  /** Goes on with the canvas and the renderer that the viewer has now. */
  #takeSurface() {
    this.#canvas = this.#viewer?.canvas ?? this.#canvas;
    const { rendererKind: kind = 'cpu', rendererNote: note = '' } = this.#viewer ?? {};
    this.#renderer = { kind, note };
    this.invalidate();
  }

  /** @param {unknown} thrown */
  #fail(thrown) {
    if (this.#renderer?.kind !== 'webgpu') this.#listeners.onUnavailable(thrown);
    else this.dispatch({ type: 'gpuFailed', failure: failureOf(thrown, 'renderer') });
  }

  #resize() {
    const { width, height } = this.#stage.getBoundingClientRect();
    if (width > 0 && height > 0)
      this.dispatch({ type: 'canvasResized', width, height, devicePixelRatio });
  }
}
