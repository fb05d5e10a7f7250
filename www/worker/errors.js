/** @file The error of everything that fails in the page and its workers: a stable code, and words. */

/** A failure with a stable `code`; the message says what happened and what to do. */
export class MasklinkError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {{ cause?: unknown }} [options]
   */
  constructor(code, message, options) {
    super(message, options);
    this.name = 'MasklinkError';
    this.code = code;
  }
}

/**
 * Returns the code of anything that was thrown; `fallback` where it has none.
 * @param {unknown} thrown
 * @param {string} fallback
 */
export function codeOf(thrown, fallback) {
  const code =
    thrown instanceof Error ? /** @type {{ code?: unknown }} */ (thrown).code : undefined;
  return typeof code === 'string' ? code : fallback;
}

/**
 * Returns the message of anything that was thrown.
 * @param {unknown} thrown
 */
export function messageOf(thrown) {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
