/** @file Text in XML, as the exported SVG files have it. */

/** Escapes text for the content or an attribute of an element. @param {string} text */
export function escaped(text) {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
