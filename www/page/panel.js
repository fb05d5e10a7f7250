/** @file The panel beside the picture: entities, mask and annotation, built anew from the viewer's snapshot. */

import { fill, h } from '../element/dom.js';
import { entityNodes } from './cards.js';
import { factNodes } from './facts.js';
import { recordNodes } from './record.js';

/** @typedef {import('../mask-viewer.js').MaskViewer} MaskViewer */
/** @typedef {import('./record.js').Details} Details */

export class Panel {
  #viewer;
  #openSettings;
  /** What is known of the shown masks, in their order. @type {Details[]} */
  #details = [];
  /** What each section was built from, to leave it alone while that is the same. @type {Map<Element, string>} */
  #built = new Map();
  #spoken = h('p', { class: 'note', role: 'status' });

  /**
   * @param {MaskViewer} viewer
   * @param {() => void} openSettings
   */
  constructor(viewer, openSettings) {
    this.#viewer = viewer;
    this.#openSettings = openSettings;
    viewer.addEventListener('update', () => this.show());
  }

  /** @param {Details[]} details */
  set details(details) {
    this.#details = details;
    this.show();
  }

  show() {
    const snapshot = this.#viewer.snapshot;
    if (!snapshot) return;
    const { linking, segmenting, segmentFailure, mask, tool, picture, verdict, facts, candidates, chosen, prompts, selected } = snapshot;
    this.#section('entities', [linking, segmenting, segmentFailure, mask && 1, tool, picture, verdict], () => entityNodes(snapshot, {
      retry: () => this.#viewer.askLink(),
      ask: () => this.#viewer.askLink(),
      settings: this.#openSettings,
    }));
    this.#section('mask', [facts, candidates, chosen, prompts], () => {
      fill(this.#spoken);
      const nodes = factNodes(snapshot, this.#viewer, (words) => fill(this.#spoken, words));
      return nodes.length > 0 ? [...nodes, this.#spoken] : [];
    });
    const details = selected === null ? undefined : this.#details[selected];
    this.#section('record', details, () => details ? recordNodes(details) : []);
  }

  /**
   * Builds a section again if what it is built from has changed; the focus stays on the control it was on.
   * @param {string} name
   * @param {unknown} from
   * @param {() => Node[]} build
   */
  #section(name, from, build) {
    const body = /** @type {HTMLElement} */ (document.getElementById(`${name}-body`));
    const key = JSON.stringify(from) ?? '';
    if (this.#built.get(body) === key) return;
    this.#built.set(body, key);
    const focused = document.activeElement instanceof HTMLElement && body.contains(document.activeElement) ? document.activeElement.dataset.focus : undefined;
    const nodes = build();
    fill(body, ...nodes);
    const section = /** @type {HTMLElement} */ (body.closest('section'));
    section.hidden = name !== 'entities' && nodes.length === 0;
    if (focused) /** @type {HTMLElement | null} */ (body.querySelector(`[data-focus="${CSS.escape(focused)}"]`))?.focus();
  }
}
