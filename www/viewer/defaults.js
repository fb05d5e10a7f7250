/** @file The settings of a viewer that nobody has set. */

/** @type {import('./types.js').Settings} */
export const DEFAULTS = {
  endpoint: null,
  model: null,
  opacity: 0.45,
  colorMode: 'entity',
  patterns: false,
  labels: false,
  boxes: false,
  renderer: 'auto',
};
