/**
 * @file The image of a viewer and its masks: opened by a program or as the attributes name them, and
 * kept while the viewer is moved within the document.
 */

import { Annotations } from './annotations.js';
import { afterTask } from './dom.js';
import { ViewerError, failureOf } from './errors.js';
import { decodeImage, fetchImage } from './image.js';
import { described } from './masks.js';

/** @typedef {import('./image.js').OpenImage} OpenImage */
/**
 * @typedef {{ key: string, size?: [number, number] | undefined, isExplained?: boolean | undefined,
 *   alternative?: string | null | undefined, missing?: string | undefined,
 *   keepsOpen?: boolean | undefined }} OpenOptions
 */

/**
 * @typedef {object} ContentHost
 * @property {() => { isConnected: boolean, src: string | null, annotations: string | null }} tag
 * @property {import('./handle.js').ViewerHandle} viewer
 * @property {import('./models.js').Models} models
 * @property {import('./notices.js').Notices} notices
 * @property {(failure: import('../pkg/viewer.js').Failure, instead: boolean) => void} fail `instead` of
 *   the image.
 * @property {(name: string | null) => void} opened An image is open, or none: the hash of its bytes, or
 *   its key where they are not available.
 */

export class Content {
  #host;
  /** @type {OpenImage | undefined} */
  #image;
  /**
   * The image that is loading.
   * @type {{ controller: AbortController, reopen: () => Promise<boolean> } | undefined}
   */
  #loading;
  /** Opens the image whose loading was stopped. @type {(() => Promise<boolean>) | undefined} */
  #reopen;
  #annotations = new Annotations();
  /** The `src` that was opened last. @type {string | null} */
  #src = null;
  /** Whether masks were shown over the image, by a program or from the annotations. */
  #hasMasks = false;
  #isSuspended = true;

  /** @param {ContentHost} host */
  constructor(host) {
    this.#host = host;
  }

  /** @returns {OpenImage | undefined} */
  get image() {
    return this.#image;
  }

