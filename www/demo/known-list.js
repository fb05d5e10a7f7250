/** @file The dialog that lists what the index knows, with a search. */

import { fill, h } from '../viewer/dom.js';
import { failureOf } from '../viewer/errors.js';
import { countOf } from './findings.js';
import { differs, knownWords, modelWords, plain } from './knowledge.js';
import { entityLinks } from './links.js';

/** @typedef {import('./knowledge.js').KnownEntity} KnownEntity */
/** @typedef {import('../pkg/viewer.js').ModelInfo} ModelInfo */

/** Number of entities added to the list at a time: thousands at once take seconds to lay out. */
const STEP = 200;

export class KnownList {
  #knowledge;
  #words = h('p', { id: 'known-words', role: 'status' });
  #search = h('input', {
    id: 'known-search',
    class: 'search',
    type: 'search',
    placeholder: 'Search names, descriptions, QIDs',
    'aria-label': 'Search what the index knows',
  });
  #found = h('p', { id: 'known-found', class: 'note', role: 'status' });
  #list = h('ul', { id: 'known-list', class: 'known-list' });
  #more = h('button', { type: 'button', id: 'known-more', class: 'button', hidden: true });
  #close = h('button', { type: 'button', id: 'known-close', class: 'button primary' }, 'Close');
  #body = h(
    'div',
    { id: 'known-body', class: 'known-body', hidden: true },
    h('div', { class: 'known-head' }, this.#search, this.#found),
    this.#list,
    this.#more,
  );
  #dialog = h(
    'dialog',
    { id: 'known', 'aria-labelledby': 'known-title' },
    h(
      'div',
      { class: 'body' },
      h('h2', { id: 'known-title' }, 'What the index knows'),
      this.#words,
      this.#body,
      h('div', { class: 'dialog-actions' }, this.#close),
    ),
  );
  /** The listed entities, each with the text that is searched. @type {[KnownEntity, string][]} */
  #entities = [];
  /** Those that match the search. @type {KnownEntity[]} */
  #matching = [];
  /** Ends the loading for a dialog that is closed. */
  #opening = new AbortController();

  /** @param {import('./knowledge.js').Knowledge} knowledge */
  constructor(knowledge) {
    this.#knowledge = knowledge;
    document.body.append(this.#dialog);
    this.#search.addEventListener('input', () => this.#find());
    this.#more.addEventListener('click', () => this.#showMore());
    this.#dialog.addEventListener('close', () => this.#opening.abort());
    this.#close.addEventListener('click', () => this.#dialog.close());
    this.#dialog.addEventListener('click', (event) => {
      if (event.target === this.#dialog) this.#dialog.close();
    });
  }

  /**
   * Opens the dialog and loads the list.
   * @param {ModelInfo} [asked] The index of an endpoint: the list of the page's own index is shown
   *   for it only if it is the same index.
   */
  open(asked) {
    this.#search.value = '';
    if (!this.#dialog.open) this.#dialog.showModal();
    return this.#load(asked);
  }

  /** @param {ModelInfo} [asked] */
  async #load(asked) {
    this.#opening.abort();
    const { signal } = (this.#opening = new AbortController());
    this.#use([]);
    fill(this.#words, 'Loading the list …');
    try {
      const header = await this.#knowledge.header();
      const isListed = !asked || asked.index_sha256 === header.sha256;
      const entities = isListed ? await this.#knowledge.entities() : [];
      if (signal.aborted) return;
      if (isListed) this.#show(header, entities);
      else this.#showCounts(asked, unlistedWords(header));
    } catch (thrown) {
      if (signal.aborted) return;
      const { message } = failureOf(thrown, 'index');
      const words = `The list could not be loaded: ${message.replace(/\.$/, '')}.`;
      if (asked) this.#showCounts(asked, words);
      else fill(this.#words, words);
      const again = h('button', { type: 'button', class: 'button' }, 'Try again');
      again.addEventListener('click', () => this.#load(asked));
      this.#words.append(h('span', { class: 'row' }, again));
    }
  }

  /**
   * @param {import('./knowledge.js').Header} header
   * @param {KnownEntity[]} entities
   */
  #show(header, entities) {
    const broader = entities.filter(({ members }) => members > 0).length;
    const groups =
      broader > 0 ? `, and ${countOf(broader, 'broader group', 'broader groups')}` : '';
    const limit = 'For anything else it can only say which of these is nearest.';
    fill(this.#words, `The index knows ${knownWords(header)}${groups}. ${limit}`);
    this.#use(entities);
    this.#search.focus();
  }

  /**
   * @param {ModelInfo} asked
   * @param {string} reason Of there being no list.
   */
  #showCounts(asked, reason) {
    fill(this.#words, `The endpoint’s index knows ${modelWords(asked)}. ${reason}`);
  }

  /** @param {KnownEntity[]} entities */
  #use(entities) {
    this.#entities = entities.map((entity) => [
      entity,
      plain([entity.title, entity.label, entity.description, entity.qid].join(' ')),
    ]);
    this.#body.hidden = entities.length === 0;
    this.#find();
  }

  /** Lists the entities that hold each word of the search. */
  #find() {
    const words = plain(this.#search.value).split(/\s+/).filter(Boolean);
    this.#matching = this.#entities
      .filter(([, text]) => words.every((word) => text.includes(word)))
      .map(([entity]) => entity);
    fill(this.#list);
    this.#append();
  }

  #showMore() {
    const before = this.#list.childElementCount;
    this.#append();
    this.#list.children[before]?.querySelector('a')?.focus();
  }

  #append() {
    const before = this.#list.childElementCount;
    this.#list.append(...this.#matching.slice(before, before + STEP).map(item));
    const [shown, count] = [this.#list.childElementCount, this.#matching.length];
    const rest = count - shown;
    this.#more.hidden = rest === 0;
    fill(this.#more, `Show ${Math.min(rest, STEP)} more`);
    const all = countOf(this.#entities.length, 'entry', 'entries');
    const found =
      count === this.#entities.length
        ? all
        : count === 0
          ? `Nothing matches; the list has ${all}`
          : `${count.toLocaleString('en')} of ${all} ${count === 1 ? 'matches' : 'match'}`;
    const part = rest > 0 ? `; the first ${shown.toLocaleString('en')} are shown` : '';
    fill(this.#found, this.#entities.length > 0 && `${found}${part}.`);
  }
}

/** @param {KnownEntity} entity */
function item(entity) {
  const { qid, title, description, label, members } = entity;
  return h(
    'li',
    {},
    h('p', { class: 'title', dir: 'auto' }, title || qid),
    members > 0 &&
      h('p', { class: 'tag' }, `Broader: ${countOf(members, 'kind', 'kinds')} of this list`),
    description && h('p', { class: 'about', dir: 'auto' }, description),
    label && differs(label, title) && h('p', { class: 'about', dir: 'auto' }, `Class: ${label}`),
    h('p', { class: 'links' }, ...entityLinks(entity)),
  );
}

/** Says why there is no list of an endpoint's index. @param {import('./knowledge.js').Header} header */
function unlistedWords({ sha256 }) {
  return sha256 === null
    ? 'Without https this page cannot tell whether that is its own index, so there is no list here.'
    : 'It is not the index of this page, so there is no list of it here.';
}
