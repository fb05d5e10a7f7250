/** @file The outline of an annotation over the image, beside a mask that was clicked. */

import { fill, h } from '../viewer/dom.js';
import { boxOf, pathOf } from './masks.js';
import { nameOf } from './words.js';

/** @import { Item } from './types' */
/** @typedef {{ maskSize: [number, number], boundaries: Uint32Array }} Mask */

const SVG = 'http://www.w3.org/2000/svg';
/** Distance of a label's upper edge from its mask, above and below, in CSS pixels. */
const [ABOVE, BELOW] = [28, 4];

/** Lies over the stage of a viewer and follows its view. */
export class AnnotationOutline {
  #viewer;
  #host;
  #group = document.createElementNS(SVG, 'g');
  #annotated = h('span', { class: 'outline-label annotated', dir: 'auto' });
  #clicked = h('span', { class: 'outline-label' });
  #node = h('div', { class: 'outline', 'aria-hidden': 'true', hidden: true });
  /** Boxes of both masks in pixels of the image, and its size. */
  #shown = { annotated: [0, 0, 0, 0], clicked: [0, 0, 0, 0], width: 1, height: 1 };

  /**
   * @param {import('../mask-viewer.js').MaskViewer} viewer
   * @param {HTMLElement} host Contains the viewer.
   */
  constructor(viewer, host) {
    this.#viewer = viewer;
    this.#host = host;
    const svg = document.createElementNS(SVG, 'svg');
    svg.append(this.#group);
    this.#node.append(svg, this.#annotated, this.#clicked);
    host.append(this.#node);
    const place = () => this.#place();
    viewer.addEventListener('view-change', place);
    const observer = new ResizeObserver(place);
    for (const node of [this.#stage, host]) if (node) observer.observe(node);
  }

  /** The area of the viewer that its image is in. */
  get #stage() {
    return this.#viewer.shadowRoot?.querySelector('[part=stage]');
  }

  /**
   * Draws the outline of an annotation, and labels it and the clicked mask.
   * @param {Item} item
   * @param {string} color Of the annotation.
   * @param {Mask} clicked
   * @param {number} overlap Of both.
   */
  show(item, color, clicked, overlap) {
    const [height, width] = item.maskSize;
    const [annotated, box] = [boxOf(item), boxOf(clicked)];
    if (!annotated || !box) return this.hide();
    this.#shown = { annotated, clicked: box, width, height };
    const path = pathOf(item);
    const line = (/** @type {string} */ name) => {
      const node = document.createElementNS(SVG, 'path');
      node.setAttribute('class', name);
      node.setAttribute('d', path);
      return node;
    };
    fill(this.#group, line('casing'), line('line'));
    this.#node.style.setProperty('--swatch', color);
    fill(this.#annotated, `Annotation: ${nameOf(item)}`);
    fill(this.#clicked, `Clicked mask, IoU ${overlap.toFixed(2)}`);
    this.#node.hidden = false;
    this.#place();
  }

  hide() {
    this.#node.hidden = true;
    fill(this.#group);
  }

  /** Follows the viewer's view. */
  #place() {
    const stage = this.#stage;
    if (this.#node.hidden || !stage) return;
    const [frame, box] = [this.#host.getBoundingClientRect(), stage.getBoundingClientRect()];
    Object.assign(this.#node.style, {
      left: `${box.left - frame.left}px`,
      top: `${box.top - frame.top}px`,
      width: `${box.width}px`,
      height: `${box.height}px`,
    });
    const { annotated, clicked, width, height } = this.#shown;
    const { x, y, scale } = this.#viewer.view ?? {
      x: width / 2,
      y: height / 2,
      scale: Math.min(box.width / width, box.height / height),
    };
    const [left, top] = [box.width / 2 - x * scale, box.height / 2 - y * scale];
    this.#group.setAttribute('transform', `translate(${left} ${top}) scale(${scale})`);
    // One label above its mask and the other below, so that neither covers the other.
    const at = (/** @type {number} */ column, /** @type {number} */ row) =>
      `translate(${within(left + column * scale, '100cqw')}, ${within(top + row * scale, '100cqh')})`;
    this.#annotated.style.transform = at(annotated[0] ?? 0, (annotated[1] ?? 0) - ABOVE / scale);
    this.#clicked.style.transform = at(clicked[0] ?? 0, (clicked[3] ?? 0) + BELOW / scale);
  }
}

/**
 * Returns a length that keeps a label in the frame: 100% is the label's own size.
 * @param {number} value In CSS pixels.
 * @param {string} whole
 */
function within(value, whole) {
  return `clamp(4px, ${value.toFixed(1)}px, ${whole} - 100% - 4px)`;
}
