/** @file Closes a dialog by a click beside it. */

/**
 * Closes a dialog by a click on its backdrop. A press that begins in the dialog, as to select text, and
 * ends beside it closes nothing.
 * @param {HTMLDialogElement} dialog
 */
export function closeByBackdrop(dialog) {
  let isPressed = false;
  dialog.addEventListener('pointerdown', ({ target }) => {
    isPressed = target === dialog;
  });
  dialog.addEventListener('click', ({ target }) => {
    if (isPressed && target === dialog) dialog.close();
  });
}
