/**
 * @file The stage of a viewer: pointers and keys become clicks and views, and marks follow the
 * image.
 */

import { listenToKeys } from './keyboard.js';
import { placeMarks } from './marks.js';
import { listenToPointers } from './pointer.js';

/** Tools whose clicks ask the model. */
const SEGMENTING = new Set(['pick', 'add', 'remove', 'box']);
/** A zoom step of a button or key. */
const ZOOM_STEP = 1.25;

export class Stage {
  #nodes;
  #host;
  /** @type {import('./handle.js').Engine | undefined} */
  #engine;
  /** @type {import('./types.js').Snapshot | undefined} */
  #snapshot;
  /** Where the keyboard clicks, in the image. @type {{ x: number, y: number } | null} */
  #crosshair = null;
  /**
   * The box being drawn, in CSS pixels of the stage.
   * @type {{ from: [number, number], to: [number, number] } | null}
   */
  #box = null;
  /**
   * The first corner of a box drawn by keyboard, in the image.
   * @type {{ x: number, y: number } | null}
   */
  #corner = null;
  /** @type {number | null} */
  #hovered = null;

  /**
   * @param {import('./template.js').Nodes} nodes
   * @param {{ wheelZooms: () => boolean, tool: (tool: import('./types.js').Tool) => void,
   *   viewChanged: () => void, wanted: () => void, say: (words: string) => void }} host
   * @param {AbortSignal} signal
   */
  constructor(nodes, host, signal) {
    this.#nodes = nodes;
    this.#host = host;
    const { stage, zoomIn, zoomOut, fit, actual } = nodes;
    listenToPointers(
      stage,
      {
        tool: () => this.#snapshot?.tool ?? 'select',
        hover: (x, y) => this.#hover(x, y),
        leave: () => this.#send({ type: 'pointerMoved', point: null }),
        click: (x, y, keys) => this.#click(x, y, keys),
        box: (from, to, done) => this.#drawBox(from, to, done),
        pan: (dx, dy) => this.#change((viewer) => viewer.pan(dx, dy)),
        zoom: (x, y, factor) => this.#change((viewer) => viewer.zoomAbout(x, y, factor)),
        wheelZooms: host.wheelZooms,
      },
      signal,
    );
    listenToKeys(
      stage,
      [nodes.bar, nodes.zoom],
      {
        move: (dx, dy) => this.#move(dx, dy),
        click: (negative) => this.#clickByKey(negative),
        zoom: (factor) => this.zoom(factor),
        fit: () => this.fit(),
        actual: () => this.showActualPixels(),
        tool: host.tool,
        undo: () => this.#send({ type: 'undone' }),
        clear: () => {
          this.#corner = null;
          this.place();
          this.#send({ type: 'cleared' });
        },
        candidate: (by) => this.#send({ type: 'candidateStepped', by }),
        escape: () => this.#escape(),
      },
      signal,
    );
    zoomIn.addEventListener('click', () => this.zoom(ZOOM_STEP), { signal });
    zoomOut.addEventListener('click', () => this.zoom(1 / ZOOM_STEP), { signal });
    fit.addEventListener('click', () => this.fit(), { signal });
    actual.addEventListener('click', () => this.showActualPixels(), { signal });
    stage.addEventListener(
      'blur',
      () => {
        this.#corner = null;
        this.#setCrosshair(null);
      },
      { signal },
    );
  }

  /** @param {import('./handle.js').Engine | undefined} engine */
  connect(engine) {
    this.#engine = engine;
  }

