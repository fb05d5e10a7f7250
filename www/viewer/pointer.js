/**
 * @file Mouse, pen and touch on the stage: hover, click, drag to move, draw a box or a stroke, wheel
 * and pinch to zoom.
 */

/** Milliseconds after which a pointer that does not move rests. */
const REST = 100;
/** A press that moves less than this many CSS pixels is a click. */
const CLICK_RADIUS = 5;

/** @typedef {import('./handle.js').ViewerEvent} ViewerEvent */
/** @typedef {'none' | 'press' | 'pan' | 'box' | 'stroke' | 'pinch'} Gesture */
/** @typedef {[number, number]} Position In CSS pixels of the stage. */

/**
 * Sends the events of pointers on the stage.
 * @param {HTMLElement} stage
 * @param {() => string} tool
 * @param {(event: ViewerEvent) => void} send
 * @param {() => boolean} wheelZooms Whether the wheel zooms without Ctrl.
 */
export function listenToPointers(stage, tool, send, wheelZooms) {
  const gestures = new Gestures(stage, tool, send);
  stage.addEventListener('pointerdown', (event) => gestures.pressed(event));
  stage.addEventListener('pointermove', (event) => gestures.moved(event));
  stage.addEventListener('pointerup', (event) => gestures.released(event));
  stage.addEventListener('pointercancel', (event) => gestures.cancelled(event));
  stage.addEventListener('pointerleave', () => {
    gestures.left();
    send({ type: 'pointerMoved', inCanvas: null });
  });
  stage.addEventListener('contextmenu', (event) => {
    if (event.altKey || event.shiftKey || event.ctrlKey) event.preventDefault();
  });
  stage.addEventListener(
    'wheel',
    (event) => {
      if (!event.ctrlKey && !wheelZooms()) return;
      event.preventDefault();
      // A line is about 16 pixels, a page about 400; a trackpad's pinch sends small steps with Ctrl.
      const pixels = event.deltaY * (event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1);
      const factor = Math.exp(-pixels * (event.ctrlKey ? 0.01 : 0.0016));
      send({ type: 'zoomed', factor, inCanvas: positionIn(stage, event) });
    },
    { passive: false },
  );
  stage.addEventListener('keydown', (event) => {
    if (event.code === 'Space') gestures.spaceHeld = true;
    if (event.key === 'Escape') gestures.dropBox();
  });
  stage.addEventListener('keyup', (event) => {
    if (event.code === 'Space') gestures.spaceHeld = false;
  });
  stage.addEventListener('blur', () => {
    gestures.spaceHeld = false;
  });
}

/** The pointers that are down, and the gesture that they make. */
class Gestures {
  #stage;
  #tool;
  #send;
  /** The pointers that are down, by id. @type {Map<number, Position>} */
  #down = new Map();
  /** The meaning of the press in progress. @type {Gesture} */
  #gesture = 'none';
  /** @type {Position} */
  #start = [0, 0];
  spaceHeld = false;
  /** Timer of the pointer's rest. */
  #rest = 0;

  /**
   * @param {HTMLElement} stage
   * @param {() => string} tool
   * @param {(event: ViewerEvent) => void} send
   */
  constructor(stage, tool, send) {
    this.#stage = stage;
    this.#tool = tool;
    this.#send = send;
  }

