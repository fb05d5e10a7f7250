/** @file Masks as the module takes them: descriptions, and the runs of all in one array. */

/** @typedef {import('../pkg/viewer.js').CocoRle} CocoRle */

/**
 * @typedef {object} MaskToShow
 * @property {string} id
 * @property {CocoRle | { size: [number, number], boundaries: ArrayLike<number> }} mask COCO's compressed
 *   RLE, or the column-major indices at which the mask's value changes; `size` is height, then width.
 * @property {string} [title]
 * @property {string | null} [qid]
 * @property {boolean} [cut] Whether a part of the mask is left out.
 * @property {string} [color] As `#rrggbb`; without it the viewer chooses one.
 */

/**
 * Returns the descriptions of masks, and the runs of those that have no counts.
 * @param {MaskToShow[]} masks
 */
export function described(masks) {
  const descriptions = masks.map(({ id, title = '', qid = null, mask, cut = false, color }) => {
    const counts = 'counts' in mask ? mask.counts : null;
    return {
      ...{ id, title, qid, size: mask.size, counts },
      ...{ is_cut: cut, color: bytesOfColor(color) },
    };
  });
  const runs = masks.map(({ mask }) => ('boundaries' in mask ? mask.boundaries : []));
  return { descriptions, ...flattened(runs) };
}

/**
 * Returns the bytes of a color `#rrggbb`; null without one.
 * @param {string} [color]
 * @returns {[number, number, number] | null}
 */
function bytesOfColor(color) {
  if (!/^#[0-9a-f]{6}$/i.test(color ?? '')) return null;
  const bits = Number.parseInt(String(color).slice(1), 16);
  return [bits >> 16, (bits >> 8) & 255, bits & 255];
}

/**
 * Joins lists of boundaries: list `i` is `boundaries[offsets[i]]` to `boundaries[offsets[i + 1]]`.
 * @param {ArrayLike<number>[]} lists
 */
export function flattened(lists) {
  const offsets = new Uint32Array(lists.length + 1);
  let end = 0;
  lists.forEach((list, index) => (offsets[index + 1] = end += list.length));
  const boundaries = new Uint32Array(end);
  lists.forEach((list, index) => boundaries.set(list, offsets[index]));
  return { offsets, boundaries };
}
