/**
 * @file Builds the nodes inside a viewer: stage, marks, toolbars, list of masks and notices.
 */

import { h } from './dom.js';
import { icon } from './icons.js';
import { TOOLS } from './tools.js';

/** Steps of the slider of the brush's size. */
export const SIZE_STEPS = 50;

/** @typedef {ReturnType<typeof build>} Nodes */

/** Builds the nodes of one viewer; `root` contains all others. */
export function build() {
  const { stage, canvas, marks } = buildStage();
  const summary = h('p', { id: 'summary', class: 'unseen' });
  const tools = new Map(TOOLS.map((tool) => [tool.tool, toolButton(tool)]));
  const { commands, ...commandNodes } = buildCommands();
  const group = { role: 'radiogroup', 'aria-label': 'Tools', class: 'tools' };
  const choices = h('div', group, ...tools.values());
  const bar = h('div', { class: 'bar', part: 'tools' }, choices, commands);
  const onImage = { ...buildZoom(), ...buildSize() };
  const notice = h('div', { class: 'notice', part: 'notice' });
  const progressNodes = buildProgress();
  const hint = h('p', { class: 'hint', part: 'hint', hidden: true });
  const cursorHint = h('p', { class: 'hint', hidden: true });
  const turned = h('div', {
    class: 'turned',
    role: 'group',
    'aria-label': 'Masks of a turned image',
    hidden: true,
  });
  const masks = h('div', {
    class: 'masks',
    part: 'masks',
    role: 'listbox',
    'aria-label': 'Masks',
    'aria-orientation': 'horizontal',
    hidden: true,
  });
  const noMasks = h('p', { class: 'no-masks' });
  const keys = h('p', { id: 'keys', class: 'unseen' });
  const spoken = h('div', { class: 'unseen', 'aria-live': 'polite', role: 'status' });
  const frame = h(
    'div',
    { class: 'frame', part: 'frame' },
    stage,
    hint,
    cursorHint,
    notice,
    progressNodes.progress,
  );
  const root = h(
    'div',
    { class: 'base', part: 'base' },
    frame,
    onImage.zoom,
    onImage.size,
    bar,
    turned,
    masks,
    noMasks,
    summary,
    keys,
    spoken,
  );
  return {
    root,
    frame,
    stage,
    canvas,
    marks,
    tools,
    bar,
    ...commandNodes,
    ...onImage,
    hint,
    cursorHint,
    notice,
    ...progressNodes,
    turned,
    masks,
    noMasks,
    summary,
    keys,
    spoken,
  };
}

/** Builds the stage with its canvas and marks. */
function buildStage() {
  const canvas = newCanvas();
  const marks = h('div', { class: 'marks', 'aria-hidden': 'true' });
  const stage = h(
    'div',
    {
      class: 'stage',
      part: 'stage',
      tabindex: 0,
      role: 'application',
      'aria-roledescription': 'image with masks',
      'aria-label': 'Image',
      'aria-describedby': 'summary keys',
    },
    canvas,
    marks,
  );
  return { stage, canvas, marks };
}

/** Builds the buttons that keep a mask, undo, redo and clear. */
function buildCommands() {
  const keep = command('keep', 'Keep the mask', 'K', 'Keep');
  keep.querySelector('.word')?.setAttribute('data-key', 'K');
  const undo = command('undo', 'Undo', 'Control+Z', 'Undo');
  const redo = command('redo', 'Redo', 'Control+Shift+Z', 'Redo');
  const clear = command('clear', 'Clear the clicks', 'C', 'Clear');
  const commands = h('div', { class: 'commands' }, keep, undo, redo, clear);
  return { keep, undo, redo, clear, commands };
}

/** Builds the zoom buttons. */
function buildZoom() {
  const zoomIn = command('zoomIn', 'Zoom in', '+');
  const zoomOut = command('zoomOut', 'Zoom out', '-');
  const fit = command('fit', 'Show the whole image', '0');
  const actual = command('actual', 'Show actual pixels', '1');
  const zoom = h(
    'div',
    { class: 'zoom', part: 'zoom', role: 'group', 'aria-label': 'Zoom' },
    zoomIn,
    zoomOut,
    fit,
    actual,
  );
  return { zoom, zoomIn, zoomOut, fit, actual };
}

/** Builds the slider of the brush's size, whose steps are a factor each. */
function buildSize() {
  const sizeRange = h('input', {
    type: 'range',
    max: SIZE_STEPS,
    'aria-label': 'Brush size',
    title: 'Brush size (, and .)',
  });
  const sizeWords = h('span');
  const size = h('div', { class: 'size', hidden: true }, sizeRange, sizeWords);
  return { size, sizeRange, sizeWords };
}

/** Builds the message with progress. */
function buildProgress() {
  const progressWords = h('span');
  const progressBar = h('progress', { 'aria-label': 'Progress', hidden: true });
  const progressCancel = h('button', { type: 'button', class: 'cancel', hidden: true }, 'Cancel');
  const progress = h(
    'div',
    { class: 'progress', part: 'progress', hidden: true },
    h('span', { class: 'spinner' }),
    progressWords,
    progressBar,
    progressCancel,
  );
  return { progress, progressWords, progressBar, progressCancel };
}

/** Builds a canvas; each renderer needs a new one, since a canvas keeps the first kind of context it gave. */
export function newCanvas() {
  return h('canvas', { part: 'canvas', 'aria-hidden': 'true' });
}

/**
 * Builds the radio button of a tool.
 * @param {typeof TOOLS[number]} tool
 */
function toolButton({ tool, word, title, key }) {
  return h(
    'button',
    {
      type: 'button',
      class: 'tool',
      role: 'radio',
      'aria-checked': 'false',
      'aria-label': title,
      title: `${title} (${key.toUpperCase()})`,
      'aria-keyshortcuts': key.toUpperCase(),
      'data-tool': tool,
      tabindex: -1,
    },
    icon(tool),
    h('span', { class: 'word' }, word),
  );
}

/**
 * @param {import('./icons.js').IconName} name
 * @param {string} title
 * @param {string} key
 * @param {string} [word] Shown beside or below the icon.
 */
function command(name, title, key, word = '') {
  return h(
    'button',
    {
      type: 'button',
      class: 'tool',
      'aria-label': title,
      title: `${title} (${key.replace('Control', 'Ctrl')})`,
      'aria-keyshortcuts': key,
    },
    icon(name),
    word && h('span', { class: 'word' }, word),
  );
}