  /** The pointer rests nowhere any more. */
  left() {
    clearTimeout(this.#rest);
  }

  /** @param {PointerEvent} event */
  pressed(event) {
    this.left();
    if (event.button > 1) return;
    const at = positionIn(this.#stage, event);
    this.#down.set(event.pointerId, at);
    this.#stage.setPointerCapture(event.pointerId);
    if (this.#down.size === 2) {
      if (this.#gesture === 'box') this.#box(this.#start, true);
      if (this.#gesture === 'stroke') this.#stroke(this.#start, event, false, true);
      this.#become('pinch');
      return;
    }
    if (this.#down.size > 2) return;
    this.#start = at;
    const moves = event.button === 1 || this.spaceHeld || this.#tool() === 'pan';
    if (event.button === 1) event.preventDefault();
    if (!moves && (this.#tool() === 'brush' || this.#tool() === 'erase')) {
      this.#become('stroke');
      this.#stroke(at, event, true, false);
      return;
    }
    this.#become(moves ? 'pan' : 'press');
  }

  /** @param {PointerEvent} event */
  moved(event) {
    const at = positionIn(this.#stage, event);
    const last = this.#down.get(event.pointerId);
    if (!last) {
      if (event.pointerType === 'touch') return;
      this.#send({ type: 'pointerMoved', inCanvas: at });
      this.left();
      this.#rest = window.setTimeout(
        () => this.#send({ type: 'pointerRested', inCanvas: at }),
        REST,
      );
      return;
    }
    if (this.#gesture === 'pinch') {
      const other = [...this.#down].find(([id]) => id !== event.pointerId)?.[1];
      if (other) this.#pinch(other, last, at);
    } else if (this.#gesture === 'press' && distance(at, this.#start) > CLICK_RADIUS) {
      this.#become(this.#tool() === 'box' ? 'box' : 'pan');
    }
    if (this.#gesture === 'pan') this.#pan(at[0] - last[0], at[1] - last[1]);
    if (this.#gesture === 'box') this.#box(at, false);
    if (this.#gesture === 'stroke') this.#stroke(at, event, false, false);
    this.#down.set(event.pointerId, at);
  }

  /** @param {PointerEvent} event */
  released(event) {
    const at = positionIn(this.#stage, event);
    if (!this.#down.delete(event.pointerId)) return;
    if (this.#gesture === 'press') {
      const [negative, add] = [event.altKey || event.shiftKey, event.ctrlKey || event.metaKey];
      this.#send({ type: 'pointerClicked', inCanvas: at, negative, add });
    }
    if (this.#gesture === 'box') this.#box(at, true);
    if (this.#gesture === 'stroke') this.#stroke(at, event, false, true);
    // After a pinch the finger that stays must not click when it leaves.
    this.#become(this.#down.size > 0 ? 'pan' : 'none');
  }

  /** @param {PointerEvent} event */
  cancelled(event) {
    this.#down.delete(event.pointerId);
    if (this.#gesture === 'box') this.#box(this.#start, true);
    if (this.#gesture === 'stroke') this.#stroke(this.#start, event, false, true);
    if (this.#down.size === 0) this.#become('none');
  }

  /** Drops a box in progress, so that the release does not draw it. */
  dropBox() {
    if (this.#gesture === 'box') this.#become('none');
  }

  /** @param {Gesture} next */
  #become(next) {
    this.#gesture = next;
    this.#stage.classList.toggle('dragging', next === 'pan' || next === 'pinch');
  }

  /** @param {Position} to @param {boolean} done */
  #box(to, done) {
    this.#send({ type: 'pointerDragged', fromInCanvas: this.#start, toInCanvas: to, done });
  }

  /**
   * Paints from the end of the last piece.
   * @param {Position} to
   * @param {PointerEvent} event
   * @param {boolean} begins
   * @param {boolean} done
   */
  #stroke(to, { altKey, shiftKey }, begins, done) {
    const inverted = altKey || shiftKey;
    const [fromInCanvas, toInCanvas] = [this.#start, to];
    this.#start = to;
    this.#send({ type: 'brushMoved', fromInCanvas, toInCanvas, inverted, begins, done });
  }

  /** @param {number} dx @param {number} dy */
  #pan(dx, dy) {
    this.#send({ type: 'panned', dx, dy });
  }

  /**
   * Moves and zooms at once, so that the image stays under both fingers.
   * @param {Position} still
   * @param {Position} from
   * @param {Position} to
   */
  #pinch(still, from, to) {
    const [before, after] = [distance(from, still), distance(to, still)];
    this.#pan((to[0] - from[0]) / 2, (to[1] - from[1]) / 2);
    if (before <= 1 || after <= 1) return;
    const middle = /** @type {Position} */ ([(still[0] + to[0]) / 2, (still[1] + to[1]) / 2]);
    this.#send({ type: 'zoomed', factor: after / before, inCanvas: middle });
  }
}

/**
 * @param {HTMLElement} stage
 * @param {{ clientX: number, clientY: number }} event
 * @returns {Position}
 */
function positionIn(stage, { clientX, clientY }) {
  const { left, top } = stage.getBoundingClientRect();
  return [clientX - left, clientY - top];
}

/** @param {Position} a @param {Position} b */
function distance(a, b) {
  return Math.hypot(a[0] - b[0], a[1] - b[1]);
}
