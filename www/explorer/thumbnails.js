/** @file Loads and keeps the small bitmaps of the gallery: images, and masks at their size. */

import { bitmapOf } from '../viewer/image.js';
import { maskImage } from './masks.js';

/** @import { Item } from './types' */
/** @typedef {import('./images.js').Images} Images */

/** Maximum number of thumbnails that are kept; the least recently drawn is closed first. */
const MAX_KEPT = 300;
/** Milliseconds of a frame that masks are drawn in. */
const MASK_BUDGET = 6;
/** Maximum number of images that load at the same time. */
const MAX_LOADING = 6;

/**
 * @typedef {object} Thumbnail
 * @property {ImageBitmap | null} image Null while it loads, or where it cannot be loaded.
 * @property {ImageBitmap | null} mask
 * @property {number} width Of the fitted image, in pixels of the canvas.
 * @property {number} height
 * @property {'waiting' | 'loading' | 'there' | 'missing'} state
 */

/** Thumbnails by row, in the order in which they were last drawn. */
export class Thumbnails {
  #images;
  #changed;
  #noneLoaded;
  /** @type {Map<number, Thumbnail>} */
  #kept = new Map();
  /** Items whose image is to be loaded, the most wanted last. @type {Map<number, Item>} */
  #wanted = new Map();
  /** Items whose mask is to be drawn. @type {Map<number, Item>} */
  #undrawn = new Map();
  #loading = 0;
  /** Whether an image was loaded since the last clearing. */
  #hasLoaded = false;
  /** The item that stands for images of which none could be loaded. @type {Item | null} */
  #missing = null;
  /** Counts clearings, so that what was loading before one is dropped. */
  #generation = 0;

  /**
   * @param {Images} images
   * @param {() => void} changed Called when another thumbnail can be drawn.
   * @param {(item: Item | null) => void} [noneLoaded] Called with one of the items when all images that
   *   were wanted are missing, and with null once that has changed.
   */
  constructor(images, changed, noneLoaded = () => {}) {
    this.#images = images;
    this.#changed = changed;
    this.#noneLoaded = noneLoaded;
  }

  /** Whether all images that were wanted are missing. */
  get areMissing() {
    return this.#missing !== null;
  }

  /** Number of thumbnails kept. */
  get size() {
    return this.#kept.size;
  }

  /**
   * Returns the thumbnail of an item, of which a part may be missing yet.
   * @param {Item} item
   * @param {number} width Of the cell in pixels of the canvas.
   * @param {number} height
   */
  of(item, width, height) {
    const kept = this.#kept.get(item.row);
    if (kept) {
      this.#kept.delete(item.row);
      this.#kept.set(item.row, kept);
      if (kept.state === 'waiting') this.#want(item);
      return kept;
    }
    const [imageHeight, imageWidth] = item.size ?? item.maskSize;
    const scale = Math.min(width / imageWidth, height / imageHeight);
    /** @type {Thumbnail} */
    const thumbnail = {
      image: null,
      mask: null,
      width: Math.max(1, Math.round(imageWidth * scale)),
      height: Math.max(1, Math.round(imageHeight * scale)),
      state: 'waiting',
    };
    this.#kept.set(item.row, thumbnail);
    if (item.area > 0) {
      if (this.#undrawn.size === 0) requestAnimationFrame(() => this.#drawMasks());
      this.#undrawn.set(item.row, item);
    }
    this.#want(item);
    this.#evict();
    return thumbnail;
  }

  /** Forgets which images are wanted; those that are drawn next are wanted again. */
  unwant() {
    this.#wanted.clear();
  }

  /** Closes all of them. */
  clear() {
    this.#generation += 1;
    this.#hasLoaded = false;
    this.#setMissing(null);
    this.#wanted.clear();
    this.#undrawn.clear();
    for (const thumbnail of this.#kept.values()) close(thumbnail);
    this.#kept.clear();
  }

  /** @param {Item} item */
  #want(item) {
    this.#wanted.delete(item.row);
    this.#wanted.set(item.row, item);
    queueMicrotask(() => this.#loadNext());
  }

  /** Draws as many masks as fit in a frame, and the others in the next ones. */
  #drawMasks() {
    const start = performance.now();
    for (const [row, item] of this.#undrawn) {
      if (performance.now() - start > MASK_BUDGET) break;
      this.#undrawn.delete(row);
      const thumbnail = this.#kept.get(row);
      if (thumbnail) this.#drawMask(item, thumbnail);
    }
    if (this.#undrawn.size > 0) requestAnimationFrame(() => this.#drawMasks());
  }

  /** @param {Item} item @param {Thumbnail} thumbnail */
  async #drawMask(item, thumbnail) {
    const { width, height } = thumbnail;
    const bitmap = await createImageBitmap(maskImage(item, width, height));
    if (this.#kept.get(item.row) !== thumbnail) return bitmap.close();
    thumbnail.mask = bitmap;
    this.#changed();
  }

  #loadNext() {
    for (const [row, item] of this.#wanted) {
      if (this.#loading >= MAX_LOADING) return;
      this.#wanted.delete(row);
      const thumbnail = this.#kept.get(row);
      if (thumbnail?.state === 'waiting') this.#load(item, thumbnail);
    }
  }

  /** @param {Item} item @param {Thumbnail} thumbnail */
  async #load(item, thumbnail) {
    thumbnail.state = 'loading';
    this.#loading += 1;
    const generation = this.#generation;
    try {
      const found = this.#images.findSmall(item);
      const bitmap = found === null ? null : await smallBitmap(found, thumbnail);
      if (generation !== this.#generation || this.#kept.get(item.row) !== thumbnail)
        return bitmap?.close();
      thumbnail.image = bitmap;
      thumbnail.state = bitmap ? 'there' : 'missing';
    } catch {
      thumbnail.state = 'missing';
    } finally {
      this.#loading -= 1;
      this.#changed();
      this.#loadNext();
      if (generation === this.#generation) this.#judge(item, thumbnail.state === 'there');
    }
  }

  /** Notes whether images are missing, after one was tried. @param {Item} item @param {boolean} isThere */
  #judge(item, isThere) {
    if (isThere) {
      this.#hasLoaded = true;
      this.#setMissing(null);
    } else if (this.#loading === 0 && !this.#hasLoaded && !this.#missing) {
      this.#setMissing(item);
    }
  }

  /** @param {Item | null} item */
  #setMissing(item) {
    if (this.#missing === item) return;
    this.#missing = item;
    this.#noneLoaded(item);
  }

  #evict() {
    for (const [row, thumbnail] of this.#kept) {
      if (this.#kept.size <= MAX_KEPT) return;
      close(thumbnail);
      this.#kept.delete(row);
    }
  }
}

/** @param {Thumbnail} thumbnail */
function close({ image, mask }) {
  image?.close();
  mask?.close();
}

/**
 * Decodes an image at the size of its thumbnail. An `<img>` shows images of servers, too, that do not
 * allow requests of other pages; the canvas is never read.
 * @param {File | string} source
 * @param {{ width: number, height: number }} size
 */
async function smallBitmap(source, { width, height }) {
  /** @type {ImageBitmapOptions} */
  const options = { resizeWidth: width, resizeHeight: height, resizeQuality: 'medium' };
  if (typeof source !== 'string') return (await bitmapOf(source, options)).bitmap;
  const image = new Image();
  image.decoding = 'async';
  image.src = source;
  await image.decode();
  return createImageBitmap(image, options);
}
