/** @file Does something once for all that asks for it within one task. */

/**
 * @param {() => void} act
 * @returns {() => void} Asks for it.
 */
export function afterTask(act) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    queueMicrotask(() => {
      asked = false;
      act();
    });
  };
}
