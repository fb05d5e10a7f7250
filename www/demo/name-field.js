/**
 * @file A field that names a mask: suggests the entities of the page's index by their titles, and takes
 * any other text as it is.
 */

import { fill, h } from '../viewer/dom.js';
import { plain } from './knowledge.js';

/** Maximum number of suggestions. */
const MAX_SUGGESTIONS = 8;

/** @typedef {import('./knowledge.js').KnownEntity} KnownEntity */
/** @typedef {{ title: string, qid: string | null }} Name */

/** Counts fields, whose lists need different ids. */
let fields = 0;

export class NameField {
  #knowledge;
  #take;
  #input;
  #list;
  /**
   * The entities with the text that is searched; empty where there is no list.
   * @type {[KnownEntity, string][]}
   */
  #entities = [];
  /** @type {KnownEntity[]} */
  #suggested = [];
  /** Index of the suggestion that a key is on; -1 for none. */
  #at = -1;
  /** The name before it is changed. */
  #before;
  node;

  /**
   * @param {Name} name
   * @param {import('./knowledge.js').Knowledge} knowledge
   * @param {(name: Name) => void} take
   */
  constructor(name, knowledge, take) {
    this.#before = name;
    this.#knowledge = knowledge;
    this.#take = take;
    const id = `names-${(fields += 1)}`;
    this.#list = h('ul', { id, class: 'suggestions', role: 'listbox', hidden: true });
    this.#list.setAttribute('aria-label', 'Entities of the index');
    this.#input = h('input', {
      type: 'text',
      class: 'search',
      role: 'combobox',
      autocomplete: 'off',
      spellcheck: 'false',
      'aria-autocomplete': 'list',
      'aria-expanded': 'false',
      'aria-controls': id,
      'data-focus': 'kept-name',
      placeholder: 'Name, or search entities',
      value: name.title,
    });
    const label = h('label', { class: 'field' }, 'Name ', this.#input);
    this.node = h('div', { class: 'name-field' }, label, this.#list);
    this.#listen();
  }

  #listen() {
    const input = this.#input;
    input.addEventListener('focus', () => this.#load(), { once: true });
    input.addEventListener('input', () => this.#suggest());
    input.addEventListener('keydown', (event) => {
      if (this.#key(event)) event.preventDefault();
    });
    input.addEventListener('change', () => this.#commit());
    input.addEventListener('blur', () => this.#close());
    // A press would take the focus, and with it the text as it is.
    this.#list.addEventListener('pointerdown', (event) => event.preventDefault());
    this.#list.addEventListener('click', (event) => {
      const item = event.target instanceof Element ? event.target.closest('li') : null;
      const entity = item && this.#suggested[[...this.#list.children].indexOf(item)];
      if (entity) this.#choose(entity);
    });
  }

  async #load() {
    // Without a list the text is taken as it is.
    const entities = await this.#knowledge.entities().catch(() => []);
    this.#entities = entities.map((entity) => [
      entity,
      plain([entity.title, entity.label].join(' ')),
    ]);
    if (document.activeElement === this.#input && this.#input.value !== this.#before.title)
      this.#suggest();
  }

  #suggest() {
    const text = plain(this.#input.value.trim());
    const words = text.split(/\s+/).filter(Boolean);
    const found = this.#entities.filter(([, of]) => words.every((word) => of.includes(word)));
    const rank = (/** @type {KnownEntity} */ { title }) => {
      const own = plain(title);
      return own === text ? 0 : own.startsWith(text) ? 1 : 2;
    };
    const matching = found
      .map(([entity]) => entity)
      .sort((a, b) => rank(a) - rank(b) || a.title.length - b.title.length);
    this.#suggested = words.length > 0 ? matching.slice(0, MAX_SUGGESTIONS) : [];
    this.#at = -1;
    fill(
      this.#list,
      ...this.#suggested.map(({ title, description, qid }, index) =>
        h(
          'li',
          { role: 'option', id: `${this.#list.id}-${index}`, 'aria-selected': 'false' },
          h('span', { dir: 'auto' }, title || qid),
          h('span', { class: 'about', dir: 'auto' }, description ?? qid),
        ),
      ),
    );
    this.#show();
  }

  #show() {
    const isOpen = this.#suggested.length > 0;
    this.#list.hidden = !isOpen;
    this.#input.setAttribute('aria-expanded', String(isOpen));
    for (const [index, item] of [...this.#list.children].entries())
      item.setAttribute('aria-selected', String(index === this.#at));
    const active = this.#list.children[this.#at];
    if (active) {
      this.#input.setAttribute('aria-activedescendant', active.id);
      active.scrollIntoView({ block: 'nearest' });
    } else this.#input.removeAttribute('aria-activedescendant');
  }

  #close() {
    this.#suggested = [];
    this.#at = -1;
    this.#show();
  }

  /** @param {KeyboardEvent} event @returns {boolean} Whether the key did something. */
  #key({ key }) {
    const count = this.#suggested.length;
    if ((key === 'ArrowDown' || key === 'ArrowUp') && count > 0) {
      const by = key === 'ArrowDown' ? 1 : -1;
      // One more place than there are suggestions: that of the text itself.
      this.#at = ((this.#at + by + 1 + count + 1) % (count + 1)) - 1;
      this.#show();
      return true;
    }
    if (key === 'Enter') {
      const entity = this.#suggested[this.#at];
      if (entity) this.#choose(entity);
      else this.#commit();
      return true;
    }
    if (key === 'Escape' && count > 0) {
      this.#close();
      return true;
    }
    return false;
  }

  /** @param {KnownEntity} entity */
  #choose({ title, qid }) {
    this.#input.value = title || qid;
    this.#done({ title: title || qid, qid });
  }

  /** Takes the text, as the entity of that very title where there is one. */
  #commit() {
    const text = this.#input.value.trim();
    if (text === this.#before.title) return this.#close();
    const same = this.#entities.find(([{ title }]) => plain(title) === plain(text))?.[0];
    this.#done(same ? { title: same.title, qid: same.qid } : { title: text, qid: null });
  }

  /** @param {Name} name */
  #done(name) {
    this.#before = name;
    this.#close();
    this.#take(name);
  }
}
