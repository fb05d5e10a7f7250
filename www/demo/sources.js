/** @file Addresses of the images of an annotation file. */

/** @typedef {Pick<import('../viewer/annotation-file.js').ImageRecord, 'file' | 'url'>} NamedImage */

/**
 * Finds images below an address: by their path, else by that of their own URL. Without an address the
 * URL itself is used.
 * @param {string} prefix
 * @returns {(image: NamedImage) => string | null}
 */
export function underAddress(prefix) {
  const base = prefix && !prefix.endsWith('/') ? `${prefix}/` : prefix;
  return ({ file, url }) => {
    const own = ownAddress({ url });
    if (!base) return own;
    if (file) return base + file.replace(/^\/+/, '').split('/').map(encodeURIComponent).join('/');
    return own && base + new URL(own).pathname.replace(/^\/+/, '');
  };
}

/**
 * Returns the web address that an image's record states.
 * @param {Pick<NamedImage, 'url'>} image
 */
export function ownAddress({ url }) {
  return url && /^https?:/i.test(url) && URL.canParse(url) ? url : null;
}
