/** @file The facets: counts of each value under the other conditions, each a button that limits to it. */

import { fill, h } from '../viewer/dom.js';
import { columnChart, rowChart, svgFile } from './charts.js';
import { saveBlob } from '../viewer/save.js';
import { areaBin, COMPONENTS, finding, LEVELS, number } from './words.js';

/** @import { EntityHit, Facets as Counts, Filter, Overview } from './types' */
/** @typedef {import('./charts.js').Bar} Bar */
/** @typedef {(change: Partial<Filter>) => void} Change Undefined removes a condition. */

/** Values of a facet that are shown before “Show all”. */
const FIRST_VALUES = 8;
/** Least width of a plot, space between two and within one, in CSS pixels, as in explorer.css. */
const [MIN_PLOT, PLOT_GAP, PLOT_PADDING] = [480, 12, 16];

/** The bars of each facet. */
export class FacetBars {
  /**
   * @param {Overview} overview
   * @param {Counts} counts
   * @param {Filter} filter
   * @param {Change} change
   */
  constructor(overview, counts, filter, change) {
    /** @type {(name: keyof Filter, value: any) => () => void} */
    const toggle = (name, value) => () =>
      change({ [name]: filter[name] === value ? undefined : value });
    this.split = overview.splits.map((split, index) => ({
      label: split || 'no split',
      count: counts.split[index] ?? 0,
      pressed: filter.split === split,
      act: toggle('split', split),
    }));
    this.split.sort((a, b) => b.count - a.count);
    this.seen = /** @type {const} */ ([
      ['seen', true],
      ['unseen', false],
    ]).map(([name, value]) => ({
      label: name === 'seen' ? 'seen in training' : 'unseen in training',
      count: counts.seen[name],
      pressed: filter.seen === value,
      act: toggle('seen', value),
    }));
    /** Number of annotations of which it is not known. */
    this.unknown = counts.seen.unknown;
    this.area = counts.area.map((count, bin) => ({
      label: bin === 0 ? 'empty mask' : `${areaBin(bin)} of the image`,
      tick: bin === 0 ? 'empty' : bin % 4 === 0 ? `${bin * 5}` : '',
      count,
      pressed: !!filter.area && bin >= filter.area[0] && bin <= filter.area[1],
      act: (/** @type {boolean} */ extend) => change({ area: areaAfter(filter.area, bin, extend) }),
    }));
    this.components = counts.components.map((count, bin) => ({
      label: COMPONENTS[bin] ?? '',
      count,
      pressed: filter.components === bin,
      act: toggle('components', bin),
    }));
    this.suspicion = counts.suspicion.map((count, level) => ({
      label: LEVELS[level] ?? '',
      count,
      pressed: filter.suspicion !== undefined && level >= filter.suspicion,
      // No mask is less suspicious than the lowest level.
      act: () =>
        change({ suspicion: level === 0 || filter.suspicion === level ? undefined : level }),
    }));
    /** Each level with those above it; all masks are at least of the lowest. */
    this.atLeast = counts.suspicion.slice(1).map((_, index) => {
      const level = index + 1;
      return {
        label: LEVELS[level] ?? '',
        count: counts.suspicion.slice(level).reduce((sum, count) => sum + count, 0),
        pressed: filter.suspicion === level,
        act: toggle('suspicion', level),
      };
    });
    this.findings = counts.findings.map(({ code, count }) => ({
      label: finding(code),
      count,
      pressed: filter.finding === code,
      act: toggle('finding', code),
    }));
  }
}

/**
 * Returns the bins after one was chosen: alone, or with `extend` up to those chosen before.
 * @param {Filter['area']} before
 * @param {number} bin
 * @param {boolean} extend
 * @returns {Filter['area']}
 */
function areaAfter(before, bin, extend) {
  if (before && extend) return [Math.min(before[0], bin), Math.max(before[1], bin)];
  return before && before[0] === bin && before[1] === bin ? undefined : [bin, bin];
}

/**
 * Shows the facets beside the gallery.
 * @param {HTMLElement} node
 * @param {FacetBars} bars
 */
export function showFacets(node, bars) {
  const area = columnChart({ title: 'Area', bars: bars.area, width: 252, height: 84 });
  keepingFocus(node, [
    facet('Dataset split', list(bars.split)),
    facet('Entity', list(bars.seen), bars.unknown > 0 && unknownNote(bars.unknown)),
    facet('Area, % of the image', area, h('p', { class: 'note' }, 'Shift extends the range.')),
    facet('Separate parts', list(bars.components)),
    facet(
      'Suspicion, at least',
      list(bars.atLeast),
      h('p', { class: 'note' }, 'How much a mask looks like a mistake.'),
    ),
    bars.findings.length > 0 &&
      facet(
        'Problems found',
        list(bars.findings),
        h('p', { class: 'note' }, 'What the check of the file found odd in masks.'),
      ),
  ]);
}

