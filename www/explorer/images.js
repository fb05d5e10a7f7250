/** @file Finds and loads the images of a source: by a template, in a folder, or at their own addresses. */

import { ImageFolder } from '../demo/folder.js';
import { webAddress } from '../demo/links.js';
import { MAX_IMAGE_BYTES } from '../viewer/image.js';
import { addressIn } from './templates.js';

/** @import { Item } from './types' */

/** @typedef {import('./templates.js').Named} Named */
/**
 * @typedef {{ blob: Blob, address: string | null } | { problem: string, address: string | null }} Loaded
 *   The encoded image, or the reason that there is none.
 */

/** The images of a source. */
export class Images {
  /** The person's template, else the source's. @type {string | null} */
  template = null;
  /** Address that a relative template begins at; null is the page's. @type {string | null} */
  templateBase = null;
  /** Template of small copies. @type {string | null} */
  thumbnails = null;
  /** Address that thumbnails of items are relative to. @type {string | null} */
  base = null;
  /** @type {ImageFolder | null} */
  #folder = null;

  /** Looks for images among these files of this computer first. @param {File[]} files */
  async useFolder(files) {
    this.#folder = files.length > 0 ? await ImageFolder.of(files) : null;
  }

  /** Number of files of the chosen folder. */
  get folderFiles() {
    return this.#folder?.count ?? 0;
  }

  /**
   * Returns an image as a file of this computer or its address; null where neither is known.
   * @param {Named} item
   * @returns {File | string | null}
   */
  find(item) {
    return (
      this.#folder?.find(item) ??
      (this.template ? addressIn(this.template, item, this.templateBase ?? undefined) : null) ??
      webAddress(item.url)
    );
  }

  /** Returns the smallest copy of an image that is known. @param {Item} item */
  findSmall(item) {
    const file = this.#folder?.find(item);
    if (file) return file;
    if (item.thumbnail && this.base && URL.canParse(item.thumbnail, this.base))
      return webAddress(new URL(item.thumbnail, this.base).href);
    return (this.thumbnails ? addressIn(this.thumbnails, item) : null) ?? this.find(item);
  }

  /**
   * Loads an image, or says which address failed and why.
   * @param {Named} item
   * @param {AbortSignal} [signal]
   * @returns {Promise<Loaded>}
   */
  async load(item, signal) {
    const found = this.find(item);
    if (found === null) return { problem: this.#unknown(item), address: null };
    if (found instanceof File) return { blob: found, address: null };
    const loaded = await fetchWithReason(found, signal);
    const other = webAddress(item.url);
    if (!('problem' in loaded) || !other || other === found) return loaded;
    const second = await fetchWithReason(other, signal);
    return 'problem' in second ? loaded : second;
  }

  /**
   * Says why the small copy of an image cannot be shown.
   * @param {Item} item
   * @returns {Promise<string>}
   */
  async whyMissing(item) {
    const found = this.findSmall(item);
    if (found === null) return this.#unknown(item);
    const loaded = found instanceof File ? null : await fetchWithReason(found);
    if (loaded && 'problem' in loaded) return loaded.problem;
    const name = found instanceof File ? found.name : found;
    return `${name} is not an image that the browser can read.`;
  }

  /** @param {Named} item */
  #unknown({ file }) {
    const name = file ? ` (${file})` : '';
    const count = this.folderFiles;
    if (count === 1) return `The only file of the chosen folder is not this image${name}.`;
    if (count > 1)
      return `None of the ${count.toLocaleString('en')} files of the chosen folder is this image${name}.`;
    return `No address of this image${name} is known.`;
  }
}

/**
 * @param {string} address
 * @param {AbortSignal} [signal]
 * @returns {Promise<Loaded>}
 */
async function fetchWithReason(address, signal) {
  const failed = (/** @type {string} */ why) => ({ problem: `${address} ${why}`, address });
  let response;
  try {
    response = await fetch(address, signal ? { signal } : {});
  } catch (thrown) {
    if (signal?.aborted) throw thrown;
    return failed(await networkReason(address));
  }
  if (!response.ok) {
    const status = `${response.status} ${response.statusText}`.trimEnd();
    await response.body?.cancel();
    return failed(`failed: the server returned ${status}.`);
  }
  const type = response.headers.get('content-type') ?? '';
  if (/^(text\/|application\/(json|xml|xhtml))/.test(type)) {
    await response.body?.cancel();
    return failed(`is not an image: the server returned ${type.split(';')[0]}.`);
  }
  if (Number(response.headers.get('content-length') ?? 0) > MAX_IMAGE_BYTES) {
    await response.body?.cancel();
    return failed(`is larger than ${MAX_IMAGE_BYTES / 2 ** 20} MiB.`);
  }
  try {
    return { blob: await response.blob(), address };
  } catch (thrown) {
    if (signal?.aborted) throw thrown;
    return failed('failed: the download was interrupted.');
  }
}

/**
 * Distinguishes a server that refuses other pages from one that cannot be reached.
 * @param {string} address
 */
async function networkReason(address) {
  try {
    await fetch(address, { mode: 'no-cors' });
    return 'failed: its server does not allow requests from this page (CORS).';
  } catch {
    return 'failed: its server could not be reached (network).';
  }
}
