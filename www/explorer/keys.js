/** @file The keys of the view of one record: previous, next and close. */

/** Steps by key. */
const STEPS = new Map([
  ['j', 1],
  ['k', -1],
  ['ArrowRight', 1],
  ['ArrowLeft', -1],
]);

/**
 * @param {HTMLElement} viewer It has keys of its own.
 * @param {() => boolean} isOpen Whether a record is open.
 * @param {{ close: () => void, step: (by: number) => void }} actions
 */
export function connectKeys(viewer, isOpen, { close, step }) {
  document.addEventListener('keydown', (event) => {
    const { key, ctrlKey, metaKey, altKey, defaultPrevented } = event;
    if (!isOpen() || defaultPrevented || ctrlKey || metaKey || altKey) return;
    if (document.querySelector('dialog[open]') || isTyping(event.target)) return;
    const by = STEPS.get(key);
    if (key === 'Escape') close();
    else if (by === undefined || event.target === viewer) return;
    else step(by);
    event.preventDefault();
  });
}

/** @param {EventTarget | null} target */
function isTyping(target) {
  return target instanceof Element && target.closest('input, select, textarea, pre') !== null;
}
