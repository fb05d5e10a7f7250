/** @file Brings an image to the size of its masks, where only a smaller or larger copy is at hand. */

import { bitmapOf, orientationOf } from '../viewer/image.js';
import { isSameShape } from './turned.js';

/** Least EXIF orientation that exchanges width and height. */
const SWAPPING = 5;

/**
 * @typedef {object} Fitted
 * @property {Blob | null} blob Null where the image has another shape than its masks.
 * @property {string} note A sentence if the image had another size.
 * @property {[number, number]} size Width and height as displayed, of the masks or exchanged.
 * @property {number} orientation The EXIF orientation where width and height are exchanged, else 1.
 */

/**
 * Returns the image at the size of its masks, also where its file turns it for display and they lie on it
 * as stored.
 * @param {Blob} blob
 * @param {[number, number]} stored Width and height of the masks.
 * @returns {Promise<Fitted>}
 */
export async function atSizeOfMasks(blob, stored) {
  const { bitmap } = await bitmapOf(blob, { imageOrientation: 'from-image' });
  const own = `${bitmap.width} × ${bitmap.height}`;
  try {
    const { size, orientation } = await frameIn(blob, [bitmap.width, bitmap.height], stored);
    const [width, height] = size;
    if (bitmap.width === width && bitmap.height === height)
      return { blob, note: '', size, orientation };
    if (!isSameShape([bitmap.width, bitmap.height], size)) {
      const note = `has ${own} pixels, and its masks are of ${width} × ${height}.`;
      return { blob: null, note, size, orientation };
    }
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext('2d');
    if (!context) return { blob, note: '', size, orientation };
    context.imageSmoothingQuality = 'high';
    context.drawImage(bitmap, 0, 0, width, height);
    return {
      blob: await canvas.convertToBlob({ type: 'image/png' }),
      note: `The image has ${own} pixels and is shown at the size of its masks, ${width} × ${height}.`,
      size,
      orientation,
    };
  } finally {
    bitmap.close();
  }
}

/**
 * Returns the frame of masks on an image as displayed.
 * @param {Blob} blob
 * @param {[number, number]} displayed
 * @param {[number, number]} masks
 * @returns {Promise<{ size: [number, number], orientation: number }>}
 */
async function frameIn(blob, displayed, masks) {
  const [width, height] = masks;
  if (isSameShape(displayed, masks) || !isSameShape(displayed, [height, width]))
    return { size: masks, orientation: 1 };
  const orientation = await orientationOf(blob);
  return orientation < SWAPPING
    ? { size: masks, orientation: 1 }
    : { size: [height, width], orientation };
}
