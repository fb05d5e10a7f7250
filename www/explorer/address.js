/**
 * @file The exact view as the part of the address after `#`, so that a link shows the same. Anyone may
 *   have typed it: unknown keys and malformed values are left out.
 */

import { parseAddress } from '../demo/address.js';
import { AREA_BINS, COMPONENTS, LEVELS, ORDERS } from './words.js';

/** @import { Filter, Order } from './types' */
/** @typedef {import('../demo/address.js').View} View */

/**
 * @typedef {object} Place
 * @property {string | null} source Address of the source; null is the samples, or a file.
 * @property {string | null} file Name of an opened file of a computer, which an address cannot open.
 * @property {string | null} images Template of the images' addresses.
 * @property {Filter} filter
 * @property {'gallery' | 'plots'} show
 * @property {number} at Position in the selection: of the open record, or the gallery's first one.
 * @property {string | null} record Id of the open record.
 * @property {View | null} view View of the image; null fits it.
 * @property {string | null} mask Id of the selected mask where it is not the record's.
 */

/**
 * Reads a place.
 * @param {string} hash
 * @returns {Place}
 */
export function parsePlace(hash) {
  const parameters = new URLSearchParams(hash.replace(/^#/, ''));
  const text = (/** @type {string} */ name) => parameters.get(name) || null;
  const { view, mask } = parseAddress(hash);
  return {
    source: text('source'),
    file: text('file'),
    images: text('images'),
    filter: filterIn(parameters),
    show: parameters.get('show') === 'plots' ? 'plots' : 'gallery',
    at: wholeIn(parameters.get('at'), Number.MAX_SAFE_INTEGER) ?? 0,
    record: text('record'),
    view,
    mask,
  };
}

/** @param {URLSearchParams} parameters */
function filterIn(parameters) {
  /** @type {Filter} */
  const filter = {};
  for (const name of /** @type {const} */ (['entity', 'finding'])) {
    const value = parameters.get(name);
    if (value) filter[name] = value;
  }
  // An empty one is that of the annotations without a split.
  const split = parameters.get('split');
  if (split !== null) filter.split = split;
  const seen = parameters.get('seen');
  if (seen === 'true' || seen === 'false') filter.seen = seen === 'true';
  const bins = (parameters.get('area') ?? '').split('-').map((bin) => wholeIn(bin, AREA_BINS - 1));
  const [first, last] = bins.length === 1 ? [bins[0], bins[0]] : bins;
  if (bins.length <= 2 && first !== undefined && last !== undefined && first <= last)
    filter.area = [first, last];
  const components = wholeIn(parameters.get('components'), COMPONENTS.length - 1);
  if (components !== undefined) filter.components = components;
  const suspicion = wholeIn(parameters.get('suspicion'), LEVELS.length - 1);
  if (suspicion) filter.suspicion = suspicion;
  const order = parameters.get('order');
  if (order && order !== 'entity' && Object.hasOwn(ORDERS, order))
    filter.order = /** @type {Order} */ (order);
  return filter;
}

/**
 * Returns the text after `#`; {@link parsePlace} reads it back.
 * @param {Place} place
 */
export function formatPlace({ source, file, images, filter, show, at, record, view, mask }) {
  /** @type {[string, string | number | boolean | null | undefined][]} */
  const parts = [
    ['source', source],
    ['file', file],
    ['images', images],
    ['entity', filter.entity],
    ['split', filter.split],
    ['seen', filter.seen],
    ['area', filter.area?.join('-')],
    ['components', filter.components],
    ['suspicion', filter.suspicion],
    ['finding', filter.finding],
    ['order', filter.order],
    ['show', show === 'plots' ? show : null],
    ['at', at || null],
    ['record', record],
    ['view', view && `${view.x.toFixed(1)},${view.y.toFixed(1)},${view.scale.toFixed(4)}`],
    ['mask', mask],
  ];
  return parts
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => `${name}=${encoded(String(value))}`)
    .join('&');
}

/** Encodes a value, but leaves what reads better in an address. @param {string} text */
function encoded(text) {
  return encodeURIComponent(text)
    .replaceAll('%2F', '/')
    .replaceAll('%3A', ':')
    .replaceAll('%2C', ',')
    .replaceAll('%7B', '{')
    .replaceAll('%7D', '}');
}

/** Returns the whole number from 0 to `max` in a text. @param {string | null} text @param {number} max */
function wholeIn(text, max) {
  if (text === null || !/^\d{1,15}$/.test(text)) return undefined;
  const value = Number(text);
  return value <= max ? value : undefined;
}
