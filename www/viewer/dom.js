/** @file Builds DOM nodes; text only ever becomes text nodes, never HTML. */

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * An element with attributes, listeners (`onclick`, …) and children; `true` sets an empty
 * attribute, `null`, `false` and `undefined` set none.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, unknown>} [attributes]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on') && typeof value === 'function') {
      element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    } else if (value === true) {
      element.setAttribute(name, '');
    } else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, String(value));
    }
  }
  append(element, children);
  return element;
}

/**
 * Replaces all children.
 * @param {Element | ShadowRoot} parent
 * @param {...Child} children
 */
export function fill(parent, ...children) {
  parent.replaceChildren();
  append(parent, children);
}

/**
 * @param {Element | ShadowRoot} parent
 * @param {Child[]} children
 */
function append(parent, children) {
  for (const child of children) {
    if (child !== null && child !== undefined && child !== false) {
      parent.append(typeof child === 'number' ? String(child) : child);
    }
  }
}

/**
 * Scrolls a row sideways until one of its items is seen. `scrollIntoView` would move the whole page
 * as well, which on a phone hides what the person was looking at.
 * @param {HTMLElement} row
 * @param {HTMLElement} item
 */
export function scrollWithin(row, item) {
  const [frame, box] = [row.getBoundingClientRect(), item.getBoundingClientRect()];
  if (box.left < frame.left) row.scrollLeft += box.left - frame.left;
  else if (box.right > frame.right) row.scrollLeft += box.right - frame.right;
}

const STEPS = new Map([
  ['ArrowRight', 1],
  ['ArrowDown', 1],
  ['ArrowLeft', -1],
  ['ArrowUp', -1],
]);

/**
 * Returns the index that a key moves the focus to in a row of `count` items, around its ends with
 * `wraps`; undefined where the key moves nothing.
 * @param {string} key
 * @param {number} index
 * @param {number} count
 * @param {{ wraps?: boolean }} [options]
 */
export function focusedBy(key, index, count, { wraps = false } = {}) {
  if (key === 'Home') return 0;
  if (key === 'End') return count - 1;
  const step = STEPS.get(key);
  if (step === undefined) return undefined;
  const next = index + step;
  return wraps ? (next + count) % count : Math.min(Math.max(next, 0), count - 1);
}

/**
 * Returns a function that calls `act` once after the current task, however often it is called in it.
 * @param {() => void} act
 */
export function afterTask(act) {
  let isScheduled = false;
  return () => {
    if (isScheduled) return;
    isScheduled = true;
    queueMicrotask(() => {
      isScheduled = false;
      act();
    });
  };
}
