/** @file The bar of tools under the image: a group of radio buttons, and two commands. */

import { fill } from './dom.js';

export class Toolbar {
  #nodes;

  /**
   * @param {import('./template.js').Nodes} nodes
   * @param {{ choose: (tool: import('./types.js').Tool) => void, undo: () => void, clear: () =>
   *   void }} actions
   * @param {AbortSignal} signal
   */
  constructor(nodes, { choose, undo, clear }, signal) {
    this.#nodes = nodes;
    for (const [tool, button] of nodes.tools)
      button.addEventListener('click', () => choose(tool), { signal });
    nodes.bar.addEventListener('keydown', (event) => this.#walk(event), { signal });
    nodes.undo.addEventListener('click', undo, { signal });
    nodes.clear.addEventListener('click', clear, { signal });
  }

  /**
   * Shows the tools; and in place of a list of masks a word, so that nothing moves when masks come.
   * @param {import('./types.js').Snapshot | undefined} snapshot
   * @param {boolean} controls Whether there are to be tools.
   * @param {string} problem Why masks are not shown.
   */
  show(snapshot, controls, problem) {
    const { tools, undo, clear, bar, zoom, stage, noMasks } = this.#nodes;
    for (const [tool, button] of tools) {
      button.setAttribute('aria-checked', String(tool === snapshot?.tool));
      button.tabIndex = tool === snapshot?.tool ? 0 : -1;
    }
    const nothingToUndo = !snapshot || snapshot.prompts.length === 0;
    const nothingToClear = nothingToUndo && (snapshot?.selected ?? null) === null;
    for (const [button, isDone] of /** @type {const} */ ([
      [undo, nothingToUndo],
      [clear, nothingToClear],
    ])) {
      // A button that can do no more hands the focus on, or it would be lost.
      if (isDone && button.matches(':focus')) stage.focus({ preventScroll: true });
      button.disabled = isDone;
    }
    bar.hidden = zoom.hidden = !controls;
    noMasks.hidden = !controls || (snapshot?.shown.length ?? 0) > 0;
    fill(
      noMasks,
      snapshot?.image
        ? problem
          ? 'The masks cannot be shown.'
          : 'No masks are given for this image.'
        : '',
    );
  }

  /**
   * Arrow keys go through the tools, as in any group of radio buttons.
   * @param {KeyboardEvent} event
   */
  #walk(event) {
    const step = new Map([
      ['ArrowRight', 1],
      ['ArrowDown', 1],
      ['ArrowLeft', -1],
      ['ArrowUp', -1],
    ]).get(event.key);
    const buttons = [...this.#nodes.tools.values()];
    const at = buttons.findIndex((button) => button === event.target);
    if (!step || at < 0) return;
    event.preventDefault();
    const next = buttons[(at + step + buttons.length) % buttons.length];
    next?.click();
    next?.focus();
  }
}
