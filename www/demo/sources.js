/** @file Finds the images of an annotation file below an address or in a folder of this computer. */

/** @typedef {Pick<import('../viewer/annotation-file.js').ImageRecord, 'file' | 'url'>} NamedImage */

/**
 * Finds images below an address. If there is no address or no file name, an image's own URL is used.
 * @param {string} prefix
 * @returns {(image: NamedImage) => string | null}
 */
export function underAddress(prefix) {
  const base = prefix && !prefix.endsWith('/') ? `${prefix}/` : prefix;
  return ({ file, url }) => {
    if (file && base)
      return base + file.replace(/^\/+/, '').split('/').map(encodeURIComponent).join('/');
    return url && /^https?:/.test(url) ? url : null;
  };
}

/**
 * Finds images in a chosen folder, which may hold `04/a.jpg` at any depth: by their path, or else
 * by the longest end of it that some file has, such as `a.jpg`. If several files have that end, none
 * is returned, because it may be the wrong image.
 * @param {Iterable<File>} files
 * @returns {(image: NamedImage) => File | null}
 */
export function inFolder(files) {
  /** @type {Map<string, File | null>} */
  const byEnd = new Map();
  for (const file of files) {
    const steps = (file.webkitRelativePath || file.name).split('/');
    for (let from = steps.length - 1; from >= 0; from -= 1) {
      const end = steps.slice(from).join('/');
      byEnd.set(end, byEnd.has(end) ? null : file);
    }
  }
  return ({ file }) => {
    const steps = (file ?? '').split('/').filter(Boolean);
    for (let from = 0; from < steps.length; from += 1) {
      const found = byEnd.get(steps.slice(from).join('/'));
      if (found !== undefined) return found;
    }
    return null;
  };
}
