/** @file A message over the page with a button for what it advises, and one that closes it. */

import { fill, h } from '../viewer/dom.js';
import { icon } from '../viewer/icons.js';

/** Shows one message at a time. */
export class Message {
  #node = h('div', { class: 'message', role: 'status' });

  #viewer;

  /** @param {HTMLElement} viewer Gets the focus when a message that has it is closed. */
  constructor(viewer) {
    this.#viewer = viewer;
    this.#node.hidden = true;
    document.body.append(this.#node);
  }

  /**
   * Shows a message instead of the one before.
   * @param {string} words
   * @param {[string, () => void]} button Its text, and what it does.
   */
  show(words, [text, act]) {
    const run = () => {
      this.hide();
      act();
    };
    this.#node.hidden = false;
    fill(
      this.#node,
      h('p', {}, words),
      h('button', { type: 'button', class: 'button', onclick: run }, text),
      h(
        'button',
        {
          type: 'button',
          class: 'button quiet',
          'aria-label': 'Close the message',
          onclick: () => this.hide(),
        },
        icon('clear'),
      ),
    );
  }

  hide() {
    if (this.#node.contains(document.activeElement)) this.#viewer.focus({ preventScroll: true });
    this.#node.hidden = true;
    fill(this.#node);
  }
}
