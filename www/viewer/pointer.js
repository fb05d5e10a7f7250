/**
 * @file Mouse, pen and touch on the stage: hover, click, drag to move, draw a box, wheel and pinch
 * to zoom.
 */

/** A press that moves less than this many CSS pixels is a click. */
const CLICK_RADIUS = 5;

/**
 * @typedef {object} PointerActions Positions are CSS pixels of the stage.
 * @property {() => string} tool
 * @property {(x: number, y: number) => void} hover
 * @property {() => void} leave
 * @property {(x: number, y: number, keys: { negative: boolean, add: boolean }) => void} click
 * @property {(from: [number, number], to: [number, number], done: boolean) => void} box
 * @property {(dx: number, dy: number) => void} pan
 * @property {(x: number, y: number, factor: number) => void} zoom
 * @property {() => boolean} wheelZooms Whether the wheel zooms without Ctrl.
 */

/**
 * Listens until `signal` is aborted.
 * @param {HTMLElement} stage
 * @param {PointerActions} actions
 * @param {AbortSignal} signal
 */
export function listenToPointers(stage, actions, signal) {
  /** The pointers that are down, by id. @type {Map<number, { x: number, y: number }>} */
  const down = new Map();
  /** What the press in progress is. @type {'none' | 'press' | 'pan' | 'box' | 'pinch'} */
  let gesture = 'none';
  let start = { x: 0, y: 0 };
  let spaceHeld = false;

  /** @param {{ clientX: number, clientY: number }} event */
  const position = (event) => {
    const { left, top } = stage.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  };
  /** @param {typeof gesture} next */
  const become = (next) => {
    gesture = next;
    stage.classList.toggle('dragging', next === 'pan' || next === 'pinch');
  };

  stage.addEventListener(
    'pointerdown',
    (event) => {
      if (event.button > 1) return;
      const at = position(event);
      down.set(event.pointerId, at);
      stage.setPointerCapture(event.pointerId);
      if (down.size === 2) {
        if (gesture === 'box') actions.box([start.x, start.y], [start.x, start.y], true);
        return become('pinch');
      }
      if (down.size > 2) return;
      start = at;
      const moves = event.button === 1 || spaceHeld || actions.tool() === 'pan';
      if (event.button === 1) event.preventDefault();
      become(moves ? 'pan' : 'press');
    },
    { signal },
  );

  stage.addEventListener(
    'pointermove',
    (event) => {
      const at = position(event);
      const last = down.get(event.pointerId);
      if (!last) {
        if (event.pointerType !== 'touch') actions.hover(at.x, at.y);
        return;
      }
      if (gesture === 'pinch') {
        const other = [...down].find(([id]) => id !== event.pointerId)?.[1];
        if (other) pinch(other, last, at);
      } else if (gesture === 'press' && Math.hypot(at.x - start.x, at.y - start.y) > CLICK_RADIUS) {
        become(actions.tool() === 'box' ? 'box' : 'pan');
      }
      if (gesture === 'pan') actions.pan(at.x - last.x, at.y - last.y);
      if (gesture === 'box') actions.box([start.x, start.y], [at.x, at.y], false);
      down.set(event.pointerId, at);
    },
    { signal },
  );

  stage.addEventListener(
    'pointerup',
    (event) => {
      const at = position(event);
      if (!down.delete(event.pointerId)) return;
      if (gesture === 'press') {
        actions.click(at.x, at.y, {
          negative: event.altKey || event.shiftKey,
          add: event.ctrlKey || event.metaKey,
        });
      }
      if (gesture === 'box') actions.box([start.x, start.y], [at.x, at.y], true);
      // After a pinch the finger that stays must not click when it leaves.
      become(down.size > 0 ? 'pan' : 'none');
    },
    { signal },
  );

  stage.addEventListener(
    'pointercancel',
    (event) => {
      down.delete(event.pointerId);
      if (gesture === 'box') actions.box([start.x, start.y], [start.x, start.y], true);
      if (down.size === 0) become('none');
    },
    { signal },
  );

  stage.addEventListener('pointerleave', () => actions.leave(), { signal });
  stage.addEventListener(
    'contextmenu',
    (event) => {
      if (event.altKey || event.shiftKey || event.ctrlKey) event.preventDefault();
    },
    { signal },
  );

  stage.addEventListener(
    'wheel',
    (event) => {
      if (!event.ctrlKey && !actions.wheelZooms()) return;
      event.preventDefault();
      const at = position(event);
      // A line is about 16 pixels, a page about 400; a trackpad's pinch sends small steps with Ctrl.
      const pixels = event.deltaY * (event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1);
      actions.zoom(at.x, at.y, Math.exp(-pixels * (event.ctrlKey ? 0.01 : 0.0016)));
    },
    { signal, passive: false },
  );

  stage.addEventListener(
    'keydown',
    (event) => {
      if (event.code === 'Space') spaceHeld = true;
      // The stage takes the box away; the release must not bring it back.
      if (event.key === 'Escape' && gesture === 'box') become('none');
    },
    { signal },
  );
  stage.addEventListener(
    'keyup',
    (event) => {
      if (event.code === 'Space') spaceHeld = false;
    },
    { signal },
  );
  stage.addEventListener(
    'blur',
    () => {
      spaceHeld = false;
    },
    { signal },
  );

  /**
   * Two fingers move and zoom at once: the image stays under both.
   * @param {{ x: number, y: number }} still
   * @param {{ x: number, y: number }} from
   * @param {{ x: number, y: number }} to
   */
  function pinch(still, from, to) {
    const before = Math.hypot(from.x - still.x, from.y - still.y);
    const after = Math.hypot(to.x - still.x, to.y - still.y);
    actions.pan((to.x - from.x) / 2, (to.y - from.y) / 2);
    if (before > 1 && after > 1)
      actions.zoom((still.x + to.x) / 2, (still.y + to.y) / 2, after / before);
  }
}
