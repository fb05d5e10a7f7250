/** @file Reads a long selection by several workers at once, in its order. */

import { Source } from './source.js';
import { areaBinOf, levelOf } from './words.js';

/** @import { Filter, Item, Order } from './types' */

/** Number of consecutive records that one worker reads: fewer, and two workers unpack the same block. */
const SEGMENT = 256;
/** Maximum number of workers; each holds its own copy of the catalog's tables. */
const MAX_WORKERS = 4;
/** Least number of records for which opening more workers is worth its time. */
const MIN_RECORDS = 512;

/**
 * @template T
 * @typedef {(source: Source, items: Item[]) => Promise<T[]>} Convert Turns the items of a page into those
 *   of the result; it may ask the source that has just read them.
 */

/**
 * Opens workers that read a selection together, where that is quick and shares the work: a pack's records
 * are unpacked in blocks, which takes the most time. In another order than that of the rows the same
 * block would be unpacked for many of them, so the rows are read in their own order and sorted then.
 * @param {Source} source Has the selection.
 * @param {Filter} filter
 * @param {number} count Of the records that are read.
 * @param {boolean} isWhole Whether the selection has no more records.
 * @returns {Promise<{ sources: Source[], opened: Source[], order: Order | null }>} The sources to read
 *   from, those of them that the caller closes, and the order that the items are still to be brought to.
 */
export async function openReaders(source, filter, count, isWhole) {
  const { address, overview } = source;
  if (address === null || overview.source !== 'pack' || count < MIN_RECORDS)
    return { sources: [source], opened: [], order: null };
  const { order = 'entity', ...conditions } = filter;
  const isSorted = isWhole && order !== 'entity';
  const workers = Math.min(MAX_WORKERS, navigator.hardwareConcurrency || 1);
  const attempts = await Promise.allSettled(
    Array.from({ length: isSorted ? workers : workers - 1 }, () =>
      openSelected(address, isSorted ? conditions : filter),
    ),
  );
  // One that fails is missed by nobody: the source itself reports what is wrong.
  const opened = attempts.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  if (isSorted && opened.length > 0) return { sources: opened, opened, order };
  return { sources: isSorted ? [source] : [source, ...opened], opened, order: null };
}

/**
 * Brings items in the order of the rows to another order, as src/dataset/catalog/facets.rs ranks them.
 * @template {{ item: Item }} T
 * @param {T[]} rows
 * @param {Order} order
 */
export function inOrder(rows, order) {
  /** @param {T} row */
  const rank = ({ item }) => {
    if (order === 'suspicion') return -levelOf(item.suspicion);
    const bin = areaBinOf(item.areaShare);
    return order === 'largest' ? -bin : bin;
  };
  return order === 'entity' ? rows : rows.toSorted((a, b) => rank(a) - rank(b));
}

/** @param {string} address @param {Filter} filter */
async function openSelected(address, filter) {
  const source = await Source.open(address);
  try {
    await source.select(filter);
    return source;
  } catch (thrown) {
    source.close();
    throw thrown;
  }
}

/**
 * Reads the first records of the selection, each source a segment at a time.
 * @template T
 * @param {Source[]} sources All have the same selection.
 * @param {number} count
 * @param {{ step: number, convert: Convert<T>, signal: AbortSignal, progress: (done: number) => void }}
 *   options `step` is the number of records of a page.
 * @returns {AsyncGenerator<T[]>} The segments in their order.
 */
export async function* readInOrder(sources, count, { step, convert, signal, progress }) {
  let [done, next] = [0, 0];
  /** @param {Source} source @param {number} start */
  const read = async (source, start) => {
    const end = Math.min(count, start + SEGMENT);
    /** @type {T[]} */
    const result = [];
    for (let at = start; at < end; at += step) {
      signal.throwIfAborted();
      const items = await source.page(at, Math.min(step, end - at));
      result.push(...(await convert(source, items)));
      progress((done += items.length));
    }
    return result;
  };
  /** Segments that were begun, by their first record. @type {Map<number, Promise<T[]>>} */
  const segments = new Map();
  const begin = (/** @type {Source} */ source) => {
    if (next >= count) return;
    const segment = read(source, next);
    segments.set(next, segment);
    next += SEGMENT;
    // A failure is thrown when the segment's turn comes.
    segment.then(
      () => begin(source),
      () => {},
    );
  };
  sources.forEach(begin);
  for (let start = 0; start < count; start += SEGMENT) {
    // It was begun at the latest when the one before it was read.
    yield (await segments.get(start)) ?? [];
    segments.delete(start);
  }
}
