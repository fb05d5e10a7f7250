/** @file Finds the images of an annotation file among the files of a folder of this computer. */

import { ImageFiles } from '../pkg/viewer.js';
import { loadViewer } from '../viewer/module.js';

/** @typedef {import('./sources.js').NamedImage} NamedImage */

/** The files of a chosen or dropped folder. */
export class ImageFolder {
  #files;
  #found;

  /**
   * @param {File[]} files
   * @param {ImageFiles} found
   */
  constructor(files, found) {
    this.#files = files;
    this.#found = found;
  }

  /** Lists files for {@link find}. @param {File[]} files */
  static async of(files) {
    await loadViewer();
    return new ImageFolder(files, new ImageFiles(files.map(pathOf)));
  }

  /** Number of files. */
  get count() {
    return this.#files.length;
  }

  /** The files' paths. */
  get paths() {
    return this.#files.map(pathOf);
  }

  /**
   * Returns an image's file; null if there is none, or several may be meant.
   * @param {NamedImage} image
   * @returns {File | null}
   */
  find({ file, url }) {
    const index = this.#found.find(file ?? undefined, url ?? undefined);
    return index === undefined ? null : (this.#files[index] ?? null);
  }
}

/**
 * Paths of dropped files, which the browser does not keep in them.
 * @type {WeakMap<File, string>}
 */
const droppedPaths = new WeakMap();

/** Notes the path of a dropped file. @param {File} file @param {string} path */
export function keepPath(file, path) {
  droppedPaths.set(file, path);
}

/** Returns a file's path, which begins with the folder dropped or chosen. @param {File} file */
export function pathOf(file) {
  return droppedPaths.get(file) ?? (file.webkitRelativePath || file.name);
}
