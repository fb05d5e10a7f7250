/** @file The masks that look like the open one, as small images below its facts. */

import { fill, h } from '../viewer/dom.js';
import { Thumbnails } from './thumbnails.js';
import { nameOf, percent } from './words.js';

/** @import { Item } from './types' */
/** @typedef {import('./images.js').Images} Images */
/** @typedef {import('./source.js').Source} Source */

/** Width and height of a small image, in CSS pixels. */
const CELL = { width: 132, height: 99 };

export class Similar {
  #section = /** @type {HTMLElement} */ (document.getElementById('similar'));
  #body = /** @type {HTMLElement} */ (document.getElementById('similar-body'));
  #thumbnails;
  #open;
  /** @type {{ item: Item, canvas: HTMLCanvasElement }[]} */
  #cells = [];
  /** Counts calls, so that an earlier one shows nothing any more. */
  #calls = 0;

  /** @param {Images} images @param {(item: Item) => void} open Called when one of them is chosen. */
  constructor(images, open) {
    this.#thumbnails = new Thumbnails(images, () => this.#draw());
    this.#open = open;
  }

  /** Shows those of an item; nothing where the source has none. @param {Source} source @param {Item} item */
  async show(source, item) {
    const call = (this.#calls += 1);
    this.#section.hidden = true;
    if (!source.overview.similar) return;
    const items = await source.similar(item.row);
    if (call !== this.#calls || items.length === 0) return;
    this.#thumbnails.clear();
    const scale = devicePixelRatio;
    this.#cells = items.map((one) => {
      const canvas = document.createElement('canvas');
      canvas.width = Math.round(CELL.width * scale);
      canvas.height = Math.round(CELL.height * scale);
      return { item: one, canvas };
    });
    const entries = this.#cells.map(({ item: one, canvas }) =>
      h(
        'li',
        {},
        h(
          'button',
          {
            type: 'button',
            'aria-label': `${nameOf(one)}, ${percent(one.areaShare)} of the image`,
            onclick: () => this.#open(one),
          },
          canvas,
          h('span', { dir: 'auto' }, nameOf(one)),
        ),
      ),
    );
    fill(this.#body, h('ul', { class: 'similar' }, ...entries));
    this.#section.hidden = false;
    this.#draw();
  }

  /** Frees the small images. */
  close() {
    this.#calls += 1;
    this.#cells = [];
    this.#thumbnails.clear();
    this.#section.hidden = true;
  }

  #draw() {
    for (const { item, canvas } of this.#cells) {
      const { image, mask, width, height } = this.#thumbnails.of(item, canvas.width, canvas.height);
      const context = canvas.getContext('2d');
      if (!context) continue;
      context.clearRect(0, 0, canvas.width, canvas.height);
      const [x, y] = [(canvas.width - width) >> 1, (canvas.height - height) >> 1];
      if (image) context.drawImage(image, x, y, width, height);
      if (mask) context.drawImage(mask, x, y, width, height);
    }
  }
}
