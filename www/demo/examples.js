/**
 * @file Example masks of the index: squares of their images around them, which open larger with the mask.
 * Nothing of an image is read by the page itself.
 */

import { h } from '../viewer/dom.js';
import { icon } from '../viewer/icons.js';
import { closeByBackdrop } from './backdrop.js';
import { webAddress } from './links.js';

const SVG = 'http://www.w3.org/2000/svg';
/** Sides of the squares, divided by the longer side of the box: of a small one, and of a large one. */
const [SMALL, LARGE] = [1.2, 1.8];

/** @typedef {import('../pkg/viewer.js').ScoredEntity} Entity */
/** @typedef {import('../pkg/viewer.js').Evidence} Example */
/** @typedef {{ x: number, y: number, side: number }} Square In pixels of the image. */
/**
 * @typedef {object} Crop
 * @property {string} address Of the image.
 * @property {[number, number, number, number]} box Of the mask, x1y1x2y2 in pixels of the image.
 * @property {string} outline Of the mask, as SVG path data; empty where it is not known.
 * @property {Square} square Around the mask; it may reach beyond the image.
 */
/** Path data as `masklink index` writes it. */
const OUTLINE = /^[Mlz0-9 -]{1,4000}$/;

/**
 * Returns the square around a mask; null where the example names no image or box of it.
 * @param {Example} example
 * @param {number} margin Side of the square, divided by the longer side of the box.
 * @returns {Crop | null}
 */
export function cropOf({ image, box, outline = '' }, margin) {
  const address = webAddress(image);
  const [x1 = NaN, y1 = NaN, x2 = NaN, y2 = NaN] = (Array.isArray(box) ? box : []).map(Number);
  if (!address || !(x2 > x1 && y2 > y1)) return null;
  const side = Math.max(x2 - x1, y2 - y1) * margin;
  const square = { x: (x1 + x2 - side) / 2, y: (y1 + y2 - side) / 2, side };
  return { address, box: [x1, y1, x2, y2], outline: OUTLINE.test(outline) ? outline : '', square };
}

/**
 * Returns a button with a small square, which opens a dialog with the large one.
 * @param {Entity} entity
 * @param {number} index Of the example.
 * @param {string} [name] Of the button's class.
 */
export function exampleButton(entity, index, name = '') {
  const example = /** @type {Example} */ (entity.evidence?.[index]);
  const words = `Show example ${index + 1} of ${titleOf(entity)} large`;
  return h(
    'button',
    {
      type: 'button',
      class: `example ${name}`,
      'aria-label': words,
      title: words,
      'data-focus': `example-${entity.qid}-${index}`,
      onclick: () => open(entity, index),
    },
    drawn(cropOf(example, SMALL)),
  );
}

/**
 * Opens the dialog, which is removed when it is closed.
 * @param {Entity} entity
 * @param {number} first Index of the example.
 */
function open(entity, first) {
  const examples = (entity.evidence ?? []).filter((one) => cropOf(one, LARGE));
  let at = Math.max(0, examples.indexOf(/** @type {Example} */ (entity.evidence?.[first])));
  const stage = h('div', { class: 'large' });
  const words = h('p', { class: 'note', role: 'status' });
  const turn = (/** @type {number} */ by) => {
    at = (at + by + examples.length) % examples.length;
    const example = /** @type {Example} */ (examples[at]);
    stage.replaceChildren(drawn(cropOf(example, LARGE), true));
    const similarity = Number(example.similarity);
    words.textContent =
      `Example ${at + 1} of ${examples.length} in the index` +
      (Number.isFinite(similarity) ? `; similarity ${similarity.toFixed(2)} of at most 1.` : '.');
  };
  turn(0);
  const dialog = h(
    'dialog',
    { class: 'example-dialog', 'aria-label': `Examples of ${titleOf(entity)}` },
    h(
      'div',
      { class: 'body' },
      h('h2', { dir: 'auto' }, titleOf(entity)),
      stage,
      words,
      h(
        'div',
        { class: 'dialog-actions' },
        examples.length > 1 && step('previous', 'Previous example', () => turn(-1)),
        examples.length > 1 && step('next', 'Next example', () => turn(1)),
        h(
          'button',
          { type: 'button', class: 'button primary', onclick: () => dialog.close() },
          'Close',
        ),
      ),
    ),
  );
  dialog.addEventListener('close', () => dialog.remove());
  closeByBackdrop(dialog);
  dialog.addEventListener('keydown', ({ key }) => {
    if (examples.length > 1 && key === 'ArrowRight') turn(1);
    if (examples.length > 1 && key === 'ArrowLeft') turn(-1);
  });
  document.body.append(dialog);
  dialog.showModal();
}

/** @param {'previous' | 'next'} name @param {string} words @param {() => void} act */
function step(name, words, act) {
  return h(
    'button',
    { type: 'button', class: 'button', 'aria-label': words, title: words, onclick: act },
    icon(name),
  );
}

/**
 * Draws a square of an image; marked, with the outline of the mask, or its box where none is known.
 * @param {Crop | null} crop
 * @param {boolean} [isMarked]
 */
function drawn(crop, isMarked = false) {
  const svg = svgElement('svg', { 'aria-hidden': 'true' });
  if (!crop) return svg;
  const { address, box, outline, square } = crop;
  const { x, y, side } = square;
  svg.setAttribute('viewBox', `${x} ${y} ${side} ${side}`);
  const image = svgElement('image', { href: address });
  // Before that its size is not known.
  image.addEventListener('load', () => {
    const { width, height } = /** @type {SVGGraphicsElement} */ (image).getBBox();
    if (width > 0) svg.setAttribute('viewBox', partOf(square, width, height));
  });
  svg.append(image);
  if (!isMarked) return svg;
  const [x1, y1, x2, y2] = box;
  const d = outline || `M${x1} ${y1}H${x2}V${y2}H${x1}Z`;
  if (outline) {
    // Faint around the mask, and as it is within.
    image.setAttribute('class', 'faint');
    const clip = svgElement('clipPath', { id: 'example-mask' });
    clip.append(svgElement('path', { d, 'clip-rule': 'evenodd' }));
    svg.append(clip, svgElement('image', { href: address, 'clip-path': 'url(#example-mask)' }));
  }
  for (const name of ['casing', outline ? 'line' : 'line dashed'])
    svg.append(svgElement('path', { class: name, d }));
  return svg;
}

/**
 * Returns the part of an image in a square that is moved into it, as an SVG viewBox.
 * @param {Square} square
 * @param {number} width
 * @param {number} height
 */
function partOf({ x, y, side }, width, height) {
  const along = (/** @type {number} */ from, /** @type {number} */ length) =>
    side < length ? [Math.min(Math.max(from, 0), length - side), side] : [0, length];
  const [left, wide] = along(x, width);
  const [top, high] = along(y, height);
  return `${left} ${top} ${wide} ${high}`;
}

/**
 * @param {string} name
 * @param {Record<string, string>} attributes
 */
function svgElement(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

/** @param {Entity} entity */
function titleOf({ title, qid }) {
  return title || qid;
}
