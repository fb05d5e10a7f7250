/** @file What lies over the canvas in screen size: points, boxes, the crosshair, names of masks. */

import { fill, h } from './dom.js';

/** The most names drawn at once; more would cover the image. */
const MAX_LABELS = 60;

/**
 * @typedef {(x: number, y: number) => [number, number]} Projection From the image to CSS pixels of
 *   the stage.
 */

/**
 * Places all marks anew.
 * @param {HTMLElement} marks
 * @param {object} what
 * @param {Projection} what.project
 * @param {import('./types.js').Prompt[]} what.prompts
 * @param {boolean} what.segmenting
 * @param {{ x: number, y: number } | null} what.crosshair In the image.
 * @param {{ from: [number, number], to: [number, number] } | null} what.box In CSS pixels of the stage.
 * @param {{ text: string, at: [number, number] }[]} what.labels In CSS pixels of the stage.
 */
export function placeMarks(marks, { project, prompts, segmenting, crosshair, box, labels }) {
  const nodes = prompts.map((prompt) =>
    prompt.type === 'point'
      ? at(
          project(prompt.x, prompt.y),
          h('div', { class: `point ${prompt.positive ? 'positive' : 'negative'}` }),
        )
      : frame(project(prompt.x1, prompt.y1), project(prompt.x2, prompt.y2)),
  );
  const last = prompts.at(-1);
  if (segmenting && last?.type === 'point')
    nodes.unshift(at(project(last.x, last.y), h('div', { class: 'pulse' })));
  if (box) nodes.push(frame(box.from, box.to));
  for (const {
    text,
    at: [x, y],
  } of labels.slice(0, MAX_LABELS)) {
    nodes.push(inSight([x, y - 28], h('div', { class: 'label', dir: 'auto' }, text)));
  }
  if (crosshair)
    nodes.push(at(project(crosshair.x, crosshair.y), h('div', { class: 'crosshair' })));
  fill(marks, ...nodes);
}

/**
 * @param {[number, number]} position
 * @param {HTMLElement} node
 */
function at([x, y], node) {
  node.style.transform = `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px)`;
  return node;
}

/**
 * As near to a position as all of the node is seen: 100% is its own size, the other lengths are the frame's.
 * @param {[number, number]} position
 * @param {HTMLElement} node
 */
function inSight([x, y], node) {
  const within = (/** @type {number} */ value, /** @type {string} */ whole) =>
    `clamp(4px, ${value.toFixed(1)}px, ${whole} - 100% - 4px)`;
  node.style.transform = `translate(${within(x, '100cqw')}, ${within(y, '100cqh')})`;
  return node;
}

/**
 * @param {[number, number]} from
 * @param {[number, number]} to
 */
function frame(from, to) {
  const node = h('div', { class: 'frame-mark' });
  node.style.width = `${Math.abs(to[0] - from[0]).toFixed(1)}px`;
  node.style.height = `${Math.abs(to[1] - from[1]).toFixed(1)}px`;
  return at([Math.min(from[0], to[0]), Math.min(from[1], to[1])], node);
}
