/** @file Asks a second endpoint each question of the viewer, and counts how often each is right. */

import { failureOf } from '../viewer/errors.js';
import { verdictOf } from '../viewer/module.js';

/** @typedef {import('../pkg/viewer.js').Snapshot} Snapshot */
/** @typedef {import('../pkg/viewer.js').LinkResponse} LinkResponse */
/** @typedef {{ qid: string, title: string, seen: boolean | null }} Truth The annotated entity of a mask. */
/** @typedef {import('../pkg/viewer.js').Verdict} Verdict */
/**
 * @typedef {{ phase: 'asking' } | { phase: 'answered', answer: LinkResponse, verdict: Verdict }
 *   | { phase: 'failed', message: string }} Outcome Of the second endpoint.
 */
/** @typedef {{ seen: boolean | null, first: boolean, second: boolean }} Judged Whether each was right. */
/** @typedef {{ name: string, masks: number, first: number, second: number }} Tally Of a part of the masks. */

/** Parts of a dataset by whether its entities are in training. */
const PARTS = /** @type {const} */ ([
  [true, 'Seen in training'],
  [false, 'Unseen in training'],
  [null, 'Not stated'],
]);

export class Comparison {
  /** Bearer token of the second endpoint, kept in memory only. @type {string | null} */
  token = null;
  #viewer;
  #changed;
  /** @type {string | null} */
  #address = null;
  /** The ticket of the viewer's question that the outcome is about. */
  #ticket = -1;
  #controller = new AbortController();
  /** @type {Outcome | null} */
  #outcome = null;
  /** By image and mask, so that a mask counts once. @type {Map<string, Judged>} */
  #judged = new Map();
  /** The addresses that the tally is about. */
  #compared = '';

  /**
   * @param {import('../mask-viewer.js').MaskViewer} viewer
   * @param {() => void} changed Called when there is another outcome.
   */
  constructor(viewer, changed) {
    this.#viewer = viewer;
    this.#changed = changed;
  }

  /** Address of the second endpoint; null asks none. */
  get address() {
    return this.#address;
  }

  set address(address) {
    if (address === this.#address) return;
    this.#address = address;
    this.#forget();
  }

  /** The outcome for the mask that the viewer links; null where nothing was asked. */
  get outcome() {
    return this.#outcome;
  }

  /**
   * Follows the viewer: asks what it asks, and counts the masks for which both returned entities.
   * @param {Snapshot} snapshot
   * @param {Truth | null} truth Of the current mask.
   */
  follow(snapshot, truth) {
    if (this.#address === null) return;
    const { linking } = snapshot;
    if (linking.phase === 'idle') this.#forget();
    // With failures it is asked again, of another source.
    const isNew = linking.phase === 'asking' && linking.failures.length === 0;
    if (isNew && linking.ticket !== this.#ticket) this.#ask(this.#address, linking.ticket);
    this.#judge(snapshot, truth);
  }

  /** Returns how many masks of each part were judged and how often each was right. @returns {Tally[]} */
  tally() {
    const judged = [...this.#judged.values()];
    const count = (/** @type {Judged[]} */ list, /** @type {'first' | 'second'} */ which) =>
      list.filter((one) => one[which]).length;
    return PARTS.map(([seen, name]) => {
      const part = judged.filter((one) => one.seen === seen);
      return {
        name,
        masks: part.length,
        first: count(part, 'first'),
        second: count(part, 'second'),
      };
    }).filter(({ masks }) => masks > 0);
  }

  #forget() {
    this.#controller.abort();
    this.#outcome = null;
    this.#ticket = -1;
  }

  /** @param {string} address @param {number} ticket */
  async #ask(address, ticket) {
    this.#forget();
    const { signal } = (this.#controller = new AbortController());
    this.#ticket = ticket;
    this.#outcome = { phase: 'asking' };
    /** @type {Outcome} */
    let outcome;
    try {
      const answer = await this.#viewer.askOther(address, signal, this.token);
      answer.entities.sort((a, b) => b.score - a.score);
      outcome = { phase: 'answered', answer, verdict: verdictOf(answer) };
    } catch (thrown) {
      outcome = { phase: 'failed', message: failureOf(thrown, 'link').message };
    }
    if (signal.aborted) return;
    this.#outcome = outcome;
    this.#changed();
  }

  /** @param {Snapshot} snapshot @param {Truth | null} truth */
  #judge({ image, linking, selected, shown, settings }, truth) {
    const compared = `${settings.endpoint} ${this.#address}`;
    if (compared !== this.#compared) this.#judged.clear();
    this.#compared = compared;
    const outcome = this.#outcome;
    const mask = selected === null ? undefined : shown[selected];
    if (!truth || !mask || outcome?.phase !== 'answered') return;
    // With failures the result is not of the endpoint that is compared.
    if (linking.phase !== 'answered' || linking.failures.length > 0) return;
    const isRight = (/** @type {LinkResponse} */ { entities }) => entities[0]?.qid === truth.qid;
    this.#judged.set(`${image} ${mask.id}`, {
      seen: truth.seen,
      first: isRight(linking.answer),
      second: isRight(outcome.answer),
    });
  }
}
