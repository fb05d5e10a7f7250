/**
 * @file One WebAssembly viewer on one canvas: keeps its size, draws when something changed, hands
 * its effects on.
 */

import { failureOf } from './errors.js';
import { newCanvas } from './template.js';
import { loadViewer } from './module.js';

/** Milliseconds before a lost GPU is asked for again. */
const RESTART = 400;
/**
 * Changes of the pixels below the canvas, where the browser tells of them: another screen may have
 * more in the same place.
 * @type {ResizeObserverOptions}
 */
const OBSERVED =
  'devicePixelContentBoxSize' in ResizeObserverEntry.prototype
    ? { box: 'device-pixel-content-box' }
    : {};

/** @typedef {import('../pkg/viewer.js').Viewer} Viewer */
/** @typedef {import('./types.js').Effect} Effect */
/** @typedef {import('./types.js').Failure} Failure */
/** @typedef {import('./types.js').Snapshot} Snapshot */

/**
 * @typedef {object} Listeners
 * @property {(effect: Effect) => void} onEffect
 * @property {(thrown: unknown) => void} onFailed Told what `onEffect` threw.
 * @property {() => void} onDraw
 * @property {() => void} onRebuilt
 * @property {(thrown: unknown) => void} onLost
 */

export class Engine {
  /** @type {Viewer} */
  #viewer;
  /** @type {HTMLCanvasElement} */
  #canvas;
  #renderer;
  /** The frame asked for or being drawn; 0 for none. */
  #frame = 0;
  /** Whether something changed while a frame was drawn. */
  #again = false;
  #ended = false;
  /** Effects still to be performed, in order. @type {Effect[]} */
  #effects = [];
  #performing = false;
  /** @type {Promise<void> | undefined} */
  #drawing;
  /** @type {ResizeObserver} */
  #observer;
  #onEffect;
  #onFailed;
  #onDraw;
  #onRebuilt;
  #onLost;

  /**
   * Makes the renderer asked for, or the CPU's where WebGPU is missing, on a new canvas: a canvas
   * keeps the first kind of context it gave.
   * @param {HTMLElement} stage Holds the canvas.
   * @param {'auto' | 'cpu'} renderer
   * @param {Listeners} listeners
   */
  static async create(stage, renderer, listeners) {
    const Viewer = await loadViewer();
    const fresh = newCanvas();
    stage.querySelector('canvas')?.replaceWith(fresh);
    return new Engine(await Viewer.create(fresh, renderer), listeners);
  }

  /**
   * @param {Viewer} viewer
   * @param {Listeners} listeners
   */
  constructor(viewer, { onEffect, onFailed, onDraw, onRebuilt, onLost }) {
    this.#viewer = viewer;
    this.#canvas = /** @type {HTMLCanvasElement} */ (viewer.canvas);
    this.#renderer = { kind: viewer.rendererKind ?? 'cpu', note: viewer.rendererNote ?? '' };
    this.#onEffect = onEffect;
    this.#onFailed = onFailed;
    this.#onDraw = onDraw;
    this.#onRebuilt = onRebuilt;
    this.#onLost = onLost;
    this.#observer = new ResizeObserver(() => this.#resize());
    this.#observer.observe(this.#canvas, OBSERVED);
    this.#resize();
    this.#watch();
  }

  /** The canvas drawn on. */
  get canvas() {
    return this.#canvas;
  }

  /** `webgpu` or `cpu`, and a word on which adapter or why. */
  get renderer() {
    return this.#renderer;
  }

