/** @file The results of two endpoints side by side, with the annotated entity marked and a tally. */

import { h } from '../viewer/dom.js';

/** @typedef {import('./comparison.js').Truth} Truth */
/** @typedef {import('./comparison.js').Tally} Tally */

/**
 * @typedef {object} Column
 * @property {string} name Of the endpoint.
 * @property {Node[]} head What the result as a whole says, or why there is none.
 * @property {(Node | false)[]} body The cards of its entities; empty where there are none.
 * @property {boolean} isListed Whether the annotated entity is among them.
 */

/**
 * Returns the two columns, and below them the tally.
 * @param {[Column, Column]} columns
 * @param {Truth | null} truth
 * @param {Tally[]} tally
 * @returns {Node[]}
 */
export function comparedNodes(columns, truth, tally) {
  const [first, second] = columns.map(({ name }) => name);
  return [
    h('div', { class: 'compared' }, ...columns.map((column) => columnOf(column, truth))),
    ...(tally.length > 0 ? [tallyTable(tally, first ?? '', second ?? '')] : []),
  ];
}

/** @param {Column} column @param {Truth | null} truth */
function columnOf({ name, head, body, isListed }, truth) {
  return h(
    'section',
    { class: 'column', 'aria-label': `Result of ${name}` },
    h('h3', {}, name),
    h('div', {}, ...head),
    h(
      'div',
      {},
      ...body,
      truth !== null &&
        body.length > 0 &&
        !isListed &&
        h('p', { class: 'note' }, `The annotated entity, ${truth.title}, is not listed.`),
    ),
  );
}

/** @param {Tally[]} tally @param {string} first @param {string} second */
function tallyTable(tally, first, second) {
  const head = (/** @type {string} */ words) => h('th', { scope: 'col' }, words);
  return h(
    'table',
    { class: 'tally' },
    h('caption', {}, 'First entity right, of the annotated masks compared so far'),
    h('thead', {}, h('tr', {}, head('Entity'), head(first), head(second))),
    h(
      'tbody',
      {},
      ...tally.map(({ name, masks, first: left, second: right }) =>
        h(
          'tr',
          {},
          h('th', { scope: 'row' }, name),
          h('td', {}, `${left} of ${masks}`),
          h('td', {}, `${right} of ${masks}`),
        ),
      ),
    ),
  );
}
