/** @file Loads the WebAssembly module once for all viewers of a page. */

import init, { Viewer, encodeRle, verdictOf as judge } from '../pkg/viewer.js';
import { ViewerError } from './errors.js';

/** @type {Promise<typeof Viewer> | undefined} */
let loading;

/** Returns the class `Viewer` of the module; after a failure the next call tries again. */
export function loadViewer() {
  loading ??= load();
  return loading;
}

async function load() {
  try {
    await init();
    return Viewer;
  } catch (cause) {
    loading = undefined;
    throw new ViewerError(
      'module',
      'The viewer’s WebAssembly module could not be loaded. ' +
        'Reload the page, and check that this browser allows WebAssembly.',
      { cause },
    );
  }
}

export { encodeRle };

/**
 * Judges entities whose scores are sorted from high to low.
 * @param {import('../pkg/viewer.js').LinkResponse} response
 */
export function verdictOf({ entities, in_index, uncalibrated = false }) {
  const scores = Float32Array.from(entities, ({ score }) => score);
  return judge(scores, in_index?.known, in_index?.probability, uncalibrated);
}
