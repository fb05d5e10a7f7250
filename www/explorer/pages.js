/** @file Keeps the items of a selection in chunks, and loads those that are needed. */

/** @import { Item } from './types' */

/** Number of items that are loaded at a time. */
export const CHUNK = 48;
/** Maximum number of chunks that are kept; the least recently used is dropped first. */
const MAX_CHUNKS = 40;
/** Maximum number of chunks that load at the same time. */
const MAX_LOADING = 3;

/** The items of the current selection. */
export class Pages {
  #changed;
  #failed;
  /** @type {((start: number, count: number) => Promise<Item[]>) | null} */
  #read = null;
  /** @type {Map<number, Item[]>} */
  #chunks = new Map();
  /** @type {Set<number>} */
  #loading = new Set();
  /** Counts selections, so that what was loading for an earlier one is dropped. */
  #generation = 0;
  count = 0;

  /**
   * @param {() => void} changed Called when more items are there.
   * @param {(thrown: unknown) => void} failed
   */
  constructor(changed, failed) {
    this.#changed = changed;
    this.#failed = failed;
  }

  /**
   * Forgets the items and reads those of another selection from now on.
   * @param {number} count
   * @param {((start: number, count: number) => Promise<Item[]>) | null} read
   */
  use(count, read) {
    this.#generation += 1;
    this.#chunks.clear();
    this.#loading.clear();
    this.count = count;
    this.#read = read;
  }

  /** Returns the item at a position if it is there. @param {number} position */
  peek(position) {
    const number = Math.floor(position / CHUNK);
    const chunk = this.#chunks.get(number);
    if (!chunk) return undefined;
    this.#chunks.delete(number);
    this.#chunks.set(number, chunk);
    return chunk[position - number * CHUNK];
  }

  /** Loads the items between two positions, both included. @param {number} first @param {number} last */
  need(first, last) {
    for (let number = Math.floor(first / CHUNK); number * CHUNK <= last; number += 1) {
      if (number * CHUNK >= this.count || this.#chunks.has(number)) continue;
      if (this.#loading.size >= MAX_LOADING) return;
      if (!this.#loading.has(number)) this.#load(number).then(this.#changed, this.#failed);
    }
  }

  /** Returns the item at a position, and loads it first if necessary. @param {number} position */
  async at(position) {
    if (position < 0 || position >= this.count) return undefined;
    if (!this.peek(position)) await this.#load(Math.floor(position / CHUNK));
    return this.peek(position);
  }

  /** @param {number} number */
  async #load(number) {
    const generation = this.#generation;
    this.#loading.add(number);
    try {
      const items = await this.#read?.(number * CHUNK, CHUNK);
      if (!items || generation !== this.#generation) return;
      this.#chunks.set(number, items);
      for (const oldest of this.#chunks.keys()) {
        if (this.#chunks.size <= MAX_CHUNKS) break;
        this.#chunks.delete(oldest);
      }
    } finally {
      if (generation === this.#generation) this.#loading.delete(number);
    }
  }
}
