/** @file Reads the body of a response up to a limit. */

/**
 * The body, unless it is longer than any response should be.
 * @param {Response} response
 * @param {number} maxBytes
 */
export async function bytesOf(response, maxBytes) {
  /** @type {Uint8Array<ArrayBuffer>[]} */
  const pieces = [];
  let length = 0;
  const reader = response.body?.getReader();
  for (let piece = await reader?.read(); piece && !piece.done; piece = await reader?.read()) {
    length += piece.value.length;
    if (length > maxBytes) {
      await reader?.cancel();
      throw new Error('its response is too large');
    }
    pieces.push(piece.value);
  }
  return new Uint8Array(await new Blob(pieces).arrayBuffer());
}
