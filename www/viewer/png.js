/**
 * @file Encodes grey and RGBA bitmaps as PNG (W3C PNG specification, third edition), compressed by the
 * browser. A canvas would premultiply the colors, and some browsers add noise to what it returns.
 */

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** The specification's color types, by bytes per pixel. */
const COLOR_TYPES = new Map([
  [1, 0],
  [4, 6],
]);

/**
 * Encodes a bitmap of 8 bits a channel.
 * @param {{ width: number, height: number, pixels: Uint8Array, text?: string }} bitmap Row by row; a
 *   byte a pixel is grey, four are red, green, blue and opacity. `text` is stored as its comment.
 */
export async function pngOf({ width, height, pixels, text }) {
  const channels = pixels.length / (width * height);
  const colorType = COLOR_TYPES.get(channels);
  if (colorType === undefined)
    throw new RangeError(
      `${pixels.length} bytes are no bitmap of ${width} × ${height} pixels, grey or RGBA`,
    );
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint8(8, 8);
  header.setUint8(9, colorType);
  const data = await deflated(filtered(pixels, width * channels));
  return new Blob(
    [
      new Uint8Array(SIGNATURE),
      chunk('IHDR', new Uint8Array(header.buffer)),
      ...(text ? [chunk('iTXt', new TextEncoder().encode(`Comment\0\0\0\0\0${text}`))] : []),
      chunk('IDAT', data),
      chunk('IEND', new Uint8Array(0)),
    ],
    { type: 'image/png' },
  );
}

/**
 * Returns the rows, each after the number of its filter: 0, none, which suits masks.
 * @param {Uint8Array} pixels
 * @param {number} stride Bytes a row.
 */
function filtered(pixels, stride) {
  const rows = pixels.length / stride;
  const bytes = new Uint8Array(rows * (stride + 1));
  for (let row = 0; row < rows; row += 1)
    bytes.set(pixels.subarray(row * stride, (row + 1) * stride), row * (stride + 1) + 1);
  return bytes;
}

/** Compresses in the zlib format, as IDAT needs it. @param {Uint8Array<ArrayBuffer>} bytes */
async function deflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/**
 * @param {string} type Four letters.
 * @param {Uint8Array} data
 */
function chunk(type, data) {
  const bytes = new Uint8Array(12 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(
    Array.from(type, (letter) => letter.charCodeAt(0)),
    4,
  );
  bytes.set(data, 8);
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)));
  return bytes;
}

/** @param {Uint8Array} bytes */
function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
