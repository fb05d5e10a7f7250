/** @file The stage of a viewer: pointers and keys become events, and marks follow the image. */

import { fill } from './dom.js';
import { listenToKeys } from './keyboard.js';
import { placeMarks } from './marks.js';
import { listenToPointers } from './pointer.js';
import { ZOOM_STEP } from './shortcuts.js';

export class Stage {
  #nodes;
  #viewer;
  #keeps;

  /**
   * @param {import('./template.js').Nodes} nodes
   * @param {import('./handle.js').ViewerHandle} viewer
   * @param {{ wheelZooms: () => boolean, keeps: () => boolean }} options Whether the wheel zooms without
   *   Ctrl, and whether masks can be kept.
   */
  constructor(nodes, viewer, { wheelZooms, keeps }) {
    this.#nodes = nodes;
    this.#viewer = viewer;
    this.#keeps = keeps;
    const { stage, bar, zoom, size, zoomIn, zoomOut, fit, actual } = nodes;
    const send = (/** @type {import('./handle.js').ViewerEvent} */ event) => viewer.dispatch(event);
    listenToPointers(stage, () => viewer.tool, send, wheelZooms);
    listenToKeys(stage, [bar, zoom, size], viewer, keeps);
    stage.addEventListener('blur', () => send({ type: 'cursorHidden' }));
    const zoomBy = (/** @type {number} */ factor) =>
      send({ type: 'zoomed', factor, inCanvas: null });
    zoomIn.addEventListener('click', () => zoomBy(ZOOM_STEP));
    zoomOut.addEventListener('click', () => zoomBy(1 / ZOOM_STEP));
    fit.addEventListener('click', () => send({ type: 'fitted' }));
    actual.addEventListener('click', () => send({ type: 'actualPixelsShown' }));
  }

  /** @param {import('../pkg/viewer.js').Snapshot} snapshot */
  show({ tool, segmenting, canKeep }) {
    fill(this.#nodes.cursorHint, cursorWords(tool, canKeep && this.#keeps()));
    this.#nodes.stage.dataset.tool = tool;
    this.#nodes.stage.setAttribute('aria-busy', String(segmenting));
    this.place();
  }

  /** Places the marks where the image is now. */
  place() {
    const marks = this.#viewer.ask((viewer) => viewer.marks());
    if (!marks) return;
    this.#nodes.stage.classList.toggle('zoomed', marks.isZoomed);
    this.#nodes.stage.classList.toggle('over', marks.isOver);
    placeMarks(this.#nodes.marks, marks);
    this.#nodes.cursorHint.hidden = !marks.crosshair || !this.#nodes.hint.hidden;
  }
}

/**
 * Says what the keys do while the crosshair is on.
 * @param {import('../pkg/viewer.js').Tool} tool
 * @param {boolean} canKeep
 */
function cursorWords(tool, canKeep) {
  if (tool === 'box') return 'Enter sets each of two corners. Esc hides the crosshair.';
  const keeps = canKeep ? 'Enter again, or K, keeps the mask. ' : '';
  return `Enter clicks here. ${keeps}Esc hides the crosshair.`;
}
