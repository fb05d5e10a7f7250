/** @file Shows the selected mask's annotation. */

import { h } from '../viewer/dom.js';

/**
 * @param {import('../viewer/annotation-file.js').Annotation} annotation Every text of it is untrusted.
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
    ['Text prompt', textPrompt],
    ['Labels', tags.length > 0 && h('ul', { class: 'tags' }, ...tags)],
    ['Dataset split', splitWords],
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
          h('ul', { class: 'findings' }, ...findings.map(({ message }) => h('li', {}, message))),
        ]
      : []),
  ];
}
