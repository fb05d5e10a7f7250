/** @file Brings an image to the size of its masks, where only a smaller or larger copy is at hand. */

import { bitmapOf } from '../viewer/image.js';

/** Maximum ratio of two aspect ratios that are taken for the same, besides the rounding to pixels. */
const MAX_STRETCH = 1.02;

/**
 * Returns the image at the size of its masks, and with `note` a sentence if it had another.
 * @param {Blob} blob
 * @param {[number, number]} size Width and height of the masks.
 * @returns {Promise<{ blob: Blob | null, note: string }>} Null where its shape is another.
 */
export async function atSizeOfMasks(blob, [width, height]) {
  const { bitmap } = await bitmapOf(blob, { imageOrientation: 'from-image' });
  const own = `${bitmap.width} × ${bitmap.height}`;
  const stretch = (bitmap.width * height) / (bitmap.height * width);
  try {
    if (bitmap.width === width && bitmap.height === height) return { blob, note: '' };
    const rounding = 1 + 1 / Math.min(bitmap.width, bitmap.height);
    if (Math.max(stretch, 1 / stretch) > MAX_STRETCH * rounding)
      return { blob: null, note: `has ${own} pixels, and its masks are of ${width} × ${height}.` };
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext('2d');
    if (!context) return { blob, note: '' };
    context.imageSmoothingQuality = 'high';
    context.drawImage(bitmap, 0, 0, width, height);
    return {
      blob: await canvas.convertToBlob({ type: 'image/png' }),
      note: `The image has ${own} pixels and is shown at the size of its masks, ${width} × ${height}.`,
    };
  } finally {
    bitmap.close();
  }
}
