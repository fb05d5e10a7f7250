/**
 * @file The gallery: thumbnails with their masks on one canvas as large as the window. Over it lie
 *   options without a look for pointers and screen readers; the list is one stop of the Tab key.
 */

import { fill, h } from '../viewer/dom.js';
import { LongScroll } from './scroll.js';
import { label, LEVELS, levelOf, nameOf, percent } from './words.js';

/** @import { Item } from './types' */
/** @typedef {import('./pages.js').Pages} Pages */
/** @typedef {import('./thumbnails.js').Thumbnails} Thumbnails */

/** Least width of a cell, height of its text, and space between cells, in CSS pixels. */
const [CELL, TEXT, GAP] = [188, 46, 12];
/** Least width of a cell where two columns would not fit otherwise. */
const SMALL_CELL = 140;
/** Rows that are loaded above and below those in sight. */
const AROUND = 3;

/** Names of the theme's colors that the canvas is drawn with. */
const COLORS = /** @type {const} */ (['text', 'muted', 'raised', 'line', 'accent', 'caution']);

/**
 * @typedef {object} Nodes
 * @property {HTMLElement} list Scrolls, and takes the keys.
 * @property {HTMLCanvasElement} canvas
 * @property {HTMLElement} options
 * @property {HTMLElement} spacer Gives the list its height.
 */
/** @typedef {{ columns: number, width: number, height: number, image: number, pitch: number }} Grid */

export class Gallery {
  #list;
  #canvas;
  #options;
  #pages;
  #thumbnails;
  #actions;
  #scroll;
  /** @type {Grid} */
  #grid = { columns: 1, width: CELL, height: CELL, image: CELL, pitch: CELL };
  #cursor = 0;
  #hovered = -1;
  #scheduled = false;
  #drawnOptions = '';
  /** @type {Record<typeof COLORS[number], string>} */
  #colors = { text: '', muted: '', raised: '', line: '', accent: '', caution: '' };

