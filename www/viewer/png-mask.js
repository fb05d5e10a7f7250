/** @file Reads a mask from a PNG file: white on black, or opaque on transparent. */

import { encodeRle } from './module.js';

/** Maximum number of pixels. */
const MAX_PIXELS = 2 ** 26;
/** Offset of the width: after the signature, and the length and type of the first chunk. */
const WIDTH_AT = 16;
/** Maximum part of the pixels that are neither near black nor near white, as at smoothed edges. */
const MAX_GREY = 0.05;
/** The chunk that `pngOf` writes a text in. */
const COMMENT = 'iTXtComment\0\0\0\0\0';

/**
 * Returns the mask of a PNG with what its comment says of it, as `exported` writes that.
 * @param {Blob} file
 * @returns {Promise<object>}
 * @throws {RangeError} If the bitmap is too large or no mask.
 */
export async function maskOfPng(file) {
  const bytes = await file.arrayBuffer();
  const view = new DataView(bytes);
  if (view.byteLength < WIDTH_AT + 8) throw new RangeError('the PNG is cut off');
  const [width, height] = [view.getUint32(WIDTH_AT), view.getUint32(WIDTH_AT + 4)];
  if (width * height > MAX_PIXELS)
    throw new RangeError(`${width} × ${height} pixels are more than ${MAX_PIXELS}`);
  const pixels = await pixelsOf(file, width, height);
  const isInside = insideOf(pixels);
  return {
    ...factsIn(bytes),
    segmentation: encodeRle(height, width, boundariesOf(isInside, width)),
  };
}

/** @param {Blob} file @param {number} width @param {number} height */
async function pixelsOf(file, width, height) {
  const bitmap = await createImageBitmap(file, { colorSpaceConversion: 'none' });
  const context = new OffscreenCanvas(width, height).getContext('2d');
  if (!context) throw new RangeError('this browser has no memory for it');
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.getImageData(0, 0, width, height).data;
}

/**
 * Returns for each pixel whether it is in the mask: by its opacity where any pixel is transparent, else
 * by its lightness.
 * @param {Uint8ClampedArray} pixels Red, green, blue and opacity, row by row.
 */
function insideOf(pixels) {
  const isInside = new Uint8Array(pixels.length / 4);
  let [isTransparent, grey] = [false, 0];
  for (let at = 3; at < pixels.length; at += 4) isTransparent ||= pixels[at] === 0;
  for (let pixel = 0, at = 0; at < pixels.length; pixel += 1, at += 4) {
    // The greatest channel is that of a color's lightness.
    const value = isTransparent
      ? (pixels[at + 3] ?? 0)
      : Math.max(pixels[at] ?? 0, pixels[at + 1] ?? 0, pixels[at + 2] ?? 0);
    if (value > 31 && value < 224) grey += 1;
    isInside[pixel] = Number(value > 127);
  }
  if (!isInside.includes(1)) throw new RangeError('the PNG has no light pixel');
  if (grey > MAX_GREY * isInside.length) throw new RangeError('the PNG is not black and white');
  return isInside;
}

/**
 * Returns the column-major indices at which the value changes, first to one.
 * @param {Uint8Array} isInside Row by row.
 * @param {number} width
 */
function boundariesOf(isInside, width) {
  const height = isInside.length / width;
  const boundaries = [];
  let last = 0;
  for (let x = 0; x < width; x += 1) {
    for (let y = 0; y < height; y += 1) {
      const value = isInside[y * width + x] ?? 0;
      if (value !== last) boundaries.push(x * height + y);
      last = value;
    }
  }
  if (last) boundaries.push(isInside.length);
  return new Uint32Array(boundaries);
}

/** Returns what the comment says of the mask; nothing where there is none. @param {ArrayBuffer} bytes */
function factsIn(bytes) {
  const text = new TextDecoder('latin1').decode(bytes);
  const at = text.indexOf(COMMENT);
  if (at < 4) return {};
  const length = new DataView(bytes).getUint32(at - 4);
  const start = at + COMMENT.length;
  try {
    const end = Math.min(at + 'iTXt'.length + length, bytes.byteLength);
    const facts = JSON.parse(new TextDecoder().decode(bytes.slice(start, end)));
    return typeof facts === 'object' ? facts : {};
  } catch {
    // Another program's comment.
    return {};
  }
}
