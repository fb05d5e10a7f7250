/**
 * @file The keys of the stage, for those who use no pointer; those that buttons announce work on
 * the buttons as well.
 */

/** CSS pixels an arrow key moves, and with Shift. */
const STEP = 10;
const LONG_STEP = 50;

/**
 * @typedef {object} KeyActions
 * @property {(dx: number, dy: number) => void} move Moves the crosshair, or the image with the tool `pan`.
 * @property {(negative: boolean) => void} click At the crosshair.
 * @property {(factor: number) => void} zoom
 * @property {() => void} fit
 * @property {() => void} actual
 * @property {(tool: import('./types.js').Tool) => void} tool
 * @property {() => void} undo
 * @property {() => void} clear
 * @property {(by: number) => void} candidate
 * @property {() => boolean} escape Whether there was something to give up.
 */

/** @type {Map<string, [number, number]>} */
const ARROWS = new Map([
  ['ArrowLeft', [-1, 0]],
  ['ArrowRight', [1, 0]],
  ['ArrowUp', [0, -1]],
  ['ArrowDown', [0, 1]],
]);

/**
 * Listens until `signal` is aborted.
 * @param {HTMLElement} stage
 * @param {HTMLElement[]} bars Of buttons.
 * @param {KeyActions} actions
 * @param {AbortSignal} signal
 */
export function listenToKeys(stage, bars, actions, signal) {
  /** @type {Map<string, () => unknown>} */
  const plain = new Map([
    ['+', () => actions.zoom(1.25)],
    ['=', () => actions.zoom(1.25)],
    ['-', () => actions.zoom(0.8)],
    ['0', () => actions.fit()],
    ['1', () => actions.actual()],
    ['s', () => actions.tool('select')],
    ['o', () => actions.tool('pick')],
    ['p', () => actions.tool('add')],
    ['n', () => actions.tool('remove')],
    ['b', () => actions.tool('box')],
    ['h', () => actions.tool('pan')],
    ['u', () => actions.undo()],
    ['Backspace', () => actions.undo()],
    ['c', () => actions.clear()],
    ['[', () => actions.candidate(-1)],
    [']', () => actions.candidate(1)],
  ]);
  listen(stage, act);
  for (const bar of bars) listen(bar, press);

  /**
   * @param {HTMLElement} node
   * @param {(event: KeyboardEvent) => boolean} take Whether the key meant something.
   */
  function listen(node, take) {
    node.addEventListener(
      'keydown',
      (event) => {
        // Alt and an arrow go through the browser's history.
        if (event.ctrlKey || event.metaKey || (event.altKey && event.key !== 'Enter')) return;
        if (take(event)) event.preventDefault();
      },
      { signal },
    );
  }

  /** @param {KeyboardEvent} event */
  function act(event) {
    const arrow = ARROWS.get(event.key);
    if (arrow) {
      const step = event.shiftKey ? LONG_STEP : STEP;
      actions.move(arrow[0] * step, arrow[1] * step);
      return true;
    }
    if (event.key === 'Enter') {
      actions.click(event.shiftKey || event.altKey);
      return true;
    }
    // Space only arms dragging; its scrolling would lose the image from sight.
    if (event.key === ' ') return true;
    if (event.key === 'Escape') return actions.escape();
    return press(event);
  }

  /** @param {KeyboardEvent} event */
  function press(event) {
    const action = plain.get(event.key.length === 1 ? event.key.toLowerCase() : event.key);
    action?.();
    return action !== undefined;
  }
}
