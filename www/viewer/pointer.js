/**
 * @file Mouse, pen and touch on the stage: hover, click, drag to move, draw a box, wheel and pinch
 * to zoom.
 */

/** A press that moves less than this many CSS pixels is a click. */
const CLICK_RADIUS = 5;

/** @typedef {import('./handle.js').ViewerEvent} ViewerEvent */
/** @typedef {[number, number]} Position In CSS pixels of the stage. */

/**
 * @param {HTMLElement} stage
 * @param {() => string} tool
 * @param {(event: ViewerEvent) => void} send
 * @param {() => boolean} wheelZooms Whether the wheel zooms without Ctrl.
 */
export function listenToPointers(stage, tool, send, wheelZooms) {
  /** The pointers that are down, by id. @type {Map<number, Position>} */
  const down = new Map();
  /** The meaning of the press in progress. @type {'none' | 'press' | 'pan' | 'box' | 'pinch'} */
  let gesture = 'none';
  /** @type {Position} */
  let start = [0, 0];
  let spaceHeld = false;

  /** @param {{ clientX: number, clientY: number }} event @returns {Position} */
  const position = ({ clientX, clientY }) => {
    const { left, top } = stage.getBoundingClientRect();
    return [clientX - left, clientY - top];
  };
  /** @param {typeof gesture} next */
  const become = (next) => {
    gesture = next;
    stage.classList.toggle('dragging', next === 'pan' || next === 'pinch');
  };
  /** @param {Position} to @param {boolean} done */
  const box = (to, done) =>
    send({ type: 'pointerDragged', fromInCanvas: start, toInCanvas: to, done });
  /** @param {number} dx @param {number} dy */
  const pan = (dx, dy) => send({ type: 'panned', dx, dy });

  stage.addEventListener('pointerdown', (event) => {
    if (event.button > 1) return;
    const at = position(event);
    down.set(event.pointerId, at);
    stage.setPointerCapture(event.pointerId);
    if (down.size === 2) {
      if (gesture === 'box') box(start, true);
      return become('pinch');
    }
    if (down.size > 2) return;
    start = at;
    const moves = event.button === 1 || spaceHeld || tool() === 'pan';
    if (event.button === 1) event.preventDefault();
    become(moves ? 'pan' : 'press');
  });

  stage.addEventListener('pointermove', (event) => {
    const at = position(event);
    const last = down.get(event.pointerId);
    if (!last) {
      if (event.pointerType !== 'touch') send({ type: 'pointerMoved', inCanvas: at });
      return;
    }
    if (gesture === 'pinch') {
      const other = [...down].find(([id]) => id !== event.pointerId)?.[1];
      if (other) pinch(other, last, at);
    } else if (gesture === 'press' && distance(at, start) > CLICK_RADIUS) {
      become(tool() === 'box' ? 'box' : 'pan');
    }
    if (gesture === 'pan') pan(at[0] - last[0], at[1] - last[1]);
    if (gesture === 'box') box(at, false);
    down.set(event.pointerId, at);
  });

  stage.addEventListener('pointerup', (event) => {
    const at = position(event);
    if (!down.delete(event.pointerId)) return;
    if (gesture === 'press') {
      const [negative, add] = [event.altKey || event.shiftKey, event.ctrlKey || event.metaKey];
      send({ type: 'pointerClicked', inCanvas: at, negative, add });
    }
    if (gesture === 'box') box(at, true);
    // After a pinch the finger that stays must not click when it leaves.
    become(down.size > 0 ? 'pan' : 'none');
  });

  stage.addEventListener('pointercancel', (event) => {
    down.delete(event.pointerId);
    if (gesture === 'box') box(start, true);
    if (down.size === 0) become('none');
  });

  stage.addEventListener('pointerleave', () => send({ type: 'pointerMoved', inCanvas: null }));
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
      send({ type: 'zoomed', factor, inCanvas: position(event) });
    },
    { passive: false },
  );

  stage.addEventListener('keydown', (event) => {
    if (event.code === 'Space') spaceHeld = true;
    // Escape drops the box; the release must not draw it.
    if (event.key === 'Escape' && gesture === 'box') become('none');
  });
  stage.addEventListener('keyup', (event) => {
    if (event.code === 'Space') spaceHeld = false;
  });
  stage.addEventListener('blur', () => {
    spaceHeld = false;
  });

  /**
   * Two fingers move and zoom at once: the image stays under both.
   * @param {Position} still
   * @param {Position} from
   * @param {Position} to
   */
  function pinch(still, from, to) {
    const [before, after] = [distance(from, still), distance(to, still)];
    pan((to[0] - from[0]) / 2, (to[1] - from[1]) / 2);
    if (before <= 1 || after <= 1) return;
    const middle = /** @type {Position} */ ([(still[0] + to[0]) / 2, (still[1] + to[1]) / 2]);
    send({ type: 'zoomed', factor: after / before, inCanvas: middle });
  }
}

/** @param {Position} a @param {Position} b */
function distance(a, b) {
  return Math.hypot(a[0] - b[0], a[1] - b[1]);
}
