/**
 * @file The panel beside the image: entities, mask and annotation, built anew from the viewer's
 * snapshot.
 */

import { fill, h } from '../viewer/dom.js';
import { entityNodes } from './cards.js';
import { factNodes } from './facts.js';
import { recordNodes } from './record.js';

/** @typedef {import('../mask-viewer.js').MaskViewer} MaskViewer */
/** @typedef {import('../viewer/annotation-file.js').Annotation} Annotation */

export class Panel {
  #viewer;
  #actions;
  #sources;
  #kept;
  /** Annotations of the shown masks. @type {Annotation[]} */
  #details = [];
  /**
   * JSON that each section was built from; a section is built again only when its JSON changes.
   * @type {Map<string, string>}
   */
  #built = new Map();
  #spoken = h('p', { class: 'note', role: 'status' });
  /** Names the object that the cards are about. */
  #object = '';

  /**
   * @param {MaskViewer} viewer
   * @param {Pick<import('./cards.js').Actions, 'settings' | 'list'>} actions
   * @param {import('./cards.js').Sources} sources
   * @param {import('./kept.js').KeptList | null} [kept] The list of kept masks, where the page has one.
   */
  constructor(viewer, actions, sources, kept = null) {
    this.#viewer = viewer;
    const ask = () => viewer.askLink();
    this.#actions = {
      ...actions,
      ask,
      retry: ask,
      name: kept
        ? (/** @type {import('./cards.js').Entity} */ entity) => nameAs(viewer, entity)
        : null,
      search: kept ? () => searchName(viewer) : null,
    };
    this.#sources = sources;
    this.#kept = kept;
    sources.articles.changed = () => this.show();
    viewer.addEventListener('update', () => this.show());
  }

  /** @param {Annotation[]} details */
  set details(details) {
    this.#details = details;
    this.#built.delete('record');
    this.show();
  }

  show() {
    const snapshot = this.#viewer.snapshot;
    if (!snapshot) return;
    const {
      linking,
      segmenting,
      segmentFailure,
      tool,
      image,
      verdict,
      facts,
      candidates,
      chosen,
      prompts,
      selected,
      selectedKept,
      canKeep,
      shown,
      kept,
    } = snapshot;
    const { comparison } = this.#sources;
    comparison.follow(snapshot, this.#truth(snapshot));
    document.body.classList.toggle('compares', comparison.address !== null);
    const { endpoint } = snapshot.settings;
    const { template } = this.#sources.articles;
    const entities = [
      linking,
      segmenting,
      segmentFailure,
      facts !== null,
      tool,
      image,
      verdict?.heading,
      verdict?.condition,
      endpoint,
      template,
      comparison.address,
      comparison.outcome,
      canKeep,
      kept.find(({ id }) => id === selectedKept),
    ];
    if (!this.#dims(snapshot))
      this.#section('entities', entities, () =>
        entityNodes(snapshot, this.#actions, this.#sources, this.#truth(snapshot)),
      );
    const list = this.#kept;
    if (list) this.#section('kept', list.from(snapshot), () => list.nodes(snapshot));
    this.#section('mask', [facts, candidates, chosen, prompts], () => {
      fill(this.#spoken);
      const nodes = factNodes(snapshot, this.#viewer, (words) => fill(this.#spoken, words));
      return nodes.length > 0 ? [...nodes, this.#spoken] : [];
    });
    // By id and not by index: a mask that cannot be drawn is missing from `shown`.
    const id = selected === null ? undefined : shown[selected]?.id;
    const details = this.#details.find((one) => one.id === id);
    this.#section('record', details?.id, () => (details ? recordNodes(details) : []));
  }

  /**
   * Returns the annotated entity of the selected mask.
   * @param {import('../pkg/viewer.js').Snapshot} snapshot
   * @returns {import('./comparison.js').Truth | null}
   */
  #truth({ selected, shown }) {
    const mask = selected === null ? undefined : shown[selected];
    if (!mask?.qid) return null;
    const details = this.#details.find(({ id }) => id === mask.id);
    return { qid: mask.qid, title: mask.title || mask.qid, seen: details?.seen ?? null };
  }

  /**
   * Dims the cards while the mask that they are about is changed and linked again, so that nothing jumps
   * until the new cards are there. Returns whether it did. Cards of another object are not kept.
   * @param {import('../pkg/viewer.js').Snapshot} snapshot
   */
  #dims({ segmenting, segmentFailure, linking, prompts, image }) {
    const body = /** @type {HTMLElement} */ (document.getElementById('entities-body'));
    const isWaiting = !segmentFailure && (segmenting || linking.phase === 'asking');
    const isNewObject = segmenting && prompts.length < 2;
    // Undo may go back to another object while both have several prompts.
    const object = JSON.stringify([image, prompts[0]]);
    const dims =
      isWaiting && !isNewObject && object === this.#object && body.querySelector('.cards') !== null;
    body.classList.toggle('stale', dims);
    body.setAttribute('aria-busy', String(dims));
    this.#object = object;
    return dims;
  }

  /**
   * Builds a section again if its data has changed. The focus stays on the same control, or moves to
   * the section's title.
   * @param {string} name
   * @param {unknown} from
   * @param {() => Node[]} build
   */
  #section(name, from, build) {
    const body = /** @type {HTMLElement} */ (document.getElementById(`${name}-body`));
    const key = JSON.stringify(from) ?? '';
    if (this.#built.get(name) === key) return;
    this.#built.set(name, key);
    const focused =
      document.activeElement instanceof HTMLElement && body.contains(document.activeElement)
        ? document.activeElement
        : undefined;
    const nodes = build();
    fill(body, ...nodes);
    const section = /** @type {HTMLElement} */ (body.closest('section'));
    section.hidden = name !== 'entities' && nodes.length === 0;
    if (focused) this.#focusAgain(section, focused.dataset.focus ?? '');
  }

  /**
   * Focuses the control of this name, or the section's title where it is gone or disabled: a focus that
   * is lost begins at the page's top.
   * @param {HTMLElement} section
   * @param {string} name
   */
  #focusAgain(section, name) {
    const same = name && section.querySelector(`[data-focus="${CSS.escape(name)}"]:not(:disabled)`);
    const title = section.hidden
      ? document.getElementById('entities-title')
      : section.querySelector('h2');
    /** @type {HTMLElement | null} */ (same || title)?.focus();
  }
}

/**
 * Opens the search over the index's entities for the name of the mask, which is kept for it.
 * @param {MaskViewer} viewer
 */
function searchName(viewer) {
  const id = viewer.snapshot?.selectedKept ?? viewer.keep();
  if (id === null) return;
  viewer.selectKept(id);
  // The list is built after this event.
  setTimeout(() => {
    /** @type {HTMLInputElement | null} */
    const field = document.querySelector('#kept-body [data-focus="kept-name"]');
    field?.focus();
    field?.select();
  });
}

/**
 * Names the selected kept mask by an entity; keeps the current mask first where none is selected. Does
 * nothing while the mask is linked again: the entity may be that of another one. The name is the person's
 * and has no score: that of the card held under a condition, and as a guess.
 * @param {MaskViewer} viewer
 * @param {import('./cards.js').Entity} entity
 */
function nameAs(viewer, { qid, title }) {
  if (viewer.snapshot?.linking.phase !== 'answered') return;
  const id = viewer.snapshot.selectedKept ?? viewer.keep();
  if (id !== null) viewer.nameKept(id, { title: title || qid, qid });
}