  /** @param {import('./types.js').Snapshot} snapshot */
  show(snapshot) {
    const isAnother = snapshot.image !== this.#snapshot?.image;
    if (isAnother) this.#crosshair = this.#box = null;
    if (isAnother || snapshot.tool !== this.#snapshot?.tool) this.#corner = null;
    this.#snapshot = snapshot;
    this.#nodes.stage.dataset.tool = snapshot.tool;
    this.place();
  }

  /** @param {number | null} hovered */
  markHovered(hovered) {
    this.#hovered = hovered;
    this.#nodes.stage.classList.toggle('over', hovered !== null);
    this.place();
  }

  /** Places the marks where the image now is. */
  place() {
    const [engine, snapshot] = [this.#engine, this.#snapshot];
    if (!engine || !snapshot) return;
    /** @type {import('./marks.js').Projection} */
    const project = (x, y) =>
      /** @type {[number, number]} */ ([...engine.ask((viewer) => viewer.canvasFromImage(x, y))]);
    this.#nodes.stage.classList.toggle(
      'zoomed',
      engine.ask((viewer) => viewer.isZoomed),
    );
    placeMarks(this.#nodes.marks, {
      project,
      prompts: snapshot.prompts,
      segmenting: snapshot.segmenting,
      crosshair: this.#crosshair,
      box: this.#box ?? this.#boxByKey(project),
      labels: this.#labels(engine, snapshot),
    });
  }

  /** @param {number} factor */
  zoom(factor) {
    const { width, height } = this.#nodes.stage.getBoundingClientRect();
    const crosshair = this.#crosshair;
    const [x, y] = crosshair
      ? (this.#engine?.ask((viewer) => viewer.canvasFromImage(crosshair.x, crosshair.y)) ?? [0, 0])
      : [width / 2, height / 2];
    this.#change((viewer) => viewer.zoomAbout(x ?? 0, y ?? 0, factor));
  }

  fit() {
    this.#change((viewer) => viewer.fit());
  }

  showActualPixels() {
    this.#change((viewer) => viewer.showActualPixels());
  }

  /**
   * @param {import('./handle.js').Engine} engine
   * @param {import('./types.js').Snapshot} snapshot
   */
  #labels(engine, { shown, selected, settings, prompts, tool }) {
    if (prompts.length > 0) return [];
    const indices = settings.labels ? shown.keys() : new Set([this.#hovered, selected]).values();
    const labels = [];
    for (const index of indices) {
      const summary = index === null ? undefined : shown[index];
      const anchor =
        summary && index !== null ? engine.ask((viewer) => viewer.labelAnchor(index)) : undefined;
      if (!summary || !anchor || (tool !== 'select' && index !== selected && !settings.labels))
        continue;
      labels.push({
        text: summary.title || summary.id,
        at: /** @type {[number, number]} */ ([...anchor]),
      });
    }
    return labels;
  }

  /**
   * @param {number} x
   * @param {number} y
   * @returns {[number, number] | null}
   */
  #inImage(x, y) {
    const point = this.#engine?.ask((viewer) => viewer.imageFromCanvas(x, y));
    return point ? [point[0] ?? 0, point[1] ?? 0] : null;
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  #hover(x, y) {
    // A pointer with a segmenting tool over the image will click soon: the model is got ready meanwhile.
    if (this.#snapshot?.image && SEGMENTING.has(this.#snapshot.tool)) this.#host.wanted();
    this.#send({ type: 'pointerMoved', point: this.#inImage(x, y) });
  }

  /**
   * @param {number} x
   * @param {number} y
   * @param {{ negative: boolean, add: boolean }} keys
   */
  #click(x, y, keys) {
    const point = this.#inImage(x, y);
    this.#setCrosshair(null);
    if (point) this.#send({ type: 'clicked', x: point[0], y: point[1], ...keys });
  }

  /**
   * @param {[number, number]} from
   * @param {[number, number]} to
   * @param {boolean} done
   */
  #drawBox(from, to, done) {
    this.#box = done ? null : { from, to };
    const [a, b] = [this.#inImage(...from), this.#inImage(...to)];
    const large = Math.abs(to[0] - from[0]) > 3 && Math.abs(to[1] - from[1]) > 3;
    if (done && large && a && b) this.#send({ type: 'boxDrawn', from: a, to: b });
    this.place();
  }

  /**
   * The keyboard's click: a point, or with the tool `box` one corner and then the other.
   * @param {boolean} negative
   */
  #clickByKey(negative) {
    const at = this.#crosshair ?? this.#startCrosshair();
    if (!at) return;
    if (this.#snapshot?.tool !== 'box' || negative) {
      this.#send({ type: 'clicked', ...at, negative, add: false });
    } else if (this.#corner) {
      const { x, y } = this.#corner;
      this.#corner = null;
      this.#send({ type: 'boxDrawn', from: [x, y], to: [at.x, at.y] });
    } else {
      this.#corner = { ...at };
      this.place();
      this.#host.say('The first corner is set. Enter sets the other, Escape gives up.');
    }
  }

