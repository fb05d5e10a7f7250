/** @file Exports the page's inner modules to the browser tests; published with the module `workbench` only. */

export { openAnnotations } from './dataset-client.js';
export { SegmentClient } from './segment-client.js';
export { default as init, RenderTest } from './pkg/workbench.js';
