/**
 * @file Keeps image, view and selection in the part of the address after `#`, so that a link shows
 * the same, and each image is an entry of the browser's history.
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
 * @typedef {{ set: string | null, photo: string | null, image: string | null }} Place The open image:
 *   the file name of a photo, or the id of an image with the name of the local dataset that has it;
 *   without a name it is one of the page's own images.
 * @typedef {Place & { view: View | null, mask: string | null }} Address The view and the id of the
 *   selected mask; without a view the whole image is fitted.
 */

/**
 * Reads `#set=…&photo=…&image=…&view=x,y,scale&mask=…`. Anyone may have typed it, so other keys and
 * malformed values are left out.
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
    set: parameters.get('set') || null,
    photo: parameters.get('photo') || null,
    image: parameters.get('image') || null,
    view: usable ? { x, y, scale } : null,
    mask: parameters.get('mask') || null,
  };
}

/**
 * Returns the text after `#`; {@link parseAddress} reads it back.
 * @param {Address} address
 */
export function formatAddress({ set, photo, image, view, mask }) {
  const encoded = (/** @type {string} */ text) => encodeURIComponent(text).replaceAll('%2F', '/');
  return [
    set !== null && `set=${encoded(set)}`,
    photo !== null && `photo=${encoded(photo)}`,
    image !== null && `image=${encoded(image)}`,
    // As many decimals as the least scale that is read.
    view && `view=${view.x.toFixed(1)},${view.y.toFixed(1)},${view.scale.toFixed(4)}`,
    mask !== null && `mask=${encoded(mask)}`,
  ]
    .filter(Boolean)
    .join('&');
}

/** Returns whether two addresses name the same image. @param {Place} one @param {Place} other */
export function isSamePlace(one, other) {
  return one.set === other.set && one.photo === other.photo && one.image === other.image;
}

/** Returns whether an address names an image or a dataset. @param {Place} place */
export function namesPlace({ set, photo, image }) {
  return set !== null || photo !== null || image !== null;
}

/**
 * Writes the address whenever the viewer or the open image changes. Another image is a new entry of the
 * history; another view or mask of the same image replaces the entry.
 * @param {import('../mask-viewer.js').MaskViewer} viewer
 * @param {() => Place | null} placeOf Returns the open image; null leaves the address as it is.
 */
export function keepAddress(viewer, placeOf) {
  let waiting = 0;
  const write = () => {
    const place = placeOf();
    if (!place) return;
    const hash = formatAddress({ ...place, ...shownIn(viewer, place) });
    if (hash === location.hash.slice(1)) return;
    const before = parseAddress(location.hash);
    const isNew = namesPlace(before) && !isSamePlace(before, place);
    const address = hash ? `#${hash}` : location.pathname + location.search;
    if (isNew) history.pushState(null, '', address);
    else history.replaceState(null, '', address);
  };
  const changed = () => {
    clearTimeout(waiting);
    const place = placeOf();
    if (place && !isSamePlace(place, parseAddress(location.hash))) write();
    else waiting = window.setTimeout(write, REST);
  };
  for (const name of ['update', 'view-change']) viewer.addEventListener(name, changed);
  // The first image is an entry that the person can go back to.
  changed();
}

/**
 * Returns the view and the selected mask of an image; none while it is loading.
 * @param {import('../mask-viewer.js').MaskViewer} viewer
 * @param {Place} place
 */
function shownIn(viewer, { photo, image }) {
  const { snapshot, view } = viewer;
  if (!snapshot || snapshot.image !== (photo ?? image)) return { view: null, mask: null };
  const { shown, selected } = snapshot;
  return { view, mask: selected === null ? null : (shown[selected]?.id ?? null) };
}

/** A number in a text, or `NaN`; blank text is none. @param {string} text */
function numberOf(text) {
  return text.trim() ? Number(text) : NaN;
}
