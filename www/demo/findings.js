/** @file Lists the problems of an annotation file below its title. */

import { fill, h } from '../viewer/dom.js';

/** @typedef {import('../viewer/annotation-file.js').Overview['findings']} Findings */

/** @param {Findings} findings */
export function showFindings(findings) {
  const node = /** @type {HTMLElement} */ (document.getElementById('findings'));
  const count = findings.reduce((sum, finding) => sum + finding.count, 0);
  node.hidden = count === 0;
  fill(
    node,
    h('summary', {}, countOf(count, 'finding', 'findings')),
    h('ul', {}, ...findings.map(findingNode)),
  );
}

/**
 * Returns a count with its noun.
 * @param {number} count
 * @param {string} one
 * @param {string} many
 */
export function countOf(count, one, many) {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
}

/**
 * Lists examples of one code; every text of them is untrusted.
 * @param {Findings[number]} finding
 */
function findingNode({ code, count, examples }) {
  const rest = count - examples.length;
  return h(
    'li',
    {},
    h('strong', {}, `${count.toLocaleString('en')} × ${code}`),
    h(
      'ul',
      {},
      ...examples.map(({ record, id, message }) =>
        h('li', {}, `${record}${id && ` ${id}`}: ${message}`),
      ),
      rest > 0 && h('li', {}, `and ${rest.toLocaleString('en')} more`),
    ),
  );
}
