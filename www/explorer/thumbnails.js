/** @file Loads and keeps the small bitmaps of the gallery: images, and masks at their size. */

import { bitmapOf, orientationOf } from '../viewer/image.js';
import { maskImage } from './masks.js';
import { mayBeTurned, turnedWith } from './turned.js';

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
 * @property {Item} item Its mask as it lies on the image as displayed.
 * @property {[number, number]} cell Width and height of the cell in pixels of the canvas.
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
    /** @type {Thumbnail} */
    const thumbnail = {
      image: null,
      mask: null,
      item,
      cell: [width, height],
      ...fitted(item.size ?? item.maskSize, [width, height]),
      state: 'waiting',
    };
    this.#kept.set(item.row, thumbnail);
    this.#wantMask(item);
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

  /** @param {Item} item */
  #wantMask(item) {
    if (item.area === 0) return;
    if (this.#undrawn.size === 0) requestAnimationFrame(() => this.#drawMasks());
    this.#undrawn.set(item.row, item);
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
    if (this.#kept.get(item.row) !== thumbnail || thumbnail.item !== item) return bitmap.close();
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
      const loaded = found === null ? null : await loadedImage(found);
      const turned = loaded && (await turnedItem(item, found, loaded));
      const size = turned ? fitted(turned.maskSize, thumbnail.cell) : thumbnail;
      const bitmap = loaded && (await smallBitmap(loaded, size));
      if (generation !== this.#generation || this.#kept.get(item.row) !== thumbnail)
        return bitmap?.close();
      thumbnail.image = bitmap;
      if (turned) this.#turn(thumbnail, turned);
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

  /** Draws another mask, on an image that is turned. @param {Thumbnail} thumbnail @param {Item} item */
  #turn(thumbnail, item) {
    thumbnail.mask?.close();
    Object.assign(thumbnail, { item, mask: null, ...fitted(item.maskSize, thumbnail.cell) });
    this.#wantMask(item);
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
 * Returns the width and height of an image that is fitted into a cell.
 * @param {[number, number]} size Height and width of the image.
 * @param {[number, number]} cell Width and height.
 */
function fitted([imageHeight, imageWidth], [width, height]) {
  const scale = Math.min(width / imageWidth, height / imageHeight);
  return {
    width: Math.max(1, Math.round(imageWidth * scale)),
    height: Math.max(1, Math.round(imageHeight * scale)),
  };
}

/**
 * Loads an image. An `<img>` shows images of servers, too, that do not allow requests of other pages; the
 * canvas is never read.
 * @param {File | string} source
 */
async function loadedImage(source) {
  if (typeof source !== 'string') return source;
  const image = new Image();
  image.decoding = 'async';
  image.src = source;
  await image.decode();
  return image;
}

/**
 * Returns the item with its mask turned with the image; null where it lies on the image as it is.
 * @param {Item} item
 * @param {File | string | null} source
 * @param {File | HTMLImageElement} loaded
 */
async function turnedItem(item, source, loaded) {
  if (loaded instanceof File) return turnedInFile(item, loaded);
  const { naturalWidth, naturalHeight } = loaded;
  if (typeof source !== 'string' || !mayBeTurned(item, [naturalWidth, naturalHeight])) return null;
  // The element does not tell how its file is turned. A server that forbids to read it leaves the mask.
  const response = await fetch(source).catch(() => null);
  if (!response?.ok) return null;
  const turned = await turnedWith(item, await response.blob(), [naturalWidth, naturalHeight]);
  return turned === item ? null : turned;
}

/** @param {Item} item @param {File} file */
async function turnedInFile(item, file) {
  if ((await orientationOf(file)) === 1) return null;
  const { bitmap } = await bitmapOf(file, {});
  const { width, height } = bitmap;
  bitmap.close();
  const turned = await turnedWith(item, file, [width, height]);
  return turned === item ? null : turned;
}

/**
 * Draws an image at the size of its thumbnail.
 * @param {File | HTMLImageElement} loaded
 * @param {{ width: number, height: number }} size
 */
async function smallBitmap(loaded, { width, height }) {
  /** @type {ImageBitmapOptions} */
  const options = { resizeWidth: width, resizeHeight: height, resizeQuality: 'medium' };
  if (loaded instanceof File) return (await bitmapOf(loaded, options)).bitmap;
  return createImageBitmap(loaded, options);
}
