/** @file The settings of a new viewer before the WebAssembly module is loaded. */

/**
 * A copy of `Settings::default()` of src/app/settings.rs; a test compares both.
 * @type {import('../pkg/viewer.js').Settings}
 */
export const DEFAULT_SETTINGS = {
  endpoint: null,
  model: null,
  encoder: 'device',
  opacity: 0.45,
  colorMode: 'entity',
  patterns: false,
  labels: false,
  boxes: false,
  renderer: 'auto',
};
