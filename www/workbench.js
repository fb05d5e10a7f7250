/** @file Exports the page's inner modules to the browser tests; only in builds with `workbench`. */

export { openAnnotations } from './viewer/annotation-file.js';
export { Models } from './viewer/models.js';
export { default as init, RenderTest } from './pkg/workbench.js';
