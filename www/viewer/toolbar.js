/**
 * @file The bar of tools under the image: a group of radio buttons, and four commands; and the slider of
 *   the brush's size on the image.
 */

import { fill, focusedBy, scrollWithin } from './dom.js';
import { SIZE_STEPS } from './template.js';
import { TOOLS } from './tools.js';

/** The brush's greatest radius in CSS pixels; the least is 1. */
const MAX_RADIUS = 200;

export class Toolbar {
  #nodes;

  /**
   * @param {import('./template.js').Nodes} nodes
   * @param {{ choose: (tool: import('../pkg/viewer.js').Tool) => void, keep: () => void, undo: () =>
   *   void, redo: () => void, clear: () => void, size: (radius: number) => void }} actions
   */
  constructor(nodes, { choose, keep, undo, redo, clear, size }) {
    this.#nodes = nodes;
    for (const [tool, button] of nodes.tools) button.addEventListener('click', () => choose(tool));
    nodes.bar.addEventListener('keydown', (event) => this.#walk(event));
    nodes.keep.addEventListener('click', keep);
    nodes.undo.addEventListener('click', undo);
    nodes.redo.addEventListener('click', redo);
    nodes.clear.addEventListener('click', clear);
    const range = nodes.sizeRange;
    range.addEventListener('input', () => size(MAX_RADIUS ** (Number(range.value) / SIZE_STEPS)));
  }

  /**
   * Shows the tools; and in place of an empty list of masks a sentence, so that nothing moves when
   * masks arrive.
   * @param {import('../pkg/viewer.js').Snapshot | undefined} snapshot
   * @param {boolean} controls Whether tools are shown.
   * @param {boolean} keeps Whether masks can be kept.
   */
  show(snapshot, controls, keeps) {
    const { keep, undo, redo, clear, bar, zoom, stage, noMasks } = this.#nodes;
    this.#mark(snapshot?.tool);
    const name = (snapshot?.editing ?? null) === null ? 'Keep the mask' : 'Keep the change';
    keep.setAttribute('aria-label', name);
    keep.title = `${name} (K)`;
    const isClear =
      !snapshot ||
      (snapshot.prompts.length === 0 && (snapshot.selected ?? snapshot.selectedKept) === null);
    for (const [button, isDone] of /** @type {const} */ ([
      [keep, !snapshot?.canKeep],
      [undo, !snapshot?.steps.canUndo],
      [redo, !snapshot?.steps.canRedo],
      [clear, isClear],
    ])) {
      // A disabled button would lose the focus.
      if (isDone && button.matches(':focus')) stage.focus({ preventScroll: true });
      button.disabled = isDone;
    }
    for (const { tool, ...others } of TOOLS) {
      const button = this.#nodes.tools.get(tool);
      if (button) button.hidden = 'keeps' in others && !keeps;
    }
    keep.hidden = !keeps;
    bar.hidden = zoom.hidden = !controls;
    this.#size(controls ? snapshot : undefined);
    noMasks.hidden = !controls || (snapshot?.shown.length ?? 0) > 0;
    fill(noMasks, snapshot ? withoutMasks(snapshot) : '');
  }

  /**
   * Shows the brush's size while the active tool has one.
   * @param {import('../pkg/viewer.js').Snapshot | undefined} snapshot
   */
  #size(snapshot) {
    const { size, sizeRange, sizeWords, stage } = this.#nodes;
    const { tool, brushRadius = 1 } = snapshot ?? {};
    const isUsed = tool === 'brush' || tool === 'erase';
    if (!isUsed && sizeRange.matches(':focus')) stage.focus({ preventScroll: true });
    size.hidden = !isUsed;
    const words = `${Math.round(2 * brushRadius)} px`;
    sizeRange.value = String((SIZE_STEPS * Math.log(brushRadius)) / Math.log(MAX_RADIUS));
    sizeRange.setAttribute('aria-valuetext', words);
    fill(sizeWords, words);
  }

  /** Marks the active tool, and scrolls to it where another was. @param {string} [active] */
  #mark(active) {
    for (const [tool, button] of this.#nodes.tools) {
      const isActive = tool === active;
      const isNew = isActive && button.getAttribute('aria-checked') !== 'true';
      button.setAttribute('aria-checked', String(isActive));
      button.tabIndex = isActive ? 0 : -1;
      if (isNew && button.parentElement) scrollWithin(button.parentElement, button);
    }
  }

  /**
   * Moves through the tools by arrow keys, as in any group of radio buttons.
   * @param {KeyboardEvent} event
   */
  #walk(event) {
    const buttons = [...this.#nodes.tools.values()].filter(({ hidden }) => !hidden);
    const index = buttons.findIndex((button) => button === event.target);
    const to = index < 0 ? undefined : focusedBy(event.key, index, buttons.length, { wraps: true });
    if (to === undefined) return;
    event.preventDefault();
    const next = buttons[to];
    next?.click();
    next?.focus();
  }
}

/**
 * Says why no annotated mask is listed.
 * @param {import('../pkg/viewer.js').Snapshot} snapshot
 */
function withoutMasks({ image, masksFailure, kept }) {
  if (!image) return '';
  if (masksFailure) return 'The masks cannot be shown.';
  return kept.length > 0
    ? `No annotated masks; ${kept.length} kept.`
    : 'This image has no annotated masks.';
}
