/** @file Turns masks with images whose files say that they are turned for display. */

import { orientationOf, turnedBoundaries } from '../viewer/image.js';

/** @import { Item } from './types' */
/** @typedef {{ maskSize: [number, number], boundaries: Uint32Array }} Mask */

/** Maximum ratio of two aspect ratios that are taken for the same, besides the rounding to pixels. */
const MAX_STRETCH = 1.02;

/**
 * Whether two sizes have one shape, as an image and a smaller copy of it.
 * @param {[number, number]} one
 * @param {[number, number]} other
 */
export function isSameShape([width, height], [otherWidth, otherHeight]) {
  const stretch = (width * otherHeight) / (height * otherWidth);
  const rounding = 1 + 1 / Math.min(width, height);
  return Math.max(stretch, 1 / stretch) <= MAX_STRETCH * rounding;
}

/**
 * Whether a mask may lie on an image as stored, whose width and height are exchanged for display.
 * @param {Mask} mask
 * @param {[number, number]} displayed Width and height of the image or of a copy of it.
 */
export function mayBeTurned({ maskSize: [height, width] }, displayed) {
  return isSameShape(displayed, [height, width]) && !isSameShape(displayed, [width, height]);
}

/**
 * Returns the mask as it lies on the image as displayed: another one where the file turns the image and
 * the mask lies on it as stored.
 * @template {Mask} T
 * @param {T} mask
 * @param {Blob} blob The encoded image, or its beginning.
 * @param {[number, number]} displayed Width and height of the image or of a copy of it.
 * @returns {Promise<T>}
 */
export async function turnedWith(mask, blob, displayed) {
  if (!mayBeTurned(mask, displayed)) return mask;
  const [width, height] = mask.maskSize;
  return turnedBy(mask, { width, height, orientation: await orientationOf(blob) });
}

/**
 * Does the same for an image whose size as displayed and EXIF orientation are known.
 * @template {Mask} T
 * @param {T} mask
 * @param {{ width: number, height: number, orientation: number }} image
 * @returns {Promise<T>}
 */
export async function turnedBy(mask, image) {
  const boundaries = await turnedBoundaries(mask, image);
  return boundaries ? { ...mask, maskSize: [image.height, image.width], boundaries } : mask;
}
