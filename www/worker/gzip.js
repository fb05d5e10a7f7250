/** @file Recognizes and unpacks gzip files of this computer. */

/** Returns whether a file is of gzip, by its first bytes. @param {Blob} blob */
export async function isGzip(blob) {
  const [first, second] = new Uint8Array(await blob.slice(0, 2).arrayBuffer());
  return first === 0x1f && second === 0x8b;
}

/** Returns the unpacked stream of a gzip file. @param {Blob} blob */
export function unpacking(blob) {
  return blob.stream().pipeThrough(new DecompressionStream('gzip'));
}
