/** @file Marks over the canvas at screen size: points, boxes, the crosshair, names of masks. */

import { fill, h } from './dom.js';

const SVG = 'http://www.w3.org/2000/svg';

/**
 * Places all marks anew.
 * @param {HTMLElement} node
 * @param {import('../pkg/viewer.js').Marks} marks
 */
export function placeMarks(node, { points, boxes, pulse, crosshair, brush, preview, labels }) {
  fill(
    node,
    preview && outline(preview),
    pulse && at(pulse, h('div', { class: 'pulse' })),
    ...points.map((point) =>
      at(point.at, h('div', { class: `point ${point.positive ? 'positive' : 'negative'}` })),
    ),
    ...boxes.map(frame),
    ...labels.map(({ text, at: [x, y] }) =>
      inSight([x, y - 28], h('div', { class: 'label', dir: 'auto' }, text)),
    ),
    brush && circle(brush),
    crosshair && at(crosshair, h('div', { class: 'crosshair' })),
  );
}

/**
 * @param {[number, number]} position
 * @param {HTMLElement} node
 */
function at([x, y], node) {
  // Not a transform, which the scale of the pulse would scale too.
  node.style.translate = `${x.toFixed(1)}px ${y.toFixed(1)}px`;
  return node;
}

/**
 * Places a node as near to a position as all of it is visible: 100% is its own size, the other lengths
 * are the frame's.
 * @param {[number, number]} position
 * @param {HTMLElement} node
 */
function inSight([x, y], node) {
  const within = (/** @type {number} */ value, /** @type {string} */ whole) =>
    `clamp(4px, ${value.toFixed(1)}px, ${whole} - 100% - 4px)`;
  node.style.transform = `translate(${within(x, '100cqw')}, ${within(y, '100cqh')})`;
  return node;
}

/** @param {import('../pkg/viewer.js').PreviewMark} mark */
function outline({ path, scale, offset: [x, y] }) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', 'preview');
  // A dark line under a light one is seen on any image.
  for (const name of ['under', 'over']) {
    const line = document.createElementNS(SVG, 'path');
    line.setAttribute('class', name);
    line.setAttribute('d', path);
    line.setAttribute('transform', `translate(${x} ${y}) scale(${scale})`);
    line.setAttribute('vector-effect', 'non-scaling-stroke');
    svg.append(line);
  }
  return svg;
}

/** @param {import('../pkg/viewer.js').BrushMark} mark */
function circle({ at: position, radius }) {
  const node = h('div', { class: 'brush' });
  node.style.width = node.style.height = `${(2 * radius).toFixed(1)}px`;
  node.style.margin = `${(-radius).toFixed(1)}px`;
  return at(position, node);
}

/** @param {[number, number, number, number]} box Two opposite corners. */
function frame([x1, y1, x2, y2]) {
  const node = h('div', { class: 'frame-mark' });
  node.style.width = `${Math.abs(x2 - x1).toFixed(1)}px`;
  node.style.height = `${Math.abs(y2 - y1).toFixed(1)}px`;
  return at([Math.min(x1, x2), Math.min(y1, y2)], node);
}
