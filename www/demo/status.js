/** @file The status line: renderer, model and linking, with their times. */

import { fill, h } from '../viewer/dom.js';

/**
 * @param {import('../mask-viewer.js').MaskViewer} viewer
 * @param {HTMLElement} list
 */
export function showStatus(viewer, list) {
  const show = () => {
    const { renderer, segment, link } = viewer.status;
    /** @type {[string, string | null | undefined][]} */
    const rows = [
      [
        'Drawn by',
        renderer &&
          `${renderer.kind === 'webgpu' ? 'WebGPU' : 'the CPU'}${renderer.note ? ` (${renderer.note})` : ''}`,
      ],
      ['Outlined by', segment?.words ?? 'not loaded yet; the first click loads the model'],
      ['Compared by', link?.words ?? viewer.settings.endpoint ?? 'this page'],
    ];
    fill(
      list,
      ...rows
        .filter(([, words]) => words)
        .map(([term, words]) => h('div', {}, h('dt', {}, term), h('dd', {}, words))),
    );
  };
  for (const name of ['update', 'ready', 'error']) viewer.addEventListener(name, show);
  show();
}
