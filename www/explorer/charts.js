/** @file Bar charts as SVG whose bars are buttons: one stop of the Tab key for each chart, arrows within. */

import { focusedBy } from '../viewer/dom.js';
import { number } from './words.js';

const SVG = 'http://www.w3.org/2000/svg';

/**
 * @typedef {object} Bar
 * @property {string} label
 * @property {string} [tick] Short label under a column; `''` draws none.
 * @property {number} count
 * @property {boolean} pressed Whether the selection is limited to it.
 * @property {(extend: boolean) => void} act Called with whether Shift was held.
 */

/** @typedef {{ title: string, bars: Bar[], width?: number, height?: number }} ChartOptions */

/**
 * Columns, for values in an order.
 * @param {ChartOptions} options
 */
export function columnChart({ title, bars, width = 640, height = 240 }) {
  const svg = chart(title, width, height);
  const small = height < 120;
  const [top, bottom] = small ? [4, 16] : [24, 28];
  const max = Math.max(1, ...bars.map(({ count }) => count));
  const step = width / bars.length;
  const full = height - top - bottom;
  svg.append(
    node('line', { class: 'axis', x1: 0, x2: width, y1: height - bottom, y2: height - bottom }),
  );
  const words = node('g', { class: 'words', 'aria-hidden': 'true' });
  bars.forEach((bar, index) => {
    const size = bar.count === 0 ? 0 : Math.max(2, (full * bar.count) / max);
    const [x, y] = [index * step, height - bottom - size];
    const group = button(bar, index);
    group.append(
      node('rect', { class: 'hit', x, y: 0, width: step, height }),
      node('rect', { class: 'bar', x: x + step * 0.1, y, width: step * 0.8, height: size }),
    );
    if (!small && bar.count > 0) {
      const count = step < 44 ? compact(bar.count) : number(bar.count);
      words.append(text(x + step / 2, y - 6, count, 'middle'));
    }
    if (bar.tick !== '')
      words.append(text(x + step / 2, height - (small ? 3 : 9), bar.tick ?? bar.label, 'middle'));
    svg.append(group);
  });
  svg.append(words);
  return svg;
}

/**
 * Horizontal bars, for names.
 * @param {ChartOptions} options
 */
export function rowChart({ title, bars, width = 640 }) {
  const row = 28;
  const svg = chart(title, width, Math.max(1, bars.length) * row);
  const max = Math.max(1, ...bars.map(({ count }) => count));
  const names = Math.round(width * 0.36);
  const full = width - names - 76;
  const words = node('g', { class: 'words', 'aria-hidden': 'true' });
  bars.forEach((bar, index) => {
    const y = index * row;
    const size = bar.count === 0 ? 0 : Math.max(2, (full * bar.count) / max);
    const group = button(bar, index);
    group.append(
      node('rect', { class: 'hit', x: 0, y, width, height: row }),
      node('rect', { class: 'bar', x: names, y: y + 6, width: size, height: row - 12 }),
    );
    words.append(
      text(names - 8, y + 18, shortened(bar.label, names / 7.4), 'end'),
      text(names + size + 6, y + 18, number(bar.count), 'start'),
    );
    svg.append(group);
  });
  svg.append(words);
  return svg;
}

/** Returns a chart as a file, with the colors it has now. @param {SVGSVGElement} svg */
export function svgFile(svg) {
  const copy = /** @type {SVGSVGElement} */ (svg.cloneNode(true));
  const [from, to] = [svg, copy].map((root) => [...root.querySelectorAll('rect, text, line')]);
  from?.forEach((original, index) => {
    const { fill, stroke, fontSize } = getComputedStyle(original);
    const other = to?.[index];
    for (const [name, value] of Object.entries({ fill, stroke })) other?.setAttribute(name, value);
    if (original.nodeName === 'text') {
      other?.setAttribute('font-size', fontSize);
      other?.setAttribute('font-family', 'sans-serif');
    }
  });
  copy.setAttribute('xmlns', SVG);
  const { width, height } = svg.viewBox.baseVal;
  copy.setAttribute('width', String(width));
  copy.setAttribute('height', String(height));
  return new Blob([new XMLSerializer().serializeToString(copy)], { type: 'image/svg+xml' });
}

/** @param {string} title @param {number} width @param {number} height */
function chart(title, width, height) {
  const svg = /** @type {SVGSVGElement} */ (
    node('svg', {
      class: 'chart',
      viewBox: `0 0 ${width} ${height}`,
      role: 'group',
      'aria-label': title,
    })
  );
  svg.addEventListener('keydown', (event) => {
    const buttons = /** @type {SVGElement[]} */ ([...svg.querySelectorAll('[role=button]')]);
    const index = buttons.indexOf(/** @type {SVGElement} */ (event.target));
    const next = focusedBy(event.key, index, buttons.length);
    if (index < 0 || next === undefined) return;
    event.preventDefault();
    for (const one of buttons) one.setAttribute('tabindex', '-1');
    buttons[next]?.setAttribute('tabindex', '0');
    buttons[next]?.focus();
  });
  return svg;
}

/** @param {Bar} bar @param {number} index */
function button({ label, count, pressed, act }, index) {
  const group = node('g', {
    class: pressed ? 'column pressed' : 'column',
    role: 'button',
    tabindex: index === 0 ? 0 : -1,
    'aria-pressed': pressed,
    'aria-label': `${label}: ${number(count)}`,
    'data-focus': label,
  });
  group.addEventListener('click', (event) => act(event.shiftKey));
  group.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' && event.key !== ' ') return;
    event.preventDefault();
    act(event.shiftKey);
  });
  const title = node('title', {});
  title.textContent = `${label}: ${number(count)}`;
  group.append(title);
  return group;
}

/** @param {number} x @param {number} y @param {string} words @param {'start' | 'middle' | 'end'} anchor */
function text(x, y, words, anchor) {
  const element = node('text', { x, y, 'text-anchor': anchor });
  element.textContent = words;
  return element;
}

/** @param {string} words @param {number} letters */
function shortened(words, letters) {
  return words.length <= letters ? words : `${words.slice(0, Math.floor(letters) - 1)}…`;
}

/** @param {number} count */
function compact(count) {
  return new Intl.NumberFormat('en', { notation: 'compact' }).format(count);
}

/**
 * @param {string} tag
 * @param {Record<string, string | number | boolean>} attributes
 * @returns {SVGElement}
 */
function node(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}
