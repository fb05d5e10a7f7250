/** @file What goes wrong in the viewer, with a stable code for programs and words for people. */

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
 * The code and message of anything that was thrown.
 * @param {unknown} thrown
 * @param {string} code The code where it has none of its own.
 * @returns {import('./types.js').Failure}
 */
export function failureOf(thrown, code) {
  if (thrown instanceof Error) {
    const own = /** @type {{ code?: unknown }} */ (thrown).code;
    return { code: typeof own === 'string' ? own : code, message: thrown.message };
  }
  return { code, message: String(thrown) };
}

/**
 * Several failures as one: how many there are, and the first.
 * @param {import('./types.js').Failure[]} failures
 * @param {number} count Of things that could have failed.
 * @param {[string, string]} words What they are, one and many.
 * @returns {import('./types.js').Failure | undefined} Undefined where nothing failed.
 */
export function summaryOf([first, ...others], count, [one, many]) {
  if (!first) return undefined;
  const failed = others.length + 1;
  const what =
    count === 1
      ? `The ${one}`
      : failed === count
        ? `All ${count} ${many}`
        : `${failed} of ${count} ${many}`;
  return { code: first.code, message: `${what} cannot be used: ${first.message}.` };
}
