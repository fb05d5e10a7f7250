/** @file What a viewer says instead of an image, above it, and aloud. */

import { fill, h } from './dom.js';
import { icon } from './icons.js';

export class Notices {
  #nodes;
  /** What is odd about the image or its masks. */
  #lasting = '';
  /** What did not work just now. */
  #trouble = '';
  /** What takes time, as it was said. */
  #taking = '';

  /** @param {import('./template.js').Nodes} nodes */
  constructor(nodes) {
    this.#nodes = nodes;
  }

  /** There is no image; the page may say what to do by the slot `empty`. */
  empty() {
    this.#instead(
      'notice',
      h('slot', { name: 'empty' }, icon('photo'), h('p', {}, 'No image yet.')),
    );
  }

  /** Something did not work, and stands in for the image. @param {string} words */
  fail(words) {
    this.#instead('notice error', icon('warning'), h('p', {}, words));
  }

  /**
   * There is an image, or a frame in its place; `words` tell why it is only a frame, or lacks
   * masks.
   * @param {string} [words]
   */
  clear(words = '') {
    this.#cover(false);
    this.#lasting = words;
    this.#showHint();
  }

  /** The last click did not work; no words once another one did. @param {string} words */
  trouble(words) {
    this.#trouble = words;
    this.#showHint();
  }

  /** Tells those who hear the page. @param {string} words */
  say(words) {
    fill(this.#nodes.spoken, words);
  }

  /**
   * Something takes time; it is said once, and not how far it is.
   * @param {string} words
   * @param {string} [size]
   * @param {number} [done] From 0 to 1 where it is known.
   */
  progress(words, size = '', done) {
    const { progress, progressWords, progressBar } = this.#nodes;
    progress.hidden = false;
    fill(progressWords, words + size);
    if (words !== this.#taking) this.say(`${words}.`);
    this.#taking = words;
    progressBar.hidden = done === undefined;
    progressBar.value = done ?? 0;
  }

  /** Nothing takes time any more. */
  done() {
    this.#nodes.progress.hidden = true;
    this.#taking = '';
  }

  /**
   * @param {string} name
   * @param {...Node} nodes
   */
  #instead(name, ...nodes) {
    const { notice } = this.#nodes;
    this.#lasting = this.#trouble = '';
    this.#showHint();
    notice.className = name;
    this.#cover(true);
    fill(notice, ...nodes);
  }

  /**
   * Whether a notice covers the image, which then takes neither focus nor pointer.
   * @param {boolean} covered
   */
  #cover(covered) {
    const { notice, stage, zoom } = this.#nodes;
    notice.hidden = !covered;
    stage.inert = zoom.inert = covered;
  }

  #showHint() {
    const { hint } = this.#nodes;
    const words = this.#trouble || this.#lasting;
    if (hint.textContent !== words) fill(hint, words);
    hint.hidden = words === '';
  }
}

/** What the canvas shows, in words. @param {import('./types.js').Snapshot} snapshot */
export function describe({ size, shown, selected, facts, segmenting }) {
  if (!size) return 'No image.';
  const names = [...new Set(shown.map(({ title, id }) => title || id))].slice(0, 8).join(', ');
  const masks =
    shown.length === 0
      ? 'No masks are shown.'
      : `${shown.length} ${shown.length === 1 ? 'mask' : 'masks'}: ${names}.`;
  const chosen =
    selected === null ? '' : ` Selected: ${shown[selected]?.title || shown[selected]?.id}.`;
  const current = facts
    ? ` The current mask covers ${(facts.share * 100).toFixed(0)} percent.`
    : '';
  return `An image of ${size[0]} by ${size[1]} pixels. ${masks}${chosen}${current}${segmenting ? ' The model is at work.' : ''}`;
}
