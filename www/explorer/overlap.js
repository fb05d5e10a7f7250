/** @file Compares masks by their runs. */

/**
 * Returns the boundaries of COCO's compressed run lengths (cocoapi, maskApi.c, `rleFrString`).
 * @param {{ counts: string }} rle
 */
export function boundariesOf({ counts }) {
  /** @type {number[]} */
  const runs = [];
  for (let at = 0; at < counts.length;) {
    let [value, shift, bits] = [0, 0, 0];
    do {
      bits = counts.charCodeAt(at) - 48;
      value |= (bits & 31) << shift;
      at += 1;
      shift += 5;
    } while (bits & 32);
    if (bits & 16) value |= -1 << shift;
    runs.push(runs.length > 2 ? value + (runs.at(-2) ?? 0) : value);
  }
  let end = 0;
  return Uint32Array.from(runs, (run) => (end += run));
}

/**
 * Returns the intersection over union of two masks of an image.
 * @param {ArrayLike<number>} a Boundaries.
 * @param {ArrayLike<number>} b Boundaries.
 * @param {number} pixels Of the image.
 */
export function iou(a, b, pixels) {
  let [at, atOther, position, both, either] = [0, 0, 0, 0, 0];
  while (position < pixels) {
    const [end, endOther] = [a[at] ?? pixels, b[atOther] ?? pixels];
    const next = Math.min(end, endOther, pixels);
    // An odd number of changes before a pixel: it is in the mask.
    if (at % 2 && atOther % 2) both += next - position;
    if (at % 2 || atOther % 2) either += next - position;
    if (end <= next) at += 1;
    if (endOther <= next) atOther += 1;
    position = next;
  }
  return either === 0 ? 0 : both / either;
}
