/**
 * @file The keys of the stage: the crosshair, zoom, tools, undo, candidates and kept masks; on the bars
 * of buttons the keys that their titles name.
 */

/** CSS pixels that an arrow key moves, and with Shift. */
const STEP = 10;
const LONG_STEP = 50;
/** The factor by which a key changes the brush. */
const BRUSH_STEP = 1.25;

/** @type {Map<string, [number, number]>} */
const ARROWS = new Map([
  ['ArrowLeft', [-1, 0]],
  ['ArrowRight', [1, 0]],
  ['ArrowUp', [0, -1]],
  ['ArrowDown', [0, 1]],
]);

/**
 * @param {HTMLElement} stage
 * @param {HTMLElement[]} bars Of buttons.
 * @param {import('./handle.js').ViewerHandle} viewer
 * @param {number} zoomStep The factor of a zoom key.
 */
export function listenToKeys(stage, bars, viewer, zoomStep) {
  const plain = plainKeys(viewer, zoomStep);
  listen(stage, act);
  for (const bar of bars) listen(bar, press);

  /**
   * @param {HTMLElement} node
   * @param {(event: KeyboardEvent) => boolean} take Returns whether the key did something.
   */
  function listen(node, take) {
    node.addEventListener('keydown', (event) => {
      if (isUndoKey(event)) {
        event.preventDefault();
        viewer.dispatch({ type: event.shiftKey ? 'stepRedone' : 'stepUndone' });
        return;
      }
      // Alt and an arrow go through the browser's history.
      if (event.ctrlKey || event.metaKey || (event.altKey && event.key !== 'Enter')) return;
      if (take(event)) event.preventDefault();
    });
  }

  /** @param {KeyboardEvent} event */
  function act(event) {
    const arrow = ARROWS.get(event.key);
    if (arrow) {
      const step = event.shiftKey ? LONG_STEP : STEP;
      viewer.dispatch({ type: 'cursorMoved', dx: arrow[0] * step, dy: arrow[1] * step });
      return true;
    }
    if (event.key === 'Enter') {
      viewer.dispatch({ type: 'cursorClicked', negative: event.shiftKey || event.altKey });
      return true;
    }
    // Space only arms dragging; scrolling would move the image out of sight.
    if (event.key === ' ') return true;
    if (event.key === 'Escape') return viewer.dispatch({ type: 'escaped' });
    return press(event);
  }

  /** @param {KeyboardEvent} event */
  function press(event) {
    const action = plain.get(event.key.length === 1 ? event.key.toLowerCase() : event.key);
    action?.();
    return action !== undefined;
  }
}

/**
 * Returns what each key does that works on the stage and on the bars.
 * @param {import('./handle.js').ViewerHandle} viewer
 * @param {number} zoomStep The factor of a zoom key.
 * @returns {Map<string, () => unknown>}
 */
function plainKeys(viewer, zoomStep) {
  const zoom = (/** @type {number} */ factor) =>
    viewer.dispatch({ type: 'zoomed', factor, inCanvas: null });
  const tool = (/** @type {import('../pkg/viewer.js').Tool} */ chosen) => {
    viewer.tool = chosen;
  };
  const sizeBrush = (/** @type {number} */ factor) => {
    const radius = viewer.ask((module) => module.brushRadius);
    if (radius) viewer.dispatch({ type: 'brushSized', radius: radius * factor });
  };
  const deleteSelected = () => {
    const id = viewer.ask((module) => module.snapshot().selectedKept);
    if (id) viewer.dispatch({ type: 'keptDeleted', id });
  };
  return new Map([
    ['+', () => zoom(zoomStep)],
    ['=', () => zoom(zoomStep)],
    ['-', () => zoom(1 / zoomStep)],
    ['0', () => viewer.dispatch({ type: 'fitted' })],
    ['1', () => viewer.dispatch({ type: 'actualPixelsShown' })],
    ['s', () => tool('select')],
    ['o', () => tool('pick')],
    ['p', () => tool('add')],
    ['n', () => tool('remove')],
    ['b', () => tool('box')],
    ['d', () => tool('brush')],
    ['e', () => tool('erase')],
    ['h', () => tool('pan')],
    ['k', () => viewer.dispatch({ type: 'maskKept' })],
    ['Delete', deleteSelected],
    [',', () => sizeBrush(1 / BRUSH_STEP)],
    ['.', () => sizeBrush(BRUSH_STEP)],
    ['u', () => viewer.dispatch({ type: 'undone' })],
    ['Backspace', () => viewer.dispatch({ type: 'undone' })],
    ['c', () => viewer.dispatch({ type: 'cleared' })],
    ['[', () => viewer.dispatch({ type: 'candidateStepped', by: -1 })],
    [']', () => viewer.dispatch({ type: 'candidateStepped', by: 1 })],
  ]);
}

/**
 * Returns whether a key undoes, or with Shift does again.
 * @param {KeyboardEvent} event
 */
export function isUndoKey({ key, ctrlKey, metaKey, altKey }) {
  return (ctrlKey || metaKey) && !altKey && key.toLowerCase() === 'z';
}
