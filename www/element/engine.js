/** @file One WebAssembly viewer on one canvas: keeps its size, draws when something changed, hands its effects on. */

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
  #frame = 0;
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
    return new Engine(await Viewer.create(fresh, renderer), fresh, listeners);
  }

  /**
   * @param {Viewer} viewer
   * @param {HTMLCanvasElement} canvas
   * @param {{ onEffect: (effect: Effect) => void, onDraw: () => void, onLost: (thrown: unknown) => void }} listeners
   */
  constructor(viewer, canvas, { onEffect, onDraw, onLost }) {
    this.#viewer = viewer;
    this.#canvas = canvas;
    this.#onEffect = onEffect;
    this.#onDraw = onDraw;
    this.#onLost = onLost;
    this.#observer = new ResizeObserver(() => this.#resize());
    this.#observer.observe(canvas);
    this.#resize();
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
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      try {
        this.#viewer.draw();
      } catch (thrown) {
        this.#onLost(thrown);
        return;
      }
      this.#onDraw();
    });
  }

  /** Gives back the canvas's memory, the GPU's buffers and the listeners. */
  free() {
    cancelAnimationFrame(this.#frame);
    this.#observer.disconnect();
    this.#viewer.free();
    this.#canvas.width = this.#canvas.height = 0;
  }

  #resize() {
    const { width, height } = this.#canvas.getBoundingClientRect();
    if (width > 0 && height > 0) {
      this.#viewer.resize(width, height, devicePixelRatio);
      this.invalidate();
    }
  }
}
