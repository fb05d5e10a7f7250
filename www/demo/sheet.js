/**
 * @file The panel as a sheet on a phone: it comes up with a result, and its bar, the keys or a finger
 * move it.
 */

import { fill, h } from '../viewer/dom.js';
import { icon } from '../viewer/icons.js';
import { PHONE } from './media.js';

/** Positions from the lowest to the highest. */
const POSITIONS = /** @type {const} */ (['closed', 'open', 'full']);
/** Height of the list of masks below the tools, in CSS pixels, which the open sheet may cover. */
const LIST_HEIGHT = 58;
/** A press that moves less than this many CSS pixels is a click. */
const CLICK_RADIUS = 6;

/** @typedef {typeof POSITIONS[number]} Position */
/** @typedef {import('../pkg/viewer.js').Snapshot} Snapshot */

export class Sheet {
  #panel;
  #viewer;
  #words = h('span', { class: 'words', dir: 'auto' });
  #toggle = h(
    'button',
    { type: 'button', class: 'toggle', 'aria-expanded': 'false' },
    h('span', { class: 'unseen' }, 'Results: '),
    this.#words,
    icon('raise'),
  );
  /** Shows the kept masks, which are below the result. */
  #count = h('button', { type: 'button', class: 'button quiet', hidden: true });
  #bar = h('div', { class: 'sheet-bar' }, this.#toggle, this.#count);
  /** Names the mask that was current at the last update; empty for none. */
  #current = '';
  /** The press in progress: its first and last place. @type {{ from: number, to: number } | null} */
  #press = null;
  /** Whether the last press was a drag, whose release is no click. */
  #wasDragged = false;

  /**
   * @param {HTMLElement} panel
   * @param {import('../mask-viewer.js').MaskViewer} viewer
   */
  constructor(panel, viewer) {
    this.#panel = panel;
    this.#viewer = viewer;
    panel.prepend(this.#bar);
    this.position = 'closed';
    viewer.addEventListener('update', () => this.#update());
    this.#listen();
  }

  /** @returns {Position} */
  get position() {
    return /** @type {Position} */ (this.#panel.dataset.sheet ?? 'closed');
  }

  set position(position) {
    if (position === 'closed') this.#panel.scrollTop = 0;
    this.#panel.dataset.sheet = position;
    this.#toggle.setAttribute('aria-expanded', String(position !== 'closed'));
  }

  #listen() {
    const bar = this.#bar;
    this.#toggle.addEventListener('click', ({ detail }) => {
      // A key's click has no count.
      if (detail > 0 && this.#wasDragged) return;
      this.position = this.position === 'closed' ? 'open' : 'closed';
    });
    this.#count.addEventListener('click', () => this.#showKept());
    this.#toggle.addEventListener('keydown', (event) => {
      const by = event.key === 'ArrowUp' ? 1 : event.key === 'ArrowDown' ? -1 : 0;
      if (by === 0) return;
      event.preventDefault();
      const at = POSITIONS.indexOf(this.position) + by;
      this.position = POSITIONS[Math.min(Math.max(at, 0), POSITIONS.length - 1)] ?? 'closed';
    });
    bar.addEventListener('pointerdown', (event) => {
      const { target } = event;
      if (event.button !== 0 || (target instanceof Node && this.#count.contains(target))) return;
      this.#press = { from: event.clientY, to: event.clientY };
      this.#wasDragged = false;
      this.#toggle.setPointerCapture(event.pointerId);
    });
    bar.addEventListener('pointermove', (event) => this.#drag(event));
    bar.addEventListener('pointerup', () => this.#drop());
    bar.addEventListener('pointercancel', () => this.#drop());
    document.addEventListener('keydown', (event) => this.#escape(event));
  }

  /** @param {PointerEvent} event */
  #drag({ clientY }) {
    if (!this.#press) return;
    this.#press.to = clientY;
    const panel = this.#panel;
    if (!panel.classList.contains('dragged') && Math.abs(clientY - this.#press.from) < CLICK_RADIUS)
      return;
    panel.classList.add('dragged');
    panel.style.height = `${innerHeight - clientY + this.#bar.offsetHeight / 2}px`;
  }

  /** Moves to the position that is next in the direction of the drag. */
  #drop() {
    const panel = this.#panel;
    const press = this.#press;
    this.#press = null;
    if (!press || !panel.classList.contains('dragged')) return;
    const share = panel.offsetHeight / innerHeight;
    panel.classList.remove('dragged');
    panel.style.height = '';
    this.#wasDragged = true;
    const isUp = press.to < press.from;
    if (isUp) this.position = share > 0.7 ? 'full' : 'open';
    else this.position = share > 0.45 ? 'open' : 'closed';
  }

  /** @param {KeyboardEvent} event */
  #escape({ key, target, defaultPrevented }) {
    if (key !== 'Escape' || defaultPrevented || this.position === 'closed') return;
    if (!matchMedia(PHONE).matches) return;
    if (target instanceof Element && target.closest('dialog')) return;
    const hadFocus = this.#panel.contains(document.activeElement);
    this.position = 'closed';
    if (hadFocus) this.#toggle.focus();
  }

  #update() {
    const { snapshot } = this.#viewer;
    if (!snapshot) return;
    fill(this.#words, resultWords(snapshot));
    fill(this.#count, keptWords(snapshot));
    this.#count.hidden = snapshot.kept.length === 0;
    const [before, current] = [this.#current, currentOf(snapshot)];
    if (current === before) return;
    this.#current = current;
    // A clicked mask that was kept is the same mask.
    if (before.startsWith('click') && current.startsWith('kept')) return;
    if (current && current !== 'change') this.#raise();
    else if (current || !this.#panel.contains(document.activeElement)) this.position = 'closed';
  }

  #showKept() {
    if (this.position === 'closed') this.position = 'open';
    const title = /** @type {HTMLElement} */ (document.getElementById('kept-title'));
    const { top } = title.getBoundingClientRect();
    this.#panel.scrollTop += top - this.#bar.getBoundingClientRect().bottom - 12;
    title.focus({ preventScroll: true });
  }

  /** Opens the sheet, and scrolls the image from under it. */
  #raise() {
    this.#panel.scrollTop = 0;
    if (this.position !== 'closed') return;
    this.position = 'open';
    if (!matchMedia(PHONE).matches) return;
    const height = Number.parseFloat(getComputedStyle(document.body).paddingBottom);
    const { top, bottom } = this.#viewer.getBoundingClientRect();
    const covered = bottom - LIST_HEIGHT - (innerHeight - height);
    if (covered > 0) scrollBy({ top: Math.min(covered, Math.max(top, 0)) });
    else if (top < 0) scrollBy({ top });
  }
}

/**
 * Names the current mask, to notice another one; `change` where the image is needed to change a kept
 * mask, and nothing without a mask.
 * @param {Snapshot} snapshot
 */
function currentOf({ tool, editing, prompts, segmenting, selected, selectedKept, facts }) {
  if (tool === 'brush' || tool === 'erase' || editing !== null) return 'change';
  if (selectedKept !== null) return `kept ${selectedKept}`;
  if (selected !== null) return `shown ${selected}`;
  return facts || segmenting ? `click ${JSON.stringify(prompts[0])}` : '';
}

/**
 * Counts the kept masks, and says if the selected one needs a name.
 * @param {Snapshot} snapshot
 */
function keptWords({ kept, selectedKept, linking }) {
  const needsName = kept.some(({ id, title, qid }) => id === selectedKept && !title && !qid);
  return `${kept.length} kept${needsName && linking.phase !== 'asking' ? ': name it' : ''}`;
}

/** Says in a few words what is known of the current mask. @param {Snapshot} snapshot */
function resultWords(snapshot) {
  const { image, segmenting, segmentFailure, linking, verdict, facts } = snapshot;
  if (image === null) return 'Open an image to begin';
  if (segmenting) return 'Finding the object …';
  if (segmentFailure) return 'The click made no mask';
  if (linking.phase === 'asking') return 'Comparing with the index …';
  if (linking.phase === 'failed') return 'No result';
  if (linking.phase === 'answered') {
    const title = linking.answer.entities[0]?.title ?? '';
    const confidence = verdict?.confidence;
    if (confidence === 'likely') return `Likely ${title}`;
    if (confidence === 'possible') return `Possibly ${title}`;
    if (confidence === 'unsure') return 'Not sure what this is';
    return confidence === 'notInIndex' ? 'Probably not in the index' : 'Nothing similar was found';
  }
  const { selected, tool, selectedKept, shown, kept } = snapshot;
  if (!facts) return tool === 'select' ? 'Tap a mask on the image' : 'Tap an object in the image';
  const one = kept.find(({ id }) => id === selectedKept);
  return one?.name ?? (selected === null ? 'Mask' : shown[selected]?.title || 'Mask');
}
