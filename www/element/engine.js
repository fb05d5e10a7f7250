/** @file One WebAssembly viewer on one canvas: keeps its size, draws when something changed, hands its effects on. */

import { failureOf } from './errors.js';
import { newCanvas } from './template.js';
import { loadViewer } from './module.js';

/** @typedef {import('../pkg/masklink.js').Viewer} Viewer */
/** @typedef {import('./types.js').Effect} Effect */
/** @typedef {import('./types.js').Snapshot} Snapshot */

export class Engine {
  /** @type {Viewer} */
  #viewer;
  /** @type {HTMLCanvasElement} */
  #canvas;
  /** The frame asked for or being drawn; 0 for none. */
  #frame = 0;
  /** Whether something changed while a frame was drawn. */
  #again = false;
  #ended = false;
  /** @type {Promise<void> | undefined} */
  #drawing;
  /** @type {ResizeObserver} */
  #observer;
  #onEffect;
  #onDraw;
  #onLost;

  /**
   * Makes the renderer asked for, or the CPU's where WebGPU is missing. A canvas that already carries a picture of
   * another renderer is replaced, since a canvas keeps the first kind of context it gave.
   * @param {HTMLCanvasElement} canvas
   * @param {'auto' | 'cpu'} renderer
   * @param {{ onEffect: (effect: Effect) => void, onDraw: () => void, onLost: (thrown: unknown) => void }} listeners
   */
  static async create(canvas, renderer, listeners) {
    const Viewer = await loadViewer();
    const fresh = newCanvas();
    canvas.replaceWith(fresh);
    return new Engine(await Viewer.create(fresh, renderer), listeners);
  }

  /**
   * @param {Viewer} viewer
   * @param {{ onEffect: (effect: Effect) => void, onDraw: () => void, onLost: (thrown: unknown) => void }} listeners
   */
  constructor(viewer, { onEffect, onDraw, onLost }) {
    this.#viewer = viewer;
    this.#canvas = viewer.canvas;
    this.#onEffect = onEffect;
    this.#onDraw = onDraw;
    this.#onLost = onLost;
    this.#observer = new ResizeObserver(() => this.#resize());
    this.#observer.observe(this.#canvas);
    this.#resize();
    this.#watch();
  }

  /** The canvas drawn on. */
  get canvas() {
    return this.#canvas;
  }

  /** `webgpu` or `cpu`, and a word on which adapter or why. */
  get renderer() {
    return { kind: this.#viewer.rendererKind, note: this.#viewer.rendererNote };
  }

  /** What the panels show. @returns {Snapshot} */
  get snapshot() {
    return JSON.parse(this.#viewer.snapshot());
  }

  /**
   * Tells what happened and hands each effect on, in order.
   * @param {Record<string, unknown> & { type: string }} event
   */
  dispatch(event) {
    const effects = /** @type {Effect[]} */ (JSON.parse(this.#viewer.dispatch(JSON.stringify(event))));
    this.invalidate();
    for (const effect of effects) this.#onEffect(effect);
  }

  /**
   * Reads or changes the view or the picture, and draws again.
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
    else this.#frame = requestAnimationFrame(() => { this.#drawing = this.#draw(); });
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
      if (!this.#ended) this.#onDraw();
    } catch (thrown) {
      // A lost device is brought back by #watch.
      if (!this.#ended && failureOf(thrown, 'renderer').code !== 'device-lost') this.#onLost(thrown);
    }
    this.#frame = 0;
    if (this.#again && !this.#ended) this.invalidate();
  }

  /** Brings the GPU back each time it is lost, as when a driver restarts; gives up when that does not work. */
  async #watch() {
    while (!this.#ended) {
      await this.#viewer.lost();
      if (this.#ended) return;
      try {
        await this.#drawing;
        await this.#viewer.rebuild();
        this.invalidate();
      } catch (thrown) {
        this.#onLost(thrown);
        return;
      }
    }
  }

  #resize() {
    const { width, height } = this.#canvas.getBoundingClientRect();
    if (width > 0 && height > 0) {
      this.#viewer.resize(width, height, devicePixelRatio);
      this.invalidate();
    }
  }
}
