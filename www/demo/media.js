/** @file Media queries of the page's scripts, which are those of its style sheets. */

/** Windows in which the panel is a sheet. */
export const PHONE = '(max-width: 40rem)';
/** Windows in which fingers click. */
export const TOUCH = `(hover: none), ${PHONE}`;
