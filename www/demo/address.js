/**
 * @file Keeps image, view and selection in the part of the address after `#`, so that a link shows
 * the same.
 */

/**
 * Milliseconds of rest before the address follows the view; browsers allow few changes a second.
 */
const REST = 300;
/** Limits of a view's scale, in CSS pixels per pixel of the image. */
const [MIN_SCALE, MAX_SCALE] = [1e-4, 1e4];

/**
 * @typedef {{ x: number, y: number, scale: number }} View The middle of the view in pixels of the
 *   image, and CSS pixels per pixel of it, so that an address means the same on every screen.
 * @typedef {{ image: string | null, view: View | null, mask: string | null }} Address Ids of the
 *   image and of the selected mask; without a view the whole image is fitted.
 */

/**
 * Reads `#image=…&view=x,y,scale&mask=…`. Anyone may have typed it, so other keys and malformed
 * values are left out.
 * @param {string} hash
 * @returns {Address}
 */
export function parseAddress(hash) {
  const parameters = new URLSearchParams(hash.replace(/^#/, ''));
  const numbers = (parameters.get('view') ?? '').split(',').map(numberOf);
  const [x = NaN, y = NaN, scale = NaN] = numbers;
  const usable =
    numbers.length === 3 &&
    [x, y].every(Number.isFinite) &&
    scale >= MIN_SCALE &&
    scale <= MAX_SCALE;
  return {
    image: parameters.get('image') || null,
    view: usable ? { x, y, scale } : null,
    mask: parameters.get('mask') || null,
  };
}

/**
 * Returns the text after `#`; {@link parseAddress} reads it back.
 * @param {Address} address
 */
export function formatAddress({ image, view, mask }) {
  const encoded = (/** @type {string} */ text) => encodeURIComponent(text).replaceAll('%2F', '/');
  return [
    image !== null && `image=${encoded(image)}`,
    // As many decimals as the least scale that is read.
    view && `view=${view.x.toFixed(1)},${view.y.toFixed(1)},${view.scale.toFixed(4)}`,
    mask !== null && `mask=${encoded(mask)}`,
  ]
    .filter(Boolean)
    .join('&');
}

/**
 * Writes the address whenever the viewer or the open image changes.
 * @param {import('../mask-viewer.js').MaskViewer} viewer
 * @param {() => string | null} image
 */
export function keepAddress(viewer, image) {
  let waiting = 0;
  const write = () => {
    clearTimeout(waiting);
    waiting = window.setTimeout(() => {
      const { shown, selected } = viewer.snapshot ?? { shown: [], selected: null };
      const hash = formatAddress({
        image: image(),
        view: viewer.view,
        mask: selected === null ? null : (shown[selected]?.id ?? null),
      });
      if (hash !== location.hash.slice(1))
        history.replaceState(null, '', hash ? `#${hash}` : location.pathname + location.search);
    }, REST);
  };
  for (const name of ['update', 'view-change']) viewer.addEventListener(name, write);
}

/** A number in a text, or `NaN`; blank text is none. @param {string} text */
function numberOf(text) {
  return text.trim() ? Number(text) : NaN;
}
