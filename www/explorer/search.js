/** @file The search field: entities as one types, or a record by its id. */

import { fill, h } from '../viewer/dom.js';
import { countOf } from './words.js';

/** @import { EntityHit } from './types' */

/** Maximum number of entities in the list. */
const MAX_HITS = 40;
/** Milliseconds without typing before the worker is asked. */
const REST = 80;

/**
 * @typedef {object} SearchActions
 * @property {(text: string, count: number) => Promise<EntityHit[]>} entities
 * @property {(hit: EntityHit) => void} choose
 * @property {(id: string) => Promise<boolean>} find Opens a record by its id, or its image's.
 */

export class Search {
  #input;
  #list;
  #spoken;
  #actions;
  /** @type {EntityHit[]} */
  #hits = [];
  #active = -1;
  #asked = 0;
  #timer = 0;

  /**
   * @param {{ input: HTMLInputElement, list: HTMLElement, spoken: HTMLElement }} nodes
   * @param {SearchActions} actions
   */
  constructor({ input, list, spoken }, actions) {
    this.#input = input;
    this.#list = list;
    this.#spoken = spoken;
    this.#actions = actions;
    input.addEventListener('input', () => {
      clearTimeout(this.#timer);
      this.#timer = window.setTimeout(() => this.#ask(), REST);
    });
    input.addEventListener('focus', () => this.#ask());
    input.addEventListener('blur', () => this.close());
    input.addEventListener('keydown', (event) => {
      if (this.#key(event)) event.preventDefault();
    });
    // The field keeps the focus.
    list.addEventListener('pointerdown', (event) => event.preventDefault());
    list.addEventListener('click', (event) => {
      const node = event.target instanceof Element ? event.target.closest('[data-index]') : null;
      if (node instanceof HTMLElement) this.#take(Number(node.dataset.index));
    });
  }

  close() {
    this.#asked += 1;
    this.#list.hidden = true;
    this.#active = -1;
    this.#input.setAttribute('aria-expanded', 'false');
    this.#input.removeAttribute('aria-activedescendant');
  }

  async #ask() {
    const asked = (this.#asked += 1);
    const text = this.#input.value.trim();
    try {
      const hits = await this.#actions.entities(text, MAX_HITS);
      if (asked !== this.#asked || document.activeElement !== this.#input) return;
      this.#hits = hits;
      this.#show(text);
    } catch {
      // A source that was closed meanwhile; the next one is asked with the next letter.
    }
  }

  /** @param {string} text */
  #show(text) {
    this.#active = -1;
    this.#input.removeAttribute('aria-activedescendant');
    const hits = this.#hits.map(({ qid, title, annotations, typo }, index) =>
      hitNode(
        index,
        h('span', { class: 'name', dir: 'auto' }, title || qid),
        typo && h('span', { class: 'tag typo' }, 'similar spelling'),
        h('span', { class: 'note' }, `${qid} · ${countOf(annotations, 'mask')}`),
      ),
    );
    const byId =
      text &&
      hitNode(
        hits.length,
        h('span', { class: 'name' }, `Record or image “${text}”`),
        h('span', { class: 'note' }, 'find by id'),
      );
    fill(this.#list, ...hits, byId);
    this.#list.hidden = this.#list.childElementCount === 0;
    this.#input.setAttribute('aria-expanded', String(!this.#list.hidden));
    const found =
      hits.length === 0 ? 'No entity found' : countOf(hits.length, 'entity', 'entities');
    this.#say(found);
  }

  /**
   * Tells screen readers, and with `isFailure` everybody.
   * @param {string} words
   * @param {boolean} [isFailure]
   */
  #say(words, isFailure = false) {
    this.#spoken.className = isFailure ? 'problem' : 'unseen';
    fill(this.#spoken, words);
  }

  /** @param {KeyboardEvent} event */
  #key({ key }) {
    const count = this.#list.hidden ? 0 : this.#list.childElementCount;
    if (key === 'ArrowDown' || key === 'ArrowUp') {
      if (count === 0) this.#ask();
      else this.#activate((this.#active + (key === 'ArrowDown' ? 1 : -1) + count) % count);
      return true;
    }
    if (key === 'Escape' && count > 0) {
      this.close();
      return true;
    }
    if (key !== 'Enter') return false;
    if (count > 0 && this.#active >= 0) this.#take(this.#active);
    else this.#takeBest();
    return true;
  }

  /** Takes an entity of this name, or else the record of this id, or else the most similar entity. */
  async #takeBest() {
    clearTimeout(this.#timer);
    const text = this.#input.value.trim();
    if (!text) return;
    await this.#ask();
    const [first] = this.#hits;
    if (first && !first.typo) return this.#take(0);
    this.close();
    if (await this.#actions.find(text)) this.#input.value = '';
    else if (first) this.#take(0);
    else this.#say(`There is no entity, record or image ${text}.`, true);
  }

  /** @param {number} index */
  #activate(index) {
    this.#active = index;
    for (const [at, node] of [...this.#list.children].entries()) {
      node.setAttribute('aria-selected', String(at === index));
      if (at === index) node.scrollIntoView({ block: 'nearest' });
    }
    this.#input.setAttribute('aria-activedescendant', `hit-${index}`);
  }

  /** @param {number} index */
  async #take(index) {
    const hit = this.#hits[index];
    const text = this.#input.value.trim();
    this.close();
    if (hit) {
      this.#input.value = '';
      this.#actions.choose(hit);
    } else if (await this.#actions.find(text)) {
      this.#input.value = '';
    } else {
      this.#say(`There is no record or image ${text}.`, true);
    }
  }
}

/** @param {number} index @param {...import('../viewer/dom.js').Child} children */
function hitNode(index, ...children) {
  return h(
    'div',
    {
      class: 'hit',
      role: 'option',
      id: `hit-${index}`,
      'data-index': index,
      'aria-selected': 'false',
    },
    ...children,
  );
}
