/** @file Draws masks from their runs: as small bitmaps for the gallery, and as outlines for SVG. */

/** Colors of overlays in the order of `PALETTE` in src/render/palette.rs. */
export const PALETTE = [
  '#66ddff',
  '#ff9900',
  '#cc99ee',
  '#ddff11',
  '#ffaabb',
  '#88bb77',
  '#aaffcc',
  '#ffdd88',
];
/** Opacity of a mask's fill, from 0 to 255. */
const FILL = 110;
/** Opacity of the casing around an outline, from 0 to 255. */
const CASING = 150;

/**
 * Returns the colors of entities that are seen together: each has its own, and where that is taken by
 * one before it, the next free one.
 * @param {string[]} qids
 * @returns {Map<string, string>}
 */
export function colorsOf(qids) {
  /** @type {Map<string, string>} */
  const colors = new Map();
  for (const qid of new Set(qids)) {
    const own = PALETTE.indexOf(colorOf(qid));
    const taken = new Set(colors.values());
    const all = PALETTE.map((_, step) => PALETTE[(own + step) % PALETTE.length] ?? '');
    colors.set(qid, all.find((color) => !taken.has(color)) ?? colorOf(qid));
  }
  return colors;
}

/** Returns the color of an entity, which is the same in every view of it alone. @param {string} qid */
export function colorOf(qid) {
  let hash = 0;
  for (const letter of qid) hash = (Math.imul(hash, 31) + letter.charCodeAt(0)) | 0;
  // The upper bits of the product depend on all letters, the lower ones on the last.
  const mixed = Math.imul(hash, 0x9e3779b1) >>> 16;
  return /** @type {string} */ (PALETTE[mixed % PALETTE.length]);
}

/**
 * Calls `take` for each vertical stretch of a mask: column, first row, row after the last.
 * @param {{ maskSize: [number, number], boundaries: Uint32Array }} mask
 * @param {(x: number, from: number, to: number) => void} take
 */
export function forStretches({ maskSize: [height, width], boundaries }, take) {
  const end = height * width;
  for (let at = 0; at < boundaries.length; at += 2) {
    let from = boundaries[at] ?? end;
    const to = Math.min(boundaries[at + 1] ?? end, end);
    while (from < to) {
      const x = Math.floor(from / height);
      const until = Math.min(to, (x + 1) * height);
      take(x, from - x * height, until - x * height);
      from = until;
    }
  }
}

/**
 * Draws a mask at another size, antialiased, with an outline in its color and a dark casing.
 * @param {{ maskSize: [number, number], boundaries: Uint32Array, qid: string }} mask
 * @param {number} width
 * @param {number} height
 */
export function maskImage(mask, width, height) {
  const coverage = coverageOf(mask, width, height);
  const image = new ImageData(width, height);
  const color = Number.parseInt(colorOf(mask.qid).slice(1), 16);
  const [red, green, blue] = [color >> 16, (color >> 8) & 255, color & 255];
  const { data } = image;
  for (let y = 0, at = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1, at += 1) {
      const share = coverage[at] ?? 0;
      const isIn = share >= 0.5;
      const isEdge =
        (x > 0 && (coverage[at - 1] ?? 0) >= 0.5) !== isIn ||
        (x + 1 < width && (coverage[at + 1] ?? 0) >= 0.5) !== isIn ||
        (y > 0 && (coverage[at - width] ?? 0) >= 0.5) !== isIn ||
        (y + 1 < height && (coverage[at + width] ?? 0) >= 0.5) !== isIn;
      const byte = 4 * at;
      if (isEdge && !isIn) {
        data[byte + 3] = CASING;
      } else if (share > 0) {
        data[byte] = red;
        data[byte + 1] = green;
        data[byte + 2] = blue;
        data[byte + 3] = isEdge ? 255 : FILL * share;
      }
    }
  }
  return image;
}

/**
 * Returns the covered share of each pixel of the smaller bitmap, row by row.
 * @param {{ maskSize: [number, number], boundaries: Uint32Array }} mask
 * @param {number} width
 * @param {number} height
 */
function coverageOf(mask, width, height) {
  const [maskHeight, maskWidth] = mask.maskSize;
  const [stepX, stepY] = [width / maskWidth, height / maskHeight];
  const coverage = new Float32Array(width * height);
  forStretches(mask, (x, from, to) => {
    const [left, right, top, bottom] = [x * stepX, (x + 1) * stepX, from * stepY, to * stepY];
    for (let column = Math.floor(left); column < Math.min(width, right); column += 1) {
      const share = Math.min(column + 1, right) - Math.max(column, left);
      for (let y = Math.floor(top); y < Math.min(height, bottom); y += 1) {
        const at = y * width + column;
        const part = share * (Math.min(y + 1, bottom) - Math.max(y, top));
        coverage[at] = Math.min(1, (coverage[at] ?? 0) + part);
      }
    }
  });
  return coverage;
}

/**
 * Returns the closed outlines of a mask along its pixels' edges, as the path data of SVG.
 * @param {{ maskSize: [number, number], boundaries: Uint32Array }} mask
 */
export function pathOf(mask) {
  const [height, width] = mask.maskSize;
  const bitmap = new Uint8Array(width * height);
  forStretches(mask, (x, from, to) => bitmap.fill(1, x * height + from, x * height + to));
  const at = (/** @type {number} */ x, /** @type {number} */ y) =>
    x >= 0 && y >= 0 && x < width && y < height ? (bitmap[x * height + y] ?? 0) : 0;
  // Edges by their start; the mask lies to the right of each. At most two start at a corner.
  /** @type {Map<number, number[]>} */
  const edges = new Map();
  const stride = width + 1;
  const add = (/** @type {number} */ from, /** @type {number} */ to) => {
    const others = edges.get(from);
    if (others) others.push(to);
    else edges.set(from, [to]);
  };
  forStretches(mask, (x, from, to) => {
    for (let y = from; y < to; y += 1) {
      const corner = y * stride + x;
      if (!at(x, y - 1)) add(corner, corner + 1);
      if (!at(x + 1, y)) add(corner + 1, corner + 1 + stride);
      if (!at(x, y + 1)) add(corner + 1 + stride, corner + stride);
      if (!at(x - 1, y)) add(corner + stride, corner);
    }
  });
  return joined(edges, stride);
}

/** @param {Map<number, number[]>} edges @param {number} stride */
function joined(edges, stride) {
  let path = '';
  for (const [start, ends] of edges) {
    while (ends.length > 0) {
      let [corner, direction] = [start, 0];
      path += `M${start % stride} ${Math.floor(start / stride)}`;
      do {
        const next = edges.get(corner)?.pop();
        if (next === undefined) break;
        if (direction !== 0 && next - corner !== direction)
          path += `L${corner % stride} ${Math.floor(corner / stride)}`;
        direction = next - corner;
        corner = next;
      } while (corner !== start);
      path += 'Z';
    }
  }
  return path;
}

/**
 * Returns the box of a mask, x1, y1, x2, y2; null if it is empty.
 * @param {{ maskSize: [number, number], boundaries: Uint32Array }} mask
 */
export function boxOf(mask) {
  let [x1, y1, x2, y2] = [Infinity, Infinity, -Infinity, -Infinity];
  forStretches(mask, (x, from, to) => {
    x1 = Math.min(x1, x);
    x2 = Math.max(x2, x + 1);
    y1 = Math.min(y1, from);
    y2 = Math.max(y2, to);
  });
  return x2 > x1 ? [x1, y1, x2, y2] : null;
}
