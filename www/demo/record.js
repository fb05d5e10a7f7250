/** @file Shows the selected mask's annotation. */

import { h } from '../viewer/dom.js';

/**
 * @typedef {object} Details One annotation of the file; every text is untrusted.
 * @property {string} id
 * @property {string} title The entity's name.
 * @property {string} qid The entity, or the category's id.
 * @property {string | null} description
 * @property {string | null} textPrompt
 * @property {string | null} question
 * @property {{ text: string, score: number | null }[]} labels
 * @property {string | null} split
 * @property {boolean | null} seen
 * @property {string[]} findings Problems of the record, in words.
 */

/**
 * @param {Details} details
 * @returns {Node[]}
 */
export function recordNodes({
  id,
  title,
  qid,
  description,
  textPrompt,
  question,
  labels,
  split,
  seen,
  findings,
}) {
  const entity = /^Q[1-9]\d*$/.test(qid)
    ? h(
        'a',
        {
          href: `https://www.wikidata.org/wiki/${qid}`,
          target: '_blank',
          rel: 'noopener noreferrer',
        },
        `${title || qid} (${qid})`,
      )
    : `${title || qid}`;
  const tags = labels.map(({ text, score }) =>
    h('li', { class: 'tag', dir: 'auto' }, score === null ? text : `${text} · ${score.toFixed(2)}`),
  );
  const splitWords =
    split &&
    `${split}${seen === null ? '' : seen ? ', entity seen in training' : ', entity unseen in training'}`;
  /** @type {[string, import('../viewer/dom.js').Child][]} */
  const rows = [
    ['Entity', entity],
    ['About', description],
    ['Question', question],
    ['Prompt', textPrompt],
    ['Labels', tags.length > 0 && h('ul', { class: 'tags' }, ...tags)],
    ['Split', splitWords],
    ['Id', id],
  ];
  const given = rows.filter(([, value]) => value);
  return [
    h(
      'dl',
      { class: 'facts' },
      ...given.flatMap(([term, value]) => [h('dt', {}, term), h('dd', { dir: 'auto' }, value)]),
    ),
    ...(findings.length > 0
      ? [
          h('h3', {}, 'Problems of this record'),
          h('ul', { class: 'findings' }, ...findings.map((words) => h('li', {}, words))),
        ]
      : []),
  ];
}
