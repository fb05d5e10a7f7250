/** @file Writes bytes in hexadecimal, as hashes are stated. */

/** Returns two lower-case digits for each byte. @param {ArrayBuffer} bytes */
export function hexOf(bytes) {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