  /** What the panels show. @returns {Snapshot} */
  get snapshot() {
    return JSON.parse(this.#viewer.snapshot());
  }

  /**
   * Tells what happened and hands each effect on, in order. An effect may call a listener that
   * tells of something else: its effects come after all of these.
   * @param {Record<string, unknown> & { type: string }} event
   * @param {Failure[]} [complaints] Takes the failures, which are then not handed on.
   */
  dispatch(event, complaints) {
    const effects = /** @type {Effect[]} */ (
      JSON.parse(this.#viewer.dispatch(JSON.stringify(event)))
    );
    if (effects.length > 0) this.invalidate();
    for (const effect of effects) {
      if (complaints && effect.type === 'notify' && effect.name === 'error')
        complaints.push(/** @type {Failure} */ (effect.detail));
      else this.#effects.push(effect);
    }
    if (!this.#performing) this.#perform();
  }

  #perform() {
    this.#performing = true;
    // The loop also reaches what is added meanwhile.
    for (const effect of this.#effects) {
      try {
        this.#onEffect(effect);
      } catch (thrown) {
        this.#onFailed(thrown);
      }
    }
    this.#effects = [];
    this.#performing = false;
  }

  /**
   * Reads or changes the view or the image, and draws again.
   * @template T
   * @param {(viewer: Viewer) => T} change
   * @returns {T}
   */
  change(change) {
    const result = change(this.#viewer);
    this.invalidate();
    return result;
  }

  /**
   * Reads from the viewer without drawing.
   * @template T
   * @param {(viewer: Viewer) => T} question
   * @returns {T}
   */
  ask(question) {
    return question(this.#viewer);
  }

  /** Draws before the next frame of the screen; several calls draw once. */
  invalidate() {
    if (this.#frame) this.#again = true;
    else
      this.#frame = requestAnimationFrame(() => {
        this.#drawing = this.#draw();
      });
  }

  /** Gives back the canvas's memory, the GPU's buffers and the listeners. */
  free() {
    this.#ended = true;
    cancelAnimationFrame(this.#frame);
    this.#observer.disconnect();
    this.#viewer.free();
    this.#canvas.width = this.#canvas.height = 0;
  }

  async #draw() {
    this.#again = false;
    try {
      await this.#viewer.draw();
      if (!this.#ended) this.#drawn();
    } catch (thrown) {
      // A lost device is brought back by #watch.
      if (!this.#ended && failureOf(thrown, 'renderer').code !== 'device-lost')
        this.#onLost(thrown);
    }
    this.#frame = 0;
    if (this.#again && !this.#ended) this.invalidate();
  }

  /**
   * Tells of a frame, and of what it told about the renderer: an image may be more than the GPU
   * takes.
   */
  #drawn() {
    this.#onDraw();
    const note = this.#viewer.rendererNote ?? this.#renderer.note;
    if (note === this.#renderer.note) return;
    this.#renderer = { ...this.#renderer, note };
    this.#onRebuilt();
  }

  /**
   * Brings the GPU back each time it is lost, as when a driver restarts; gives up when that does
   * not work.
   */
  async #watch() {
    while (!this.#ended) {
      await this.#viewer.lost();
      if (this.#ended) return;
      try {
        await this.#drawing;
        // A driver or a browser's GPU process that starts again takes a moment.
        await new Promise((resolve) => {
          setTimeout(resolve, RESTART);
        });
        if (this.#ended) return;
        await this.#viewer.rebuild();
        if (this.#ended) return;
        this.#take();
      } catch (thrown) {
        this.#onLost(thrown);
        return;
      }
    }
  }

  /** Goes on with the canvas and renderer that a rebuild left. */
  #take() {
    this.#observer.disconnect();
    this.#canvas = this.#viewer.canvas ?? this.#canvas;
    this.#renderer = {
      kind: this.#viewer.rendererKind ?? 'cpu',
      note: this.#viewer.rendererNote ?? '',
    };
    this.#observer.observe(this.#canvas, OBSERVED);
    this.#resize();
    this.#onRebuilt();
  }

  #resize() {
    const { width, height } = this.#canvas.getBoundingClientRect();
    if (width > 0 && height > 0) {
      this.#viewer.resize(width, height, devicePixelRatio);
      this.invalidate();
    }
  }
}
