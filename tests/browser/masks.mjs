/**
 * @file COCO masks as bitmaps, for tests: an own small decoder, so that the crate is not its own
 * judge.
 */

import assert from 'node:assert/strict';

/** The column-major bitmap of a compressed mask, 0 or 1 a pixel. */
export function bitmapOf({ size: [height = 0, width = 0], counts }) {
  const runs = [];
  for (let at = 0; at < counts.length;) {
    let value = 0;
    let shift = 0;
    for (let more = true; more; shift += 5) {
      const bits = counts.charCodeAt(at++) - 48;
      value |= (bits & 31) << shift;
      more = (bits & 32) !== 0;
      if (!more && bits & 16) value |= -1 << (shift + 5);
    }
    runs.push(runs.length > 2 ? value + (runs[runs.length - 2] ?? 0) : value);
  }
  const bitmap = new Uint8Array(width * height);
  let at = 0;
  runs.forEach((run, index) => bitmap.fill(index % 2, at, (at += run)));
  assert.equal(at, bitmap.length, 'the runs cover the mask');
  return bitmap;
}

/** The union of the parts of a Mask-OVEN-Wiki annotation. */
export function unionOf(parts) {
  const [first, ...others] = parts.map(bitmapOf);
  assert.ok(first);
  for (const other of others)
    other.forEach((value, at) => {
      first[at] = (first[at] ?? 0) | value;
    });
  return first;
}

/** Intersection over union of two bitmaps. */
export function iou(a, b) {
  let [both, either] = [0, 0];
  a.forEach((value, at) => {
    both += value & (b[at] ?? 0);
    either += value | (b[at] ?? 0);
  });
  return both / either;
}

/**
 * A pixel well inside: the middle of the longest row-run of the column-major bitmap's middle-most
 * pixels.
 */
export function pointInside(bitmap, height) {
  const width = bitmap.length / height;
  let best = { x: 0, y: 0, depth: 0 };
  for (let x = 0; x < width; x += 1) {
    for (let y = 0; y < height; y += 1) {
      if (!bitmap[x * height + y]) continue;
      // How far the mask reaches in the four directions: the least of them is the depth of the pixel.
      let depth = best.depth + 1;
      for (const [dx, dy] of [
        [1, 0],
        [-1, 0],
        [0, 1],
        [0, -1],
        [0.7, 0.7],
        [-0.7, 0.7],
        [0.7, -0.7],
        [-0.7, -0.7],
      ]) {
        const [px, py] = [Math.round(x + (dx ?? 0) * depth), Math.round(y + (dy ?? 0) * depth)];
        if (px < 0 || py < 0 || px >= width || py >= height || !bitmap[px * height + py]) depth = 0;
        if (depth === 0) break;
      }
      if (depth > best.depth) best = { x, y, depth };
    }
  }
  return { x: best.x + 0.5, y: best.y + 0.5 };
}
