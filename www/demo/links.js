/** @file Links from an entity to its pages, and the check of addresses that come from elsewhere. */

import { h } from '../viewer/dom.js';

/**
 * Links an entity to its article and its Wikidata page.
 * @param {{ qid: string, url?: string | undefined }} entity
 */
export function entityLinks({ qid, url }) {
  const known = isQid(qid);
  const article =
    webAddress(url) ??
    (known ? `https://www.wikidata.org/wiki/Special:GoToLinkedPage/enwiki/${qid}` : null);
  return [
    article && outward(article, 'Wikipedia'),
    known ? outward(`https://www.wikidata.org/wiki/${qid}`, `Wikidata ${qid}`) : h('span', {}, qid),
  ].filter((node) => node !== null);
}

/**
 * A link to a page of another site.
 * @param {string} address
 * @param {string} words
 */
export function outward(address, words) {
  return h('a', { href: address, target: '_blank', rel: 'noopener noreferrer' }, words);
}

/** @param {string} text */
export function isQid(text) {
  return /^Q[1-9]\d*$/.test(text);
}

/**
 * The address made absolute, if it is one of the web; `javascript:` and the like give null.
 * @param {unknown} address
 */
export function webAddress(address) {
  if (typeof address !== 'string' || !address || !URL.canParse(address, document.baseURI))
    return null;
  const url = new URL(address, document.baseURI);
  return url.protocol === 'https:' || url.protocol === 'http:' ? url.href : null;
}
