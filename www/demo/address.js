/**
 * @file Keeps image, view and selection in the part of the address after `#`, so that a link shows
 * the same.
 */

import { formatAddress, parseAddress } from '../pkg/viewer.js';

/**
 * Milliseconds of rest before the address follows the view; browsers allow few changes a second.
 */
const REST = 300;

/**
 * @typedef {{ image: string | null, view: { x: number, y: number, scale: number } | null, mask:
 *   string | null }} Address
 */

/**
 * What the address asks for; call it when the module is loaded.
 * @returns {Address}
 */
export function readAddress() {
  return JSON.parse(parseAddress(location.hash));
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
      /** @type {Address} */
      const address = {
        image: image(),
        view: viewer.view,
        mask: selected === null ? null : (shown[selected]?.id ?? null),
      };
      const hash = formatAddress(JSON.stringify(address));
      if (hash !== location.hash.slice(1))
        history.replaceState(null, '', hash ? `#${hash}` : location.pathname + location.search);
    }, REST);
  };
  for (const name of ['update', 'view-change']) viewer.addEventListener(name, write);
}
