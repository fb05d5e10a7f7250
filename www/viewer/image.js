/**
 * @file Loads an image: its bytes, its bitmap as displayed, and the hash that names it to the
 * endpoint.
 */

import { exifOrientation, sha256Hex, turnedMask } from '../pkg/viewer.js';
import { hexOf } from '../worker/hex.js';
import { ViewerError } from './errors.js';
import { loadViewer } from './module.js';

/**
 * Maximum bytes of an encoded image; a larger one is not decoded, nor read where its server states the
 * size.
 */
export const MAX_IMAGE_BYTES = 64 * 1024 * 1024;
/** The beginning of an image's file in which its EXIF data lies. */
const HEAD_BYTES = 1 << 20;
/** Maximum pixels of an image, checked once it is decoded. */
export const MAX_IMAGE_PIXELS = 100_000_000;
/**
 * Maximum side of an image in pixels: `MAX_SIDE` of src/render/scene.rs, which a test compares.
 */
const MAX_IMAGE_SIDE = 32_767;

/**
 * @typedef {object} OpenImage
 * @property {string} key Names the image in events.
 * @property {ImageBitmap} bitmap As displayed: turned as its EXIF data says.
 * @property {Blob} blob As encoded.
 * @property {number} orientation Of its EXIF data, 1 to 8; 1 where it is displayed as stored.
 * @property {boolean} isCutOff Whether it is a JPEG of which only the beginning is there.
 * @property {string} sha256 Of the encoded bytes, in lower-case hexadecimal.
 */

/**
 * @param {string} address
 * @param {AbortSignal} signal
 * @returns {Promise<Blob>}
 */
export async function fetchImage(address, signal) {
  let response;
  try {
    response = await fetch(address, { signal });
  } catch (cause) {
    if (signal.aborted) throw cause;
    throw new ViewerError(
      'image-unreachable',
      `The image ${address} could not be fetched. ` +
        'Check the address, and that its server allows requests from other sites (CORS).',
      { cause },
    );
  }
  if (!response.ok) {
    throw new ViewerError(
      'image-missing',
      `The image ${address} could not be fetched: the server returned ${response.status}.`,
    );
  }
  const length = Number(response.headers.get('content-length') ?? 0);
  if (length > MAX_IMAGE_BYTES) {
    await response.body?.cancel();
    throw tooLarge(length);
  }
  try {
    return await response.blob();
  } catch (cause) {
    if (signal.aborted) throw cause;
    throw new ViewerError(
      'image-unreachable',
      `The download of the image ${address} was interrupted; try again.`,
      { cause },
    );
  }
}

/**
 * @param {Blob} blob
 * @param {string} key
 * @returns {Promise<OpenImage>}
 */
export async function decodeImage(blob, key) {
  if (blob.size > MAX_IMAGE_BYTES) throw tooLarge(blob.size);
  let bitmap;
  let isCutOff = false;
  try {
    ({ bitmap, isCutOff } = await bitmapOf(blob, {
      imageOrientation: 'from-image',
      premultiplyAlpha: 'premultiply',
      colorSpaceConversion: 'default',
    }));
  } catch (cause) {
    throw new ViewerError(
      'image-unreadable',
      'This is not an image the browser can read; use JPEG, PNG, WebP, GIF or AVIF.',
      { cause },
    );
  }
  if (bitmap.width * bitmap.height > MAX_IMAGE_PIXELS) {
    bitmap.close();
    throw new ViewerError(
      'image-too-large',
      `The image has more than ${MAX_IMAGE_PIXELS / 1e6} million pixels. Scale it down first.`,
    );
  }
  if (Math.max(bitmap.width, bitmap.height) > MAX_IMAGE_SIDE) {
    bitmap.close();
    throw new ViewerError(
      'image-too-large',
      `A side of the image has more than ${MAX_IMAGE_SIDE.toLocaleString('en')} pixels. Scale it down first.`,
    );
  }
  if (!(await isJpeg(blob))) bitmap = overGround(bitmap);
  const [orientation, hash] = await Promise.all([orientationOf(blob), sha256(blob)]);
  return { key, bitmap, blob, orientation, isCutOff, sha256: hash };
}

/**
 * Decodes an image, also a JPEG that is cut off: browsers refuse one without its end marker, and fill what
 * is missing where the marker is there.
 * @param {Blob} blob
 * @param {ImageBitmapOptions} options
 * @returns {Promise<{ bitmap: ImageBitmap, isCutOff: boolean }>}
 */
export async function bitmapOf(blob, options) {
  try {
    return { bitmap: await createImageBitmap(blob, options), isCutOff: false };
  } catch (thrown) {
    if (!(await isJpeg(blob))) throw thrown;
    const ended = new Blob([blob, Uint8Array.of(0xff, 0xd9)]);
    return { bitmap: await createImageBitmap(ended, options), isCutOff: true };
  }
}

/**
 * Returns the EXIF orientation by which browsers turn an image: those of JPEG and PNG.
 * @param {Blob} blob
 */
export async function orientationOf(blob) {
  const head = new Uint8Array(await blob.slice(0, HEAD_BYTES).arrayBuffer());
  if (head[0] !== 0xff && head[0] !== 0x89) return 1;
  await loadViewer();
  return exifOrientation(head);
}

/**
 * Returns the run boundaries of a mask on an image as displayed, where its size says that it lies on the
 * image as stored; null where it does not.
 * @param {{ maskSize: [number, number], boundaries: Uint32Array }} mask
 * @param {{ width: number, height: number, orientation: number }} image As displayed.
 */
export async function turnedBoundaries({ maskSize, boundaries }, { width, height, orientation }) {
  await loadViewer();
  return turnedMask(...maskSize, boundaries, width, height, orientation) ?? null;
}

/** Tells a JPEG, which has no transparency, by its first bytes. @param {Blob} blob */
async function isJpeg(blob) {
  const [first, second] = new Uint8Array(await blob.slice(0, 2).arrayBuffer());
  return first === 0xff && second === 0xd8;
}

/**
 * Returns the image over white, so that what is seen, segmented and linked is the same; the server
 * decodes images over the same ground (src/cli/decoded_image.rs).
 * @param {ImageBitmap} bitmap It is closed.
 */
function overGround(bitmap) {
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext('2d', { alpha: false });
  if (!context) return bitmap;
  context.fillStyle = '#fff';
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return canvas.transferToImageBitmap();
}

/** @param {number} bytes */
function tooLarge(bytes) {
  return new ViewerError(
    'image-too-large',
    `The image has ${Math.round(bytes / 2 ** 20)} MiB; at most ${MAX_IMAGE_BYTES / 2 ** 20} are allowed.`,
  );
}

/**
 * @param {Blob} blob
 * @returns {Promise<string>}
 */
async function sha256(blob) {
  const bytes = await blob.arrayBuffer();
  if (!globalThis.crypto?.subtle) {
    // A page that is no secure context lacks it.
    await loadViewer();
    return sha256Hex(new Uint8Array(bytes));
  }
  return hexOf(await crypto.subtle.digest('SHA-256', bytes));
}
