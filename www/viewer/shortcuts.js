/**
 * @file The keys of the viewer: what each does, and its words. The key handling, the help and the
 *   description for screen readers all come from this list.
 */

import { TOOLS } from './tools.js';

/** CSS pixels that an arrow key moves, and with Shift. */
const STEP = 10;
const LONG_STEP = 50;
/** The factor by which a key changes the brush. */
const BRUSH_STEP = 1.25;
/** The factor of a zoom button or key. */
export const ZOOM_STEP = 1.25;

/** @typedef {import('./handle.js').ViewerHandle} ViewerHandle */
/**
 * @typedef {{ key: string, shiftKey: boolean, altKey: boolean, keeps: boolean }} Pressed With `keeps`, masks
 *   can be kept.
 */

/**
 * @typedef {object} Shortcut
 * @property {string[]} keys As `KeyboardEvent.key` names them, letters in lower case.
 * @property {boolean} [control] Whether Control, or on a Mac Command, is held.
 * @property {'stage' | 'bars'} where On the image alone, or also on the bars of buttons.
 * @property {boolean} [keeps] Whether it is only there where masks can be kept.
 * @property {string} words What the key does.
 * @property {string} [wordsWithoutKeeping] The same where masks cannot be kept.
 * @property {(viewer: ViewerHandle, pressed: Pressed) => unknown} act Returns false where it did nothing.
 */

/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @type {readonly Shortcut[]} */
export const SHORTCUTS = [
  {
    keys: Object.keys(ARROWS),
    where: 'stage',
    words: 'move the crosshair; with Shift, faster',
    act: (viewer, { key, shiftKey }) => {
      const [x, y] = ARROWS[key] ?? [0, 0];
      const step = shiftKey ? LONG_STEP : STEP;
      viewer.dispatch({ type: 'cursorMoved', dx: x * step, dy: y * step });
    },
  },
  {
    keys: ['Enter'],
    where: 'stage',
    words:
      'click at the crosshair; with Shift, exclude what is there. At the place just clicked, or without a ' +
      'crosshair, keep the mask',
    wordsWithoutKeeping: 'click at the crosshair; with Shift, exclude what is there',
    act: (viewer, { shiftKey, altKey, keeps }) => {
      viewer.dispatch({ type: 'cursorClicked', negative: shiftKey || altKey, keeps });
    },
  },
  {
    keys: ['Escape'],
    where: 'stage',
    words: 'give up a box or the crosshair, else clear',
    act: (viewer) => viewer.dispatch({ type: 'escaped' }),
  },
  {
    keys: [' '],
    where: 'stage',
    words: 'hold it and drag to move the image',
    // Space only arms dragging; scrolling would move the image out of sight.
    act: () => true,
  },
  {
    keys: ['k'],
    where: 'bars',
    keeps: true,
    words: 'keep the mask',
    act: (viewer) => viewer.dispatch({ type: 'maskKept' }) || true,
  },
  {
    keys: ['Delete'],
    where: 'bars',
    keeps: true,
    words: 'delete the selected kept mask',
    act: (viewer) => {
      const id = viewer.ask((module) => module.snapshot().selectedKept);
      if (id) viewer.dispatch({ type: 'keptDeleted', id });
    },
  },
  {
    keys: ['z'],
    control: true,
    where: 'bars',
    words: 'undo a click or a change of the kept masks; with Shift, redo',
    wordsWithoutKeeping: 'undo a click; with Shift, redo',
    act: (viewer, { shiftKey }) => {
      viewer.dispatch({ type: shiftKey ? 'stepRedone' : 'stepUndone' });
    },
  },
  ...TOOLS.map(
    ({ tool, title, key, ...others }) =>
      /** @type {Shortcut} */ ({
        keys: [key],
        where: 'bars',
        ...others,
        words: `${title[0]?.toLowerCase()}${title.slice(1)}`,
        act: (viewer) => {
          viewer.tool = tool;
        },
      }),
  ),
  {
    keys: [',', '.'],
    where: 'bars',
    keeps: true,
    words: 'smaller, larger brush',
    act: (viewer, { key }) => {
      const radius = viewer.ask((module) => module.brushRadius);
      const factor = key === '.' ? BRUSH_STEP : 1 / BRUSH_STEP;
      if (radius) viewer.dispatch({ type: 'brushSized', radius: radius * factor });
    },
  },
  {
    keys: ['u', 'Backspace'],
    where: 'bars',
    words: 'remove the last click',
    act: (viewer) => viewer.dispatch({ type: 'undone' }) || true,
  },
  {
    keys: ['c'],
    where: 'bars',
    words: 'clear the clicks and the selection',
    act: (viewer) => viewer.dispatch({ type: 'cleared' }) || true,
  },
  {
    keys: ['[', ']'],
    where: 'bars',
    words: 'previous, next candidate',
    act: (viewer, { key }) => {
      viewer.dispatch({ type: 'candidateStepped', by: key === ']' ? 1 : -1 });
    },
  },
  {
    keys: ['+', '='],
    where: 'bars',
    words: 'zoom in',
    act: (viewer) => viewer.dispatch({ type: 'zoomed', factor: ZOOM_STEP, inCanvas: null }) || true,
  },
  {
    keys: ['-'],
    where: 'bars',
    words: 'zoom out',
    act: (viewer) =>
      viewer.dispatch({ type: 'zoomed', factor: 1 / ZOOM_STEP, inCanvas: null }) || true,
  },
  {
    keys: ['0'],
    where: 'bars',
    words: 'show the whole image',
    act: (viewer) => viewer.dispatch({ type: 'fitted' }) || true,
  },
  {
    keys: ['1'],
    where: 'bars',
    words: 'show actual pixels',
    act: (viewer) => viewer.dispatch({ type: 'actualPixelsShown' }) || true,
  },
];

/** Returns the shortcuts of a viewer. @param {boolean} keeps Whether masks can be kept in it. */
function shortcuts(keeps) {
  return keeps ? SHORTCUTS : SHORTCUTS.filter((one) => !one.keeps);
}

/**
 * Returns the shortcut that a key event means.
 * @param {{ key: string, ctrlKey: boolean, metaKey: boolean, altKey: boolean }} event
 * @param {boolean} keeps Whether masks can be kept.
 */
export function shortcutOf({ key, ctrlKey, metaKey, altKey }, keeps) {
  // Alt and an arrow go through the browser's history.
  if (altKey && key !== 'Enter') return undefined;
  const name = key.length === 1 ? key.toLowerCase() : key;
  const control = ctrlKey || metaKey;
  return shortcuts(keeps).find(
    (one) => one.keys.includes(name) && control === (one.control ?? false),
  );
}

const NAMES = new Map([
  ['ArrowLeft', '←'],
  ['ArrowRight', '→'],
  ['ArrowUp', '↑'],
  ['ArrowDown', '↓'],
  [' ', 'Space'],
]);

/** Returns a key as people call it. @param {string} key */
export function nameOfKey(key) {
  return NAMES.get(key) ?? (key.length === 1 ? key.toUpperCase() : key);
}

/** Returns all keys in one text, for screen readers. @param {boolean} keeps Whether masks can be kept. */
export function keysInWords(keeps) {
  const sentences = shortcuts(keeps).map(({ keys, control, words, wordsWithoutKeeping }) => {
    const names = keys.map((key) => (key.startsWith('Arrow') ? key : nameOfKey(key)));
    const said = keeps ? words : (wordsWithoutKeeping ?? words);
    return `${control ? 'Control and ' : ''}${names.join(' or ')}: ${said}.`;
  });
  return sentences.join(' ');
}
