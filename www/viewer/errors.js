/** @file Errors of the viewer: a stable code for programs, a message for people. */

/** An error with a stable `code`; the message says what went wrong and what to do. */
export class ViewerError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {{ cause?: unknown }} [options]
   */
  constructor(code, message, options) {
    super(message, options);
    this.name = 'ViewerError';
    this.code = code;
  }
}

/**
 * Returns the code and message of anything that was thrown.
 * @param {unknown} thrown
 * @param {string} code Used where it has no code of its own.
 * @returns {import('../pkg/viewer.js').Failure}
 */
export function failureOf(thrown, code) {
  if (thrown instanceof Error) {
    const own = /** @type {{ code?: unknown }} */ (thrown).code;
    return { code: typeof own === 'string' ? own : code, message: thrown.message };
  }
  return { code, message: String(thrown) };
}