/**
 * Shows the plots in place of the gallery.
 * @param {HTMLElement} node
 * @param {FacetBars} bars
 * @param {{ entities: EntityHit[], filter: Filter, change: Change }} categories The most frequent.
 */
export function showPlots(node, bars, { entities, filter, change }) {
  const width = plotWidth(node);
  /** @type {Bar[]} */
  const frequent = entities.map(({ qid, title, annotations }) => ({
    label: title || qid,
    count: annotations,
    pressed: filter.entity === qid,
    act: () => change({ entity: filter.entity === qid ? undefined : qid }),
  }));
  keepingFocus(node, [
    plot(
      'Area of masks, % of the image',
      columnChart({ title: 'Area of masks', bars: bars.area, width }),
    ),
    plot('Dataset split', rowChart({ title: 'Dataset split', bars: bars.split, width })),
    plot(
      'Suspicion',
      columnChart({ title: 'Suspicion', bars: bars.suspicion, width }),
      'A bar selects its level and those above.',
    ),
    plot('Entities', rowChart({ title: 'Entities', bars: bars.seen, width })),
    plot('Separate parts', columnChart({ title: 'Separate parts', bars: bars.components, width })),
    plot(
      'Most frequent entities',
      rowChart({ title: 'Most frequent entities', bars: frequent, width }),
      'Counts are of all annotations.',
    ),
    bars.findings.length > 0 &&
      plot('Problems found', rowChart({ title: 'Problems found', bars: bars.findings, width })),
  ]);
}

/**
 * Returns the width that a plot is drawn at, so that its text keeps its size.
 * @param {HTMLElement} node
 */
export function plotWidth(node) {
  const inside = node.clientWidth;
  const columns = Math.max(1, Math.floor((inside + PLOT_GAP) / (MIN_PLOT + PLOT_GAP)));
  const frame = 2 * (PLOT_PADDING + 1);
  return Math.max(220, Math.floor((inside + PLOT_GAP) / columns - PLOT_GAP - frame));
}

/** @param {number} count */
function unknownNote(count) {
  return h('p', { class: 'note' }, `Not known of ${number(count)}.`);
}

/** @param {string} title @param {...import('../viewer/dom.js').Child} children */
function facet(title, ...children) {
  return h('section', { class: 'facet', 'aria-label': title }, h('h2', {}, title), ...children);
}

/** @param {string} title @param {SVGSVGElement} svg @param {string} [note] */
function plot(title, svg, note) {
  const name = `${title.toLowerCase().replace(/[^a-z]+/g, '-')}.svg`;
  return h(
    'figure',
    { class: 'plot block' },
    h(
      'figcaption',
      {},
      h('h3', {}, title),
      note && h('span', { class: 'note' }, note),
      h(
        'button',
        {
          type: 'button',
          class: 'button quiet',
          'aria-label': `Save SVG: ${title}`,
          'data-focus': name,
          onclick: () => saveBlob(svgFile(svg), name),
        },
        'Save SVG',
      ),
    ),
    svg,
  );
}

/** @param {Bar[]} bars */
function list(bars) {
  const max = Math.max(1, ...bars.map(({ count }) => count));
  const nodes = bars.map(({ label, count, pressed, act }) => {
    const bar = h('span', { class: 'share', hidden: count === 0 });
    bar.style.setProperty('--share', String(count / max));
    return h(
      'button',
      {
        type: 'button',
        class: 'value',
        'aria-pressed': String(pressed),
        'data-focus': label,
        disabled: count === 0 && !pressed,
        onclick: (/** @type {MouseEvent} */ event) => act(event.shiftKey),
      },
      h('span', { class: 'name', dir: 'auto' }, label),
      h('span', { class: 'count' }, number(count)),
      bar,
    );
  });
  const rest = nodes.splice(FIRST_VALUES);
  const more =
    rest.length > 0 &&
    h('details', { class: 'keys' }, h('summary', {}, `${rest.length} more`), ...rest);
  return h('div', { class: 'values' }, ...nodes, more);
}

/**
 * Replaces the children; the focus stays on the control of the same name.
 * @param {HTMLElement} node
 * @param {import('../viewer/dom.js').Child[]} children
 */
function keepingFocus(node, children) {
  const focused = document.activeElement;
  const section = focused
    ?.closest('[aria-label]:is(section, svg), figure')
    ?.getAttribute('aria-label');
  const name = node.contains(focused) ? focused?.getAttribute('data-focus') : null;
  const { scrollTop } = node;
  fill(node, ...children);
  node.scrollTop = scrollTop;
  if (!name) return;
  const same = [...node.querySelectorAll(`[data-focus="${CSS.escape(name)}"]`)].find(
    (one) =>
      one.closest('[aria-label]:is(section, svg), figure')?.getAttribute('aria-label') === section,
  );
  if (same instanceof SVGElement) {
    for (const other of same.parentElement?.querySelectorAll('[tabindex]') ?? [])
      other.setAttribute('tabindex', '-1');
    same.setAttribute('tabindex', '0');
  }
  if (same instanceof HTMLElement || same instanceof SVGElement) same.focus();
}
