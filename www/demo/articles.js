/**
 * @file Details of entities from Wikipedia, or from another server with the same form of summaries.
 * Nothing is requested unless the person turns the setting on.
 */

import { bytesOf } from '../worker/body.js';
import { isQid, webAddress } from './links.js';

/** Address of Wikipedia's summaries. */
export const WIKIPEDIA = 'https://en.wikipedia.org/api/rest_v1/page/summary/{title}';
/** Limits of a response. */
const MAX_BYTES = 256 * 1024;
const TIMEOUT = 10_000;
/** Maximum length of the sentence shown. */
const MAX_LETTERS = 320;

/** @typedef {{ qid: string, title: string, url?: string | undefined }} Entity */
/**
 * @typedef {object} Article
 * @property {string} sentence
 * @property {string | null} image Address of a small image.
 * @property {string | null} page Address of the whole article.
 */

/** A failure that the same request would have again. */
class NoArticle extends Error {}

/** Fetches summaries of entities and keeps them until the page is closed. */
export class Articles {
  /** Called after the setting has changed. */
  changed = () => {};
  /** @type {string | null} */
  #template = null;
  /** By address. @type {Map<string, Promise<Article>>} */
  #kept = new Map();

  /** The address with `{title}` or `{qid}`; null requests nothing. */
  get template() {
    return this.#template;
  }

  set template(template) {
    if (template === this.#template) return;
    this.#template = template;
    this.changed();
  }

  /** The name of the server that is asked. */
  get host() {
    return this.#template && new URL(addressIn(this.#template, 'x', 'Q1') ?? 'about:blank').host;
  }

  /**
   * Returns the details of an entity; null where none are to be requested.
   * @param {Entity} entity
   * @returns {Promise<Article> | null}
   */
  about(entity) {
    const address = this.#template && addressOf(this.#template, entity);
    if (!address) return null;
    const kept =
      this.#kept.get(address) ??
      download(address, entity.qid).catch((thrown) => {
        // The network may be there again the next time.
        if (!(thrown instanceof NoArticle)) this.#kept.delete(address);
        throw thrown;
      });
    this.#kept.set(address, kept);
    return kept;
  }
}

/**
 * Returns the address of an entity's summary; null where the template needs what the entity lacks.
 * @param {string} template
 * @param {Entity} entity
 */
function addressOf(template, { qid, title, url }) {
  const host = new URL(addressIn(template, 'x', 'Q1') ?? 'about:blank').host;
  // The article's own name says which of several things with the same title is meant.
  const named = articleName(url, host) ?? title;
  if (template.includes('{title}') && !named) return null;
  if (template.includes('{qid}') && !isQid(qid)) return null;
  return addressIn(template, named.replaceAll(' ', '_'), qid);
}

/**
 * @param {string} template
 * @param {string} title
 * @param {string} qid
 */
function addressIn(template, title, qid) {
  return webAddress(
    template
      .replaceAll('{title}', () => encodeURIComponent(title))
      .replaceAll('{qid}', () => encodeURIComponent(qid)),
  );
}

/**
 * Returns the name in the address of an article on the server that is asked.
 * @param {string | undefined} url
 * @param {string} host
 */
function articleName(url, host) {
  const address = webAddress(url);
  const article = address && new URL(address);
  const name = article && article.host === host && /^\/wiki\/([^/]+)$/.exec(article.pathname)?.[1];
  try {
    return name ? decodeURIComponent(name) : null;
  } catch {
    return null;
  }
}

/**
 * Says why details are missing.
 * @param {unknown} thrown
 */
export function reasonOf(thrown) {
  if (!(thrown instanceof Error)) return String(thrown);
  if (thrown.name === 'TimeoutError') return 'it took too long';
  if (thrown instanceof SyntaxError) return 'its response could not be read';
  // A browser does not tell pages why a request failed.
  return thrown instanceof TypeError ? 'it could not be reached' : thrown.message;
}

/**
 * @param {string} address
 * @param {string} qid Of the entity that the summary must be about, where it says.
 * @returns {Promise<Article>}
 */
async function download(address, qid) {
  const response = await fetch(address, {
    mode: 'cors',
    credentials: 'omit',
    referrerPolicy: 'no-referrer',
    headers: { Accept: 'application/json' },
    signal: AbortSignal.timeout(TIMEOUT),
  });
  if (response.status === 404) throw new NoArticle('there is no article of this name');
  if (!response.ok) throw new Error(`it returned ${response.status}`);
  const summary = JSON.parse(new TextDecoder().decode(await bytesOf(response, MAX_BYTES)));
  const { type, wikibase_item: item, extract, thumbnail, content_urls: urls } = summary ?? {};
  const isOther = typeof item === 'string' && isQid(qid) && item !== qid;
  if (isOther || type === 'disambiguation')
    throw new NoArticle('the article of this name is about something else');
  return {
    sentence: firstSentence(typeof extract === 'string' ? extract : ''),
    image: webAddress(thumbnail?.source),
    page: webAddress(urls?.desktop?.page),
  };
}

/** @param {string} text */
function firstSentence(text) {
  let sentence = '';
  for (const { segment } of new Intl.Segmenter('en', { granularity: 'sentence' }).segment(text)) {
    sentence += segment;
    // “St. Bernard” and “U.S. Army” go on behind the point.
    if (!/(^|[\s(.])\p{Lu}\p{L}{0,2}\.\s*$/u.test(sentence)) break;
  }
  const [...letters] = sentence.trim();
  return letters.length > MAX_LETTERS
    ? `${letters.slice(0, MAX_LETTERS).join('')}…`
    : sentence.trim();
}