  /**
   * @param {number} dx
   * @param {number} dy
   */
  #move(dx, dy) {
    if (this.#snapshot?.tool === 'pan') return this.#change((viewer) => viewer.pan(-dx, -dy));
    const [engine, size] = [this.#engine, this.#snapshot?.size];
    const at = this.#crosshair ?? this.#startCrosshair();
    if (!engine || !size || !at) return;
    const [left, top] = engine.ask((viewer) => viewer.canvasFromImage(at.x, at.y));
    const point = this.#inImage((left ?? 0) + dx, (top ?? 0) + dy);
    if (!point) return;
    const inside = {
      x: Math.min(Math.max(point[0], 0.5), size[0] - 0.5),
      y: Math.min(Math.max(point[1], 0.5), size[1] - 0.5),
    };
    this.#setCrosshair(inside);
    this.#keepInSight(inside);
    this.#send({ type: 'pointerMoved', point: [inside.x, inside.y] });
    const mask = this.#hovered === null ? undefined : this.#snapshot?.shown[this.#hovered];
    const place = `${Math.ceil(inside.x)} of ${size[0]}, ${Math.ceil(inside.y)} of ${size[1]}`;
    this.#host.say(mask ? `${mask.title || mask.id}: ${place}` : place);
  }

  /**
   * Moves the image so that the crosshair stays on the stage.
   * @param {{ x: number, y: number }} at
   */
  #keepInSight(at) {
    const { width, height } = this.#nodes.stage.getBoundingClientRect();
    const [x = 0, y = 0] = this.#engine?.ask((viewer) => viewer.canvasFromImage(at.x, at.y)) ?? [];
    const margin = 24;
    const by = (/** @type {number} */ value, /** @type {number} */ length) =>
      Math.max(0, margin - value) - Math.max(0, value - (length - margin));
    const [dx, dy] = [by(x, width), by(y, height)];
    if (dx || dy) this.#change((viewer) => viewer.pan(dx, dy));
  }

  #startCrosshair() {
    const { width, height } = this.#nodes.stage.getBoundingClientRect();
    const point = this.#inImage(width / 2, height / 2);
    this.#setCrosshair(point && { x: point[0], y: point[1] });
    return this.#crosshair;
  }

  /** @param {{ x: number, y: number } | null} crosshair */
  #setCrosshair(crosshair) {
    this.#crosshair = crosshair;
    this.place();
  }

  /** @param {import('./marks.js').Projection} project */
  #boxByKey(project) {
    if (!this.#corner || !this.#crosshair) return null;
    return {
      from: project(this.#corner.x, this.#corner.y),
      to: project(this.#crosshair.x, this.#crosshair.y),
    };
  }

  #escape() {
    const busy = this.#corner !== null || this.#box !== null || this.#crosshair !== null;
    this.#corner = this.#box = null;
    this.#setCrosshair(null);
    if (!busy) this.#send({ type: 'cleared' });
    return busy || (this.#snapshot?.prompts.length ?? 0) > 0 || this.#snapshot?.selected !== null;
  }

  /** @param {(viewer: import('./handle.js').Viewer) => void} change */
  #change(change) {
    this.#engine?.change(change);
    this.#host.viewChanged();
  }

  /** @param {Record<string, unknown> & { type: string }} event */
  #send(event) {
    this.#engine?.dispatch(event);
  }
}
