/** @file The index that the page links with: how much it knows, and the list of its entities. */

import { hexOf } from '../worker/hex.js';
import { countOf } from './findings.js';

/** The address that the viewer links with where there is no endpoint. */
const INDEX = new URL('../index/index.json', import.meta.url).href;

/**
 * @typedef {object} Header
 * @property {number} entities Number of entries of the list.
 * @property {{ title: string, entities: number }[]} sources
 * @property {string} list Address of the list.
 * @property {string | null} sha256 Null where the browser computes none, as on a page without https.
 */

/**
 * @typedef {object} KnownEntity An entry of the list.
 * @property {string} qid
 * @property {string} title
 * @property {string | undefined} description
 * @property {string | undefined} url
 * @property {string | undefined} label Name of its class, where the entity covers more.
 * @property {number} members Number of entities it stands for; 0 unless it is a broader one.
 */

/** Downloads the index's header and list when they are first asked for, and keeps them. */
export class Knowledge {
  /** @type {Promise<Header> | undefined} */
  #header;
  /** @type {Promise<KnownEntity[]> | undefined} */
  #entities;

  /** Returns what the header says; a failed download is tried again by the next call. */
  header() {
    this.#header ??= readHeader().catch((thrown) => {
      this.#header = undefined;
      throw thrown;
    });
    return this.#header;
  }

  /** Returns the entities in the order of their titles. */
  entities() {
    this.#entities ??= this.#read().catch((thrown) => {
      // A list that is gone belongs to a header that was replaced.
      this.#entities = this.#header = undefined;
      throw thrown;
    });
    return this.#entities;
  }

  async #read() {
    const { list } = await this.header();
    return parseEntities(await textAt(list, 'default'));
  }
}

/** @returns {Promise<Header>} */
async function readHeader() {
  const text = await textAt(INDEX, 'no-cache');
  const { entities, sources, parts } = JSON.parse(text);
  if (typeof parts?.entities?.file !== 'string') throw new Error('the index names no list');
  return {
    entities: Number(entities) || 0,
    sources: Array.isArray(sources)
      ? sources.map((source) => ({
          title: String(source?.title),
          entities: Number(source?.entities) || 0,
        }))
      : [],
    list: new URL(parts.entities.file, INDEX).href,
    sha256: await sha256Of(text),
  };
}

/**
 * @param {string} address
 * @param {RequestCache} cache
 */
async function textAt(address, cache) {
  const response = await fetch(address, { cache }).catch((cause) => {
    throw new Error('its host could not be reached', { cause });
  });
  if (!response.ok) throw new Error(`the server returned ${response.status}`);
  return await response.text();
}

/** @param {string} text */
async function sha256Of(text) {
  if (!globalThis.crypto?.subtle) return null;
  return hexOf(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)));
}

/**
 * Reads the list, one JSON object a line.
 * @param {string} lines
 * @returns {KnownEntity[]}
 */
function parseEntities(lines) {
  const text = (/** @type {unknown} */ value) => (typeof value === 'string' ? value : undefined);
  const entities = lines
    .split('\n')
    .filter((line) => line.trim())
    .map((line) => {
      const { qid, title, description, url, class_label: label, members } = JSON.parse(line);
      return {
        qid: String(qid),
        title: text(title) ?? '',
        description: text(description),
        url: text(url),
        label: text(label),
        members: Array.isArray(members) ? members.length : 0,
      };
    });
  const { compare } = new Intl.Collator('en', { numeric: true });
  return entities.sort((a, b) => compare(a.title, b.title));
}

/**
 * Says how many kinds of things an index knows, and from where.
 * @param {Partial<Header>} header
 */
export function knownWords({ entities = 0, sources = [] }) {
  const [first, ...others] = sources;
  if (!first) return kinds(entities);
  const parts = [
    `${kinds(first.entities)} from ${first.title}`,
    ...others.map((source) => `${source.entities.toLocaleString('en')} from ${source.title}`),
  ];
  return new Intl.ListFormat('en').format(parts);
}

/**
 * Says how much the index of a response holds.
 * @param {import('../pkg/viewer.js').ModelInfo} model
 */
export function modelWords({ entities = 0, exemplars = 0, prototypes = 0 }) {
  const parts = [
    exemplars > 0 && countOf(exemplars, 'example mask', 'example masks'),
    prototypes > 0 &&
      countOf(prototypes, 'category of an image model', 'categories of an image model'),
  ].filter((part) => part !== false);
  const from = parts.length > 0 ? `, from ${new Intl.ListFormat('en').format(parts)}` : '';
  return `${kinds(entities)}${from}`;
}

/** @param {number} count */
function kinds(count) {
  return countOf(count, 'kind of thing', 'kinds of things');
}

/**
 * Whether a class has another name than its entity.
 * @param {string} label
 * @param {string} title
 */
export function differs(label, title) {
  return plain(label) !== plain(title);
}

/** Text without case and accents, for comparisons. @param {string} text */
export function plain(text) {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
}
