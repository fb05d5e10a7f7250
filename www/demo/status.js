/** @file The status line: renderer, model and linking, with their times. */

import { fill, h } from '../viewer/dom.js';

/** The stages of linking, with their names. */
const STAGES = /** @type {const} */ ([
  ['queue', 'waiting'],
  ['encode', 'encoding'],
  ['pool', 'averaging'],
  ['search', 'searching'],
]);

/**
 * Returns the times of the stages in words.
 * @param {Record<string, number> | undefined} timing Milliseconds.
 */
function stagesOf(timing) {
  const times = STAGES.flatMap(([stage, name]) =>
    typeof timing?.[stage] === 'number' ? [`${name} ${timing[stage].toFixed(1)} ms`] : [],
  );
  return times.length > 0 ? times.join(', ') : undefined;
}

/**
 * @param {import('../mask-viewer.js').MaskViewer} viewer
 * @param {HTMLElement} list
 */
export function showStatus(viewer, list) {
  /** The last time of linking, and the image and the endpoint that it is of. */
  const last = { link: /** @type {typeof viewer.status.link} */ (undefined), of: '' };
  const show = () => {
    const { renderer, segment, link: newest } = viewer.status;
    const now = JSON.stringify([viewer.snapshot?.image, viewer.settings.endpoint]);
    if (newest !== last.link) [last.link, last.of] = [newest, now];
    const link = now === last.of ? newest : undefined;
    /** @type {[string, string | null | undefined, (string | undefined)?][]} */
    const rows = [
      [
        'Drawn by',
        renderer &&
          `${renderer.kind === 'webgpu' ? 'WebGPU' : 'the CPU'}${renderer.note ? ` (${renderer.note})` : ''}`,
      ],
      ['Outlined by', segment?.words ?? 'not loaded yet; the first click loads the model'],
      [
        'Compared by',
        link?.words ?? viewer.settings.endpoint ?? 'this page',
        link && stagesOf(link.timing),
      ],
    ];
    fill(
      list,
      ...rows
        .filter(([, words]) => words)
        .map(([term, words, title = '']) =>
          h('div', { title }, h('dt', {}, term), h('dd', {}, words)),
        ),
    );
  };
  for (const name of ['update', 'ready', 'error']) viewer.addEventListener(name, show);
  show();
}
