/** @file The bar of tools under the image: a group of radio buttons, and two commands. */

import { fill, focusedBy } from './dom.js';

export class Toolbar {
  #nodes;

  /**
   * @param {import('./template.js').Nodes} nodes
   * @param {{ choose: (tool: import('../pkg/viewer.js').Tool) => void, keep: () => void, undo: () =>
   *   void, clear: () => void }} actions
   */
  constructor(nodes, { choose, keep, undo, clear }) {
    this.#nodes = nodes;
    for (const [tool, button] of nodes.tools) button.addEventListener('click', () => choose(tool));
    nodes.bar.addEventListener('keydown', (event) => this.#walk(event));
    nodes.keep.addEventListener('click', keep);
    nodes.undo.addEventListener('click', undo);
    nodes.clear.addEventListener('click', clear);
  }

  /**
   * Shows the tools; and in place of an empty list of masks a sentence, so that nothing moves when
   * masks arrive.
   * @param {import('../pkg/viewer.js').Snapshot | undefined} snapshot
   * @param {boolean} controls Whether tools are shown.
   */
  show(snapshot, controls) {
    const { tools, keep, undo, clear, bar, zoom, stage, noMasks } = this.#nodes;
    for (const [tool, button] of tools) {
      button.setAttribute('aria-checked', String(tool === snapshot?.tool));
      button.tabIndex = tool === snapshot?.tool ? 0 : -1;
    }
    const nothingToUndo = !snapshot || snapshot.prompts.length === 0;
    const nothingToClear =
      nothingToUndo && (snapshot?.selected ?? snapshot?.selectedKept ?? null) === null;
    for (const [button, isDone] of /** @type {const} */ ([
      [keep, !snapshot?.canKeep],
      [undo, nothingToUndo],
      [clear, nothingToClear],
    ])) {
      // A disabled button would lose the focus.
      if (isDone && button.matches(':focus')) stage.focus({ preventScroll: true });
      button.disabled = isDone;
    }
    bar.hidden = zoom.hidden = !controls;
    noMasks.hidden = !controls || (snapshot?.shown.length ?? 0) > 0;
    fill(
      noMasks,
      snapshot?.image
        ? snapshot.masksFailure
          ? 'The masks cannot be shown.'
          : 'This image has no annotated masks.'
        : '',
    );
  }

  /**
   * Moves through the tools by arrow keys, as in any group of radio buttons.
   * @param {KeyboardEvent} event
   */
  #walk(event) {
    const buttons = [...this.#nodes.tools.values()];
    const index = buttons.findIndex((button) => button === event.target);
    const to = index < 0 ? undefined : focusedBy(event.key, index, buttons.length, { wraps: true });
    if (to === undefined) return;
    event.preventDefault();
    const next = buttons[to];
    next?.click();
    next?.focus();
  }
}
