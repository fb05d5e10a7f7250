/** @file Addresses of images from a template. */

import { webAddress } from '../demo/links.js';

/** @import { Item } from './types' */
/** @typedef {Pick<Item, 'file' | 'url' | 'imageId'>} Named */

/**
 * Fills in a template of addresses.
 * @param {string} template With `{file_name}` or `{image_id}`; without either, a prefix of file names.
 * @param {Named} item
 * @param {string} [base] Address that a relative template begins at.
 * @returns {string | null} Null where the item lacks what the template needs.
 */
export function addressIn(template, { file, imageId }, base = document.baseURI) {
  const whole = /\{(file_name|image_id)\}/.test(template)
    ? template
    : `${template.replace(/\/*$/, '')}/{file_name}`;
  if (whole.includes('{file_name}') && !file) return null;
  const path = (file ?? '').replace(/^\/+/, '').split('/').map(encodeURIComponent).join('/');
  const filled = whole
    .replaceAll('{file_name}', () => path)
    .replaceAll('{image_id}', () => encodeURIComponent(imageId));
  return URL.canParse(filled, base) ? webAddress(new URL(filled, base).href) : null;
}
