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