  /**
   * @param {Nodes} nodes
   * @param {Pages} pages
   * @param {Thumbnails} thumbnails
   * @param {{ open: (position: number) => void, moved: (position: number) => void }} actions
   */
  constructor(nodes, pages, thumbnails, actions) {
    this.#list = nodes.list;
    this.#canvas = nodes.canvas;
    this.#options = nodes.options;
    this.#pages = pages;
    this.#thumbnails = thumbnails;
    this.#actions = actions;
    this.#scroll = new LongScroll(nodes.list, nodes.spacer, () => {
      this.#thumbnails.unwant();
      this.draw();
      this.#actions.moved(this.first);
    });
    this.#listen();
    this.#readColors();
  }

  /** Position of the first item that is wholly in sight. */
  get first() {
    const row = Math.max(0, Math.ceil((this.#scroll.top - GAP) / this.#grid.pitch));
    return Math.min(row * this.#grid.columns, Math.max(0, this.#pages.count - 1));
  }

  /** Position of the item that keys start from. */
  get cursor() {
    return this.#cursor;
  }

  /** Shows another selection. @param {number} position Of the item that is to be seen first. */
  reset(position) {
    this.#cursor = Math.min(position, Math.max(0, this.#pages.count - 1));
    this.#drawnOptions = '';
    this.#measure();
    this.#scroll.moveTo(Math.floor(this.#cursor / this.#grid.columns) * this.#grid.pitch);
    this.draw();
  }

  /** Moves the cursor to an item and scrolls until it is seen. @param {number} position */
  moveTo(position) {
    this.#cursor = Math.min(Math.max(0, position), Math.max(0, this.#pages.count - 1));
    const { columns, pitch } = this.#grid;
    const top = Math.floor(this.#cursor / columns) * pitch;
    const height = this.#list.clientHeight;
    if (top < this.#scroll.top) this.#scroll.moveTo(top);
    else if (top + pitch + GAP > this.#scroll.top + height)
      this.#scroll.moveTo(top + pitch + GAP - height);
    this.draw();
  }

  focus() {
    this.#list.focus({ preventScroll: true });
  }

  /** Draws with the next frame. */
  draw() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    requestAnimationFrame(() => {
      this.#scheduled = false;
      if (this.#list.clientHeight > 0) this.#paint();
    });
  }

  #listen() {
    const list = this.#list;
    new ResizeObserver(() => {
      if (list.clientHeight === 0) return;
      const first = this.first;
      const { columns } = this.#grid;
      this.#measure();
      if (columns !== this.#grid.columns)
        this.#scroll.moveTo(Math.floor(first / this.#grid.columns) * this.#grid.pitch);
      this.draw();
    }).observe(list);
    for (const query of ['(prefers-color-scheme: dark)', '(forced-colors: active)'])
      matchMedia(query).addEventListener('change', () => this.recolor());
    list.addEventListener('keydown', (event) => {
      if (this.#key(event)) event.preventDefault();
    });
    list.addEventListener('click', (event) => {
      const position = positionOf(event);
      if (position === null) return;
      this.#cursor = position;
      this.#actions.open(position);
    });
    list.addEventListener('pointermove', (event) => this.#hover(positionOf(event) ?? -1));
    list.addEventListener('pointerleave', () => this.#hover(-1));
    list.addEventListener('focus', () => this.draw());
    list.addEventListener('blur', () => this.draw());
  }

  /** Reads the theme's colors again. */
  recolor() {
    this.#readColors();
    this.draw();
  }

  #readColors() {
    const probe = h('span', { hidden: true });
    this.#list.append(probe);
    for (const name of COLORS) {
      probe.style.color = `var(--${name})`;
      this.#colors[name] = getComputedStyle(probe).color;
    }
    probe.remove();
  }

  /** @param {number} position */
  #hover(position) {
    if (position === this.#hovered) return;
    this.#hovered = position;
    this.draw();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const { key, ctrlKey, metaKey, altKey } = event;
    if (ctrlKey || metaKey || altKey) return false;
    const { columns, pitch } = this.#grid;
    const page = Math.max(1, Math.floor(this.#list.clientHeight / pitch)) * columns;
    const last = this.#pages.count - 1;
    const steps = new Map([
      ['ArrowRight', this.#cursor + 1],
      ['ArrowLeft', this.#cursor - 1],
      ['ArrowDown', this.#cursor + columns > last ? this.#cursor : this.#cursor + columns],
      ['ArrowUp', this.#cursor - columns < 0 ? this.#cursor : this.#cursor - columns],
      ['PageDown', Math.min(last, this.#cursor + page)],
      ['PageUp', Math.max(0, this.#cursor - page)],
      ['Home', 0],
      ['End', last],
    ]);
    const next = steps.get(key);
    if (next !== undefined) this.moveTo(next);
    else if (key === 'Enter' || key === ' ') this.#actions.open(this.#cursor);
    else return false;
    return true;
  }

  #measure() {
    const width = this.#list.clientWidth;
    const least = width < 2 * (CELL + GAP) + GAP ? SMALL_CELL : CELL;
    const columns = Math.max(1, Math.floor((width - GAP) / (least + GAP)));
    const cell = Math.floor((width - GAP) / columns) - GAP;
    const image = Math.round(cell * 0.75);
    const before = this.#grid;
    this.#grid = { columns, width: cell, image, height: image + TEXT, pitch: image + TEXT + GAP };
    if (before.width !== cell) this.#thumbnails.clear();
    this.#scroll.resize(Math.ceil(this.#pages.count / columns) * this.#grid.pitch + GAP);
    this.#canvas.style.height = `${this.#list.clientHeight}px`;
  }

  #paint() {
    const { clientWidth: width, clientHeight: height } = this.#list;
    const ratio = Math.min(2, devicePixelRatio || 1);
    const canvas = this.#canvas;
    if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
    if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
    const context = canvas.getContext('2d');
    if (!context) return;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const { columns, pitch } = this.#grid;
    const { count } = this.#pages;
    const row = Math.max(0, Math.floor((this.#scroll.top - GAP) / pitch));
    const rows = Math.ceil(height / pitch) + 1;
    const [first, last] = [row * columns, Math.min(count, (row + rows) * columns) - 1];
    for (let position = first; position <= last; position += 1)
      this.#paintCell(context, position, ratio);
    this.#pages.need(first, last);
    this.#pages.need(
      Math.max(0, first - AROUND * columns),
      Math.min(count - 1, last + AROUND * columns),
    );
    this.#placeOptions(first, last);
  }

  /** Returns the left and upper edge of a cell in the window. @param {number} position */
  #placeOf(position) {
    const { columns, width, pitch } = this.#grid;
    return [
      GAP + (position % columns) * (width + GAP),
      GAP + Math.floor(position / columns) * pitch - this.#scroll.top,
    ];
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} position
   * @param {number} ratio Pixels of the canvas for each of CSS.
   */
  #paintCell(context, position, ratio) {
    const [x = 0, y = 0] = this.#placeOf(position);
    const { width, image } = this.#grid;
    const item = this.#pages.peek(position);
    const { raised, accent, line } = this.#colors;
    context.save();
    context.beginPath();
    context.roundRect(x, y, width, image, 9);
    context.fillStyle = raised;
    context.fill();
    if (item) {
      context.clip();
      this.#paintImage(context, item, x, y, ratio);
    }
    context.restore();
    const isFocused = position === this.#cursor && document.activeElement === this.#list;
    context.strokeStyle = isFocused || position === this.#hovered ? accent : line;
    context.lineWidth = isFocused ? 3 : position === this.#hovered ? 2 : 1;
    context.beginPath();
    context.roundRect(x, y, width, image, 9);
    context.stroke();
    if (item) this.#paintText(context, item, x, y + image);
    else {
      context.fillStyle = raised;
      context.fillRect(x, y + image + 9, width * 0.6, 10);
      context.fillRect(x, y + image + 27, width * 0.4, 8);
    }
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Item} item
   * @param {number} x
   * @param {number} y
   * @param {number} ratio
   */
  #paintImage(context, item, x, y, ratio) {
    const { width, image: height } = this.#grid;
    const size = [Math.round(width * ratio), Math.round(height * ratio)];
    const thumbnail = this.#thumbnails.of(item, size[0] ?? 1, size[1] ?? 1);
    const [w, h_] = [thumbnail.width / ratio, thumbnail.height / ratio];
    const [left, top] = [x + (width - w) / 2, y + (height - h_) / 2];
    if (thumbnail.image) context.drawImage(thumbnail.image, left, top, w, h_);
    else paintFrame(context, left, top, w, h_, this.#colors);
    if (thumbnail.mask) context.drawImage(thumbnail.mask, left, top, w, h_);
    // If all are missing, the page says so once.
    if (thumbnail.state !== 'missing' || this.#thumbnails.areMissing) return;
    context.fillStyle = this.#colors.muted;
    context.font = '11px system-ui, sans-serif';
    context.fillText('no image', left + 8, top + h_ - 8);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Item} item
   * @param {number} x
   * @param {number} y
   */
  #paintText(context, item, x, y) {
    const { width } = this.#grid;
    const { text, muted, caution } = this.#colors;
    context.textBaseline = 'alphabetic';
    context.font = '600 14px system-ui, sans-serif';
    context.fillStyle = text;
    context.fillText(fitted(context, nameOf(item), width), x + 1, y + 19);
    context.font = '12px system-ui, sans-serif';
    const level = levelOf(item.suspicion);
    const words = item.area === 0 ? 'empty mask' : percent(item.areaShare);
    context.fillStyle = muted;
    const shown = fitted(context, item.split ? `${words} · ${item.split}` : words, width - 18);
    context.fillText(shown, x + 1, y + 36);
    if (level < 2) return;
    context.fillStyle = caution;
    context.beginPath();
    context.moveTo(x + width - 13, y + 37);
    context.lineTo(x + width - 7, y + 26);
    context.lineTo(x + width - 1, y + 37);
    context.fill();
  }

  /** @param {number} first @param {number} last */
  #placeOptions(first, last) {
    const known = [];
    for (let position = first; position <= last; position += 1)
      known.push(this.#pages.peek(position)?.id ?? '');
    const key = `${first} ${this.#grid.columns} ${this.#grid.width} ${known.join(' ')}`;
    if (key !== this.#drawnOptions) {
      this.#drawnOptions = key;
      fill(this.#options, ...known.map((_, index) => this.#option(first + index, first)));
    }
    const [, top = 0] = this.#placeOf(first);
    this.#options.style.transform = `translateY(${top}px)`;
    const active = document.getElementById(`item-${this.#cursor}`);
    for (const option of this.#options.querySelectorAll('[aria-selected=true]'))
      if (option !== active) option.setAttribute('aria-selected', 'false');
    active?.setAttribute('aria-selected', 'true');
    if (active) this.#list.setAttribute('aria-activedescendant', active.id);
    else this.#list.removeAttribute('aria-activedescendant');
  }

  /** @param {number} position @param {number} from Position of the first option. */
  #option(position, from) {
    const item = this.#pages.peek(position);
    const { columns, width, height, pitch } = this.#grid;
    const row = Math.floor(position / columns) - Math.floor(from / columns);
    const option = h('div', {
      id: `item-${position}`,
      class: 'item',
      role: 'option',
      'aria-selected': 'false',
      'aria-posinset': position + 1,
      'aria-setsize': this.#pages.count,
      'aria-label': item ? label(item) : 'Loading',
      title: item && levelOf(item.suspicion) > 1 && `Suspicion: ${LEVELS[levelOf(item.suspicion)]}`,
      'data-position': position,
    });
    option.style.left = `${GAP + (position % columns) * (width + GAP)}px`;
    option.style.width = `${width}px`;
    option.style.height = `${height}px`;
    option.style.top = `${row * pitch}px`;
    return option;
  }
}

/** @param {Event} event */
function positionOf(event) {
  const node = event.target instanceof Element ? event.target.closest('[data-position]') : null;
  return node instanceof HTMLElement ? Number(node.dataset.position) : null;
}

/**
 * Draws the outline of an image that is not there, on squares as behind transparent images.
 * @param {CanvasRenderingContext2D} context
 * @param {number} x
 * @param {number} y
 * @param {number} width
 * @param {number} height
 * @param {{ line: string, muted: string }} colors
 */
function paintFrame(context, x, y, width, height, { line }) {
  context.save();
  context.beginPath();
  context.rect(x, y, width, height);
  context.clip();
  context.fillStyle = line;
  context.globalAlpha = 0.5;
  const step = 10;
  for (let row = 0; row * step < height; row += 1)
    for (let column = row % 2; column * step < width; column += 2)
      context.fillRect(x + column * step, y + row * step, step, step);
  context.restore();
  context.strokeStyle = line;
  context.lineWidth = 1;
  context.strokeRect(x + 0.5, y + 0.5, width - 1, height - 1);
}

/**
 * Shortens a text until it fits.
 * @param {CanvasRenderingContext2D} context
 * @param {string} text
 * @param {number} width
 */
function fitted(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  let [low, high] = [0, Math.min(text.length, 80)];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (context.measureText(`${text.slice(0, middle)}…`).width <= width) low = middle;
    else high = middle - 1;
  }
  return `${text.slice(0, low)}…`;
}