  /** Opens what the attributes name after the current task. */
  follow = afterTask(() => this.#follow());

  /**
   * Opens an image instead of the one before.
   * @param {string | Blob | null} source
   * @param {OpenOptions} options
   * @returns {Promise<boolean>} Whether the image is shown.
   */
  async open(source, options) {
    const { viewer, notices } = this.#host;
    this.#loading?.controller.abort();
    const controller = new AbortController();
    const loading = (this.#loading = { controller, reopen: () => this.open(source, options) });
    this.#reopen = undefined;
    const { signal } = controller;
    notices.progress('Loading the image');
    try {
      const blob = await blobOf(source, options, signal);
      const image = await decodeImage(blob, options.key);
      if (!(await viewer.load()) || signal.aborted) {
        image.bitmap.close();
        return false;
      }
      this.#show(image);
      const { width, height } = image.bitmap;
      viewer.dispatch({ type: 'imageOpened', key: image.key, width, height });
      this.#host.opened(`sha256 ${image.sha256}`);
      return true;
    } catch (thrown) {
      if (!signal.aborted && (await viewer.load()) && !signal.aborted)
        this.#showMissing(failureOf(thrown, 'image'), options);
      return false;
    } finally {
      if (this.#loading === loading) {
        this.#loading = undefined;
        notices.done();
      }
    }
  }

  /** Closes the image. */
  close() {
    this.#loading?.controller.abort();
    this.#forget();
    this.#host.viewer.dispatch({ type: 'imageClosed' });
    this.#host.opened(null);
    this.#host.notices.empty();
  }

  /**
   * Shows masks instead of those before.
   * @param {import('./masks.js').MaskToShow[]} masks
   * @param {import('./notices.js').Turned} [turned]
   */
  showMasks(masks, turned) {
    this.#host.notices.turned(turned);
    const { descriptions, offsets, boundaries } = described(masks);
    this.#hasMasks = true;
    this.#host.viewer.apply((viewer) => viewer.showMasks(descriptions, offsets, boundaries));
  }

  /** Drops the masks if `annotations` was removed, or shows those of the new file. */
  changeAnnotations() {
    const { isConnected, annotations } = this.#host.tag();
    if (annotations === null) {
      this.#annotations.free();
      this.showMasks([]);
    }
    // An image that was shown with other masks is opened again.
    if (!isConnected) this.#src = null;
    this.follow();
  }

  /** Continues where `suspend` stopped. */
  async resume() {
    this.#isSuspended = false;
    const { src } = this.#host.tag();
    if (src !== this.#src) return this.follow();
    if (this.#reopen) await this.#reopen();
    else if (this.#image?.bitmap.width === 0) await this.#restore(this.#image);
    if (!this.#hasMasks) await this.#showAnnotations();
  }

  /** Stops loading and frees the bitmap and the annotations. */
  suspend() {
    this.#isSuspended = true;
    this.#loading?.controller.abort();
    this.#reopen = this.#loading?.reopen;
    this.#annotations.free();
    this.#host.viewer.ask((module) => module.clearImage());
    this.#image?.bitmap.close();
    this.#host.models.forgetImage();
    this.#host.notices.done();
  }

  /** @param {OpenImage} image */
  #show(image) {
    const { viewer, models, notices } = this.#host;
    this.#image?.bitmap.close();
    this.#image = image;
    this.#hasMasks = false;
    notices.turned();
    models.useImage(image);
    viewer.ask((module) => module.setImage(image.bitmap));
    notices.clear(
      image.isCutOff ? 'The image file is cut off: its lower part is missing and filled.' : '',
    );
  }

  /** Decodes the image again, whose bitmap was closed. @param {OpenImage} image */
  async #restore(image) {
    const { viewer, models, fail } = this.#host;
    const isOutdated = () => this.#image !== image || this.#isSuspended;
    const decoding = decodeImage(image.blob, image.key).catch((thrown) => {
      if (!isOutdated()) fail(failureOf(thrown, 'image'), true);
    });
    const bitmap = (await decoding)?.bitmap;
    if (!bitmap) return;
    if (isOutdated()) return bitmap.close();
    this.#image = { ...image, bitmap };
    models.useImage(this.#image);
    viewer.ask((module) => module.setImage(bitmap));
    viewer.invalidate();
  }

  /** @param {import('../pkg/viewer.js').Failure} failure @param {OpenOptions} options */
  #showMissing(failure, { key, size, isExplained = false, keepsOpen = false }) {
    const { viewer, notices, fail } = this.#host;
    if (keepsOpen && this.#image) {
      notices.clear(`${failure.message} The image before stays open.`);
      return fail(failure, false);
    }
    this.#forget();
    if (size) {
      viewer.dispatch({ type: 'imageOpened', key, width: size[0], height: size[1] });
      this.#host.opened(`key ${key}`);
      notices.clear(isExplained ? '' : `${failure.message} Its masks are drawn on an empty frame.`);
      if (isExplained) return;
    } else {
      viewer.dispatch({ type: 'imageClosed' });
      this.#host.opened(null);
    }
    fail(failure, !size);
  }

  #forget() {
    this.#image?.bitmap.close();
    this.#image = undefined;
    this.#hasMasks = false;
    this.#host.notices.turned();
    this.#host.models.forgetImage();
    this.#host.viewer.ask((module) => module.clearImage());
  }

  async #follow() {
    const { isConnected, src } = this.#host.tag();
    if (!isConnected) return;
    if (src !== this.#src) {
      this.#src = src;
      if (!src) return this.close();
      if (!(await this.open(src, { key: src }))) return;
    }
    await this.#showAnnotations();
  }

  /** @param {boolean} [isTurned] Whether masks are turned where sizes do not tell it. */
  async #showAnnotations(isTurned = false) {
    const { annotations, src } = this.#host.tag();
    const image = this.#image;
    if (!annotations || !src || image?.key !== src) return;
    const isOutdated = () => {
      const tag = this.#host.tag();
      const isSame = tag.src === src && tag.annotations === annotations;
      return this.#isSuspended || !isSame || this.#image?.key !== image.key;
    };
    try {
      const { width, height } = image.bitmap;
      const { orientation } = image;
      /** @type {import('./annotation-file.js').Frame} */
      const frame = { size: [width, height], orientation };
      const found = await this.#annotations.masksOf(annotations, src, frame, isTurned);
      const choose = (/** @type {boolean} */ choice) => this.#showAnnotations(choice);
      if (!isOutdated())
        this.showMasks(found.masks, { maskFrame: found.maskFrame, isTurned, choose });
    } catch (thrown) {
      if (isOutdated()) return;
      const failure = failureOf(thrown, 'annotations');
      this.#host.viewer.dispatch({ type: 'masksFailed', failure });
    }
  }
}

/**
 * Returns the encoded image of a source, else that of the alternative address.
 * @param {string | Blob | null} source
 * @param {OpenOptions} options
 * @param {AbortSignal} signal
 * @returns {Promise<Blob>}
 */
async function blobOf(source, { alternative, missing }, signal) {
  const other = alternative && alternative !== source ? alternative : null;
  try {
    if (source === null)
      throw new ViewerError('image-missing', missing ?? 'The image is not available.');
    return typeof source === 'string' ? await fetchImage(source, signal) : source;
  } catch (thrown) {
    if (signal.aborted || !other) throw thrown;
    return fetchImage(other, signal).catch((second) => {
      if (signal.aborted) throw second;
      const { code, message } = failureOf(thrown, 'image');
      throw new ViewerError(code, `${message} ${failureOf(second, 'image').message}`);
    });
  }
}
