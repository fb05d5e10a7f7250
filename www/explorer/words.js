/** @file Words and numbers of the explorer, as people read them. */

/** @import { Item, Order } from './types' */

/** Levels of suspicion, from 0. */
export const LEVELS = ['none', 'low', 'medium', 'high', 'very high'];
/** Bins of the number of separate parts. */
export const COMPONENTS = ['no part', 'one part', '2 parts', '3 to 5', '6 to 10', 'over 10'];
/** Number of bins of the area share: one for empty masks, and 20 of 5 % each. */
export const AREA_BINS = 21;

/** @type {Record<Order, string>} */
export const ORDERS = {
  entity: 'By entity (QID)',
  suspicion: 'Highest suspicion level first',
  largest: 'Largest first, in steps of 5 %',
  smallest: 'Smallest first, in steps of 5 %',
};

/** @param {number} count */
export function number(count) {
  return count.toLocaleString('en');
}

/** Returns a count with its noun. @param {number} count @param {string} one @param {string} [many] */
export function countOf(count, one, many = `${one}s`) {
  return `${number(count)} ${count === 1 ? one : many}`;
}

/** @param {number} share From 0 to 1. */
export function percent(share) {
  if (share === 0) return '0 %';
  const value = share * 100;
  if (value < 0.1) return 'under 0.1 %';
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} %`;
}

/** Returns the area of a mask. @param {Item} item */
export function areaWords({ area, areaShare }) {
  return `${number(area)} px, ${percent(areaShare)} of the image`;
}

/** Returns the name of an item's entity. @param {{ title: string, qid: string }} item */
export function nameOf({ title, qid }) {
  return title || qid || 'no name';
}

/** @param {number} count */
export function bytes(count) {
  if (count < 1e3) return `${count} B`;
  if (count < 1e6) return `${(count / 1e3).toFixed(0)} KB`;
  if (count < 1e9) return `${(count / 1e6).toFixed(count < 1e7 ? 1 : 0)} MB`;
  return `${(count / 1e9).toFixed(2)} GB`;
}

/** @param {number} seconds */
export function duration(seconds) {
  if (seconds < 1) return 'under a second';
  if (seconds < 90) return countOf(Math.round(seconds), 'second');
  return countOf(Math.round(seconds / 60), 'minute');
}

/** Returns the interval of a bin of area shares. @param {number} bin */
export function areaBin(bin) {
  return bin === 0 ? 'empty' : `${(bin - 1) * 5}–${bin * 5} %`;
}

/** Returns the bin of an area share, as src/dataset/catalog/facets.rs does. @param {number} share */
export function areaBinOf(share) {
  // In single precision, as there.
  return Math.min(AREA_BINS - 1, Math.ceil(Math.fround(Math.fround(share) * 20)));
}

/** Returns the level of a suspicion, as src/dataset/catalog/facets.rs does. @param {number} suspicion */
export function levelOf(suspicion) {
  return Math.min(4, Math.max(0, Math.ceil(suspicion * 4)));
}

/** Returns a code as words. @param {string} code */
export function finding(code) {
  return code.replaceAll('-', ' ').replaceAll('_', ' ');
}

/** Describes an item for screen readers. @param {Item} item */
export function label(item) {
  return [
    nameOf(item),
    item.split,
    item.area === 0 ? 'empty mask' : `${percent(item.areaShare)} of the image`,
    `suspicion ${LEVELS[levelOf(item.suspicion)]}`,
  ]
    .filter(Boolean)
    .join(', ');
}
