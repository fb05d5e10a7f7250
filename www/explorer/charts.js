/** @file Bar charts as SVG whose bars are buttons: one stop of the Tab key for each chart, arrows within. */

import { focusedBy } from '../viewer/dom.js';
import { number } from './words.js';

const SVG = 'http://www.w3.org/2000/svg';
/** Width of a letter or digit of a chart's text, in pixels; most are narrower. */
const LETTER = 8;
/** Least space between two texts side by side. */
const SPACE = 6;
/** Height of a line of text. */
const LINE = 18;

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
  /** @type {Label[]} */
  const counts = [];
  bars.forEach((bar, index) => {
    const size = bar.count === 0 ? 0 : Math.max(2, (full * bar.count) / max);
    const [x, y] = [index * step, height - bottom - size];
    const group = button(bar, index);
    group.append(
      node('rect', { class: 'hit', x, y: 0, width: step, height }),
      node('rect', { class: 'bar', x: x + step * 0.1, y, width: step * 0.8, height: size }),
    );
    if (!small && bar.count > 0) {
      const whole = number(bar.count);
      const isWide = whole.length * LETTER + SPACE > step;
      const shown = isWide ? compact(bar.count) : whole;
      counts.push({ ...inside(x + step / 2, shown, width), y: y - 6, weight: bar.count });
    }
    if (bar.tick !== '') {
      const tick = inside(x + step / 2, bar.tick ?? bar.label, width);
      words.append(text(tick.x, height - (small ? 3 : 9), tick.words, 'middle'));
    }
    svg.append(group);
  });
  for (const { x, y, words: count } of apart(counts)) words.append(text(x, y, count, 'middle'));
  svg.append(words);
  return svg;
}

/** @typedef {{ x: number, y: number, words: string, weight: number }} Label Its middle, and its text. */

/**
 * Moves a text until all of it is in the chart.
 * @param {number} x Of its middle.
 * @param {string} words
 * @param {number} width Of the chart.
 */
function inside(x, words, width) {
  const half = (words.length * LETTER) / 2;
  return { x: Math.max(half, Math.min(x, width - half)), words };
}

/**
 * Returns the labels of which none touches another; those of the highest columns come first. The others
 * are read from the columns' own names.
 * @param {Label[]} labels
 */
function apart(labels) {
  /** @type {Label[]} */
  const placed = [];
  for (const label of labels.toSorted((a, b) => b.weight - a.weight)) {
    const isFree = placed.every(
      ({ x, y, words }) =>
        Math.abs(y - label.y) >= LINE ||
        Math.abs(x - label.x) >= ((words.length + label.words.length) * LETTER) / 2 + SPACE,
    );
    if (isFree) placed.push(label);
  }
  return placed;
}

/**
 * Horizontal bars, for names.
 * @param {ChartOptions} options
 */
export function rowChart({ title, bars, width = 640 }) {
  const row = 28;
  const svg = chart(title, width, Math.max(1, bars.length) * row);
  const max = Math.max(1, ...bars.map(({ count }) => count));
  const longest = (/** @type {string[]} */ texts) =>
    LETTER * Math.max(0, ...texts.map(({ length }) => length));
  const names = Math.min(width * 0.48, longest(bars.map(({ label }) => label)) + 8);
  const full = width - names - longest(bars.map(({ count }) => number(count))) - 8;
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
      text(names - 8, y + 18, shortened(bar.label, (names - 8) / LETTER), 'end'),
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
