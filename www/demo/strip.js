/** @file A strip of images to choose from: one stop of the Tab key, arrows within. */

import { fill, focusedBy, h, scrollWithin } from '../viewer/dom.js';

/**
 * @typedef {object} StripItem
 * @property {string} key
 * @property {string} caption
 * @property {string | null} thumbnail Its address; null shows the caption alone.
 * @property {string | null} alternative Address to try where the thumbnail cannot be loaded.
 */

export class Strip {
  #list;
  #choose;
  /** @type {StripItem[]} */
  #items = [];
  #showsThumbnails = false;

  /**
   * @param {HTMLElement} list
   * @param {(key: string) => void} choose
   */
  constructor(list, choose) {
    this.#list = list;
    this.#choose = choose;
    list.addEventListener('click', (event) => this.#take(this.#at(event)));
    list.addEventListener('keydown', (event) => {
      if (this.#key(event)) event.preventDefault();
    });
  }

  get items() {
    return this.#items;
  }

  /** @param {StripItem[]} items */
  set items(items) {
    this.#items = items;
    fill(
      this.#list,
      ...items.map(({ caption, thumbnail, alternative }, index) =>
        h(
          'div',
          {
            class: thumbnail ? 'thumbnail' : 'thumbnail plain',
            role: 'option',
            'aria-selected': 'false',
            'aria-label': caption,
            'data-index': index,
            tabindex: index === 0 ? 0 : -1,
          },
          thumbnail &&
            h('img', {
              src: this.#showsThumbnails && thumbnail,
              alt: '',
              loading: 'lazy',
              decoding: 'async',
              width: 104,
              height: 78,
              'data-alternative': alternative !== thumbnail && alternative,
              onerror: withoutImage,
            }),
          h('span', { class: thumbnail ? 'caption' : '', dir: 'auto' }, caption),
        ),
      ),
    );
  }

  /** Loads the thumbnails, which until then leave the network to what is needed first. */
  showThumbnails() {
    this.#showsThumbnails = true;
    for (const [index, node] of this.#nodes().entries()) {
      const image = node.querySelector('img');
      if (image) image.src = this.#items[index]?.thumbnail ?? '';
    }
  }

  /** Marks the image that is open. @param {string | null} key */
  set selected(key) {
    for (const [index, item] of this.#nodes().entries()) {
      const selected = this.#items[index]?.key === key;
      item.setAttribute('aria-selected', String(selected));
      if (selected) {
        this.#makeStop(item);
        scrollWithin(this.#list, item);
      }
    }
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const index = this.#at(event);
    if (index === null) return false;
    const nodes = this.#nodes();
    const next = focusedBy(event.key, index, nodes.length);
    const target = next === undefined ? undefined : nodes[next];
    if (target) {
      this.#makeStop(target);
      target.focus();
    } else if (event.key === 'Enter' || event.key === ' ') {
      this.#take(index);
    }
    return next !== undefined || event.key === 'Enter' || event.key === ' ';
  }

  /** @param {number | null} index */
  #take(index) {
    const item = index === null ? undefined : this.#items[index];
    if (item) this.#choose(item.key);
  }

  /** @param {Event} event */
  #at(event) {
    const node = event.target instanceof Element ? event.target.closest('[data-index]') : null;
    return node instanceof HTMLElement ? Number(node.dataset.index) : null;
  }

  /** @param {HTMLElement} stop */
  #makeStop(stop) {
    for (const node of this.#nodes()) node.tabIndex = node === stop ? 0 : -1;
  }

  #nodes() {
    return /** @type {HTMLElement[]} */ ([...this.#list.children]);
  }
}

/** A thumbnail that cannot be loaded leaves its alternative, or its caption. @param {Event} event */
function withoutImage(event) {
  const image = /** @type {HTMLImageElement} */ (event.target);
  const { alternative } = image.dataset;
  if (alternative) {
    delete image.dataset.alternative;
    image.src = alternative;
    return;
  }
  image.closest('.thumbnail')?.classList.add('plain');
  image.nextElementSibling?.classList.remove('caption');
  image.remove();
}
