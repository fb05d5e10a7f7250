/**
 * @file The list of masks under the image: one stop of the Tab key, arrows within, in step with
 * the canvas.
 */

import { fill, focusedBy, h, scrollWithin } from './dom.js';

/** Maximum number of masks listed; the others are reached on the image. */
const MAX_LISTED = 300;

/**
 * @typedef {object} ListActions
 * @property {(index: number | null) => void} hover
 * @property {(index: number | null) => void} select
 */

export class MaskList {
  #list;
  #actions;
  /** The listed masks and colors as JSON, to build again only when they change. */
  #listed = '';
  /** The mask that was selected when the list was last shown. @type {number | null | undefined} */
  #selected;

  /**
   * @param {HTMLElement} list
   * @param {ListActions} actions
   */
  constructor(list, actions) {
    this.#list = list;
    this.#actions = actions;
    list.addEventListener('click', (event) => this.#toggle(indexOf(event)));
    list.addEventListener('pointerover', (event) => actions.hover(indexOf(event)));
    list.addEventListener('pointerleave', () => actions.hover(null));
    list.addEventListener('focusin', (event) => actions.hover(indexOf(event)));
    list.addEventListener('focusout', () => actions.hover(null));
    list.addEventListener('keydown', (event) => {
      if (this.#key(event)) event.preventDefault();
    });
  }

  /**
   * @param {import('../pkg/viewer.js').Snapshot} snapshot
   * @param {string[]} colors CSS colors of the masks, in their order.
   */
  show({ shown, selected }, colors) {
    // The last color is that of the clicked mask, which is not listed.
    const listed = JSON.stringify([shown, colors.slice(0, shown.length)]);
    if (listed !== this.#listed) {
      this.#listed = listed;
      this.#build(shown, colors);
    } else if (selected === this.#selected) {
      return;
    }
    this.#selected = selected;
    for (const [index, chip] of this.#chips().entries()) {
      chip.setAttribute('aria-selected', String(index === selected));
      if (selected === null ? index === 0 : index === selected) this.#makeStop(chip);
      if (index === selected) scrollWithin(this.#list, chip);
    }
  }

  /** @param {number | null} hovered */
  markHovered(hovered) {
    for (const [index, chip] of this.#chips().entries())
      chip.classList.toggle('hovered', index === hovered);
  }

  /**
   * @param {import('../pkg/viewer.js').ShownSummary[]} shown
   * @param {string[]} colors
   */
  #build(shown, colors) {
    this.#list.hidden = shown.length === 0;
    fill(
      this.#list,
      ...shown.slice(0, MAX_LISTED).map(({ title, id, cut }, index) => {
        const swatch = h('span', { class: 'swatch', part: 'swatch' });
        swatch.style.setProperty('--swatch', colors[index] ?? '');
        return h(
          'div',
          {
            class: 'chip',
            part: 'mask',
            role: 'option',
            'data-index': index,
            tabindex: -1,
            'aria-selected': 'false',
          },
          swatch,
          h('span', { class: 'name', dir: 'auto' }, title || id),
          cut && h('span', { class: 'cut', title: 'A part of this mask is left out.' }, 'cut'),
        );
      }),
    );
    this.#list.setAttribute(
      'aria-label',
      shown.length > MAX_LISTED
        ? `The first ${MAX_LISTED} of ${shown.length} masks`
        : `Masks, ${shown.length}`,
    );
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const chips = this.#chips();
    const index = indexOf(event);
    if (index === null) return false;
    const next = focusedBy(event.key, index, chips.length);
    const target = next === undefined ? undefined : chips[next];
    if (target) {
      this.#makeStop(target);
      target.focus();
      return true;
    }
    if (event.key === 'Enter' || event.key === ' ') {
      this.#toggle(index);
      return true;
    }
    if (event.key === 'Escape') this.#actions.select(null);
    return event.key === 'Escape';
  }

  /** @param {number | null} index */
  #toggle(index) {
    if (index === null) return;
    const already = this.#chips()[index]?.getAttribute('aria-selected') === 'true';
    this.#actions.select(already ? null : index);
  }

  /** @param {HTMLElement} stop */
  #makeStop(stop) {
    for (const chip of this.#chips()) chip.tabIndex = chip === stop ? 0 : -1;
  }

  #chips() {
    return /** @type {HTMLElement[]} */ ([...this.#list.children]);
  }
}

/** @param {Event} event */
function indexOf(event) {
  const chip = event.target instanceof Element ? event.target.closest('[data-index]') : null;
  return chip instanceof HTMLElement ? Number(chip.dataset.index) : null;
}
