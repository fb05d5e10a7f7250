/** @file Exports the page's inner modules to the browser tests; published with the module `workbench` only. */

export { openAnnotations } from './viewer/annotation-file.js';
export { Models } from './viewer/models.js';
export { default as init, RenderTest } from './pkg/workbench.js';
