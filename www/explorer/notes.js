/** @file The notes about a source, and the conditions of the selection as chips. */

import { fill, h } from '../viewer/dom.js';
import { areaBin, bytes, COMPONENTS, countOf, finding, LEVELS, number } from './words.js';

/** @import { Filter, Overview } from './types' */

/** @param {Overview} overview */
export function sourceWords({ name, annotations, entities, images }) {
  const counts = [
    countOf(annotations, 'mask'),
    entities > 0 && countOf(entities, 'entity', 'entities'),
    !!images && countOf(images, 'image'),
  ];
  return `${name}: ${counts.filter(Boolean).join(', ')}.`;
}

/**
 * Lists the features that a source lacks, the problems of its records, and its files.
 * @param {HTMLElement} node
 * @param {Overview} overview
 */
export function showNotes(node, { name, cannot, problems, provenance }) {
  const count = problems.reduce((sum, problem) => sum + problem.count, 0);
  const files = provenance.map(({ file, bytes: size, sha256 }) =>
    [file || name, bytes(size), sha256 && `SHA-256 ${sha256}`].filter(Boolean).join(', '),
  );
  node.hidden = cannot.length === 0 && count === 0 && files.length === 0;
  fill(
    node,
    ...cannot.map(({ what, why }) => h('p', { class: 'banner' }, `${what}: ${why}`)),
    (count > 0 || files.length > 0) &&
      h(
        'details',
        { class: count > 0 ? 'odd' : 'odd plain' },
        h(
          'summary',
          {},
          count > 0 ? countOf(count, 'problem', 'problems') : 'Files of this source',
        ),
        h(
          'ul',
          {},
          ...problems.map(problemNode),
          ...files.map((file) => h('li', { class: 'note' }, `Read from ${file}`)),
        ),
      ),
  );
}

/** @param {Overview['problems'][number]} problem */
function problemNode({ code, count, examples }) {
  const rest = count - examples.length;
  return h(
    'li',
    {},
    h('strong', {}, `${number(count)} × ${finding(code)}`),
    h(
      'ul',
      {},
      ...examples.map((example) => h('li', {}, example)),
      rest > 0 && h('li', {}, `and ${number(rest)} more`),
    ),
  );
}

/**
 * Shows each condition with a button that removes it.
 * @param {HTMLElement} node
 * @param {Filter} filter
 * @param {Map<string, string>} titles Of entities.
 * @param {(change: Partial<Filter>) => void} change
 */
export function showChips(node, filter, titles, change) {
  const { entity, split, seen, area, components, suspicion, finding: code } = filter;
  /** @type {[keyof Filter, string | undefined | false][]} */
  const conditions = [
    ['entity', entity && (titles.get(entity) ?? entity)],
    ['split', split === '' ? 'no split' : split],
    ['seen', seen !== undefined && (seen ? 'seen in training' : 'unseen in training')],
    ['area', area && areaWords(area)],
    ['components', components !== undefined && `parts: ${COMPONENTS[components]}`],
    ['suspicion', suspicion !== undefined && `suspicion at least ${LEVELS[suspicion]}`],
    ['finding', code && finding(code)],
  ];
  const chips = conditions.flatMap(([name, words]) =>
    words
      ? [
          h(
            'button',
            {
              type: 'button',
              class: 'chip',
              'aria-label': `Remove the condition ${words}`,
              onclick: () => change({ [name]: undefined }),
            },
            h('span', { dir: 'auto' }, words),
            h('span', { class: 'cross', 'aria-hidden': 'true' }, '×'),
          ),
        ]
      : [],
  );
  const hadFocus = node.contains(document.activeElement);
  fill(node, ...chips);
  if (hadFocus) (chips[0] ?? document.getElementById('count'))?.focus();
}

/** @param {[number, number]} bins */
function areaWords([first, last]) {
  if (first === last) return first === 0 ? 'empty mask' : `area ${areaBin(first)}`;
  return `area ${first === 0 ? 'empty' : `over ${(first - 1) * 5} %`} to ${last * 5} %`;
}
