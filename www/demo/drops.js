/** @file Reads what a person drops on a page: images, annotation files and folders of both. */

import { keepPath } from './folder.js';

/** Maximum number of files that are taken from dropped folders. */
const MAX_FILES = 1_000_000;
const ANNOTATIONS = /\.(json|jsonl|ndjson)(\.gz)?$|\.gz$/i;
const IMAGES = /\.(jpe?g|jpe|jfif|png|webp|gif|bmp|avif|tiff?|heic)$/i;

/**
 * @typedef {object} Sorted
 * @property {File | null} annotations The annotation file; of several, the one nearest to the top, and of
 *   those `annotations.json` or the largest.
 * @property {File[]} images
 * @property {File[]} others
 */

/**
 * Returns the dropped files, also those of dropped folders, and handles of what was dropped where the
 * browser has them. Must be called while the event is handled.
 * @param {DataTransfer} data
 * @returns {Promise<Sorted & { handles: FileSystemHandle[] }>}
 */
export async function droppedFiles(data) {
  // Without handles the files are read all the same; only a later visit cannot offer them.
  const handles = handlesIn(data).catch(() => []);
  /** @type {FileSystemEntry[]} */
  const folders = [];
  /** @type {File[]} */
  const files = [];
  for (const item of data.items) {
    if (item.kind !== 'file') continue;
    const entry = item.webkitGetAsEntry?.();
    const file = item.getAsFile();
    if (entry?.isDirectory) folders.push(entry);
    else if (file) files.push(file);
  }
  for (const folder of folders) await read(folder, files);
  return { ...chosenAmong(files), handles: await handles };
}

/**
 * Sorts files into the annotation file, the images and the others.
 * @param {File[]} files
 * @returns {Sorted}
 */
export function chosenAmong(files) {
  const isImage = (/** @type {File} */ { type, name }) =>
    type.startsWith('image/') || IMAGES.test(name);
  const annotations = files.filter(({ name }) => ANNOTATIONS.test(name)).sort(byLikelihood);
  const chosen = annotations[0] ?? null;
  const images = files.filter(isImage);
  const others = files.filter((file) => file !== chosen && !isImage(file));
  return { annotations: chosen, images, others };
}

/** @type {WeakMap<File, number>} */
const depths = new WeakMap();

/** Notes the path of a file in a folder. @param {File} file @param {string} path */
export function placeFile(file, path) {
  keepPath(file, path);
  depths.set(file, path.split('/').length);
}

/** @param {DataTransfer} data @returns {Promise<FileSystemHandle[]>} */
async function handlesIn(data) {
  const asked = [...data.items]
    .filter(({ kind }) => kind === 'file')
    .map((item) => /** @type {any} */ (item).getAsFileSystemHandle?.().catch(() => null));
  return (await Promise.all(asked)).filter(Boolean);
}

/** @param {File} one @param {File} other */
function byLikelihood(one, other) {
  const depth = (depths.get(one) ?? 0) - (depths.get(other) ?? 0);
  const isNamed = (/** @type {File} */ { name }) => Number(/^annotations\b/i.test(name));
  return depth || isNamed(other) - isNamed(one) || other.size - one.size;
}

/**
 * Adds the files below a folder, without those whose names begin with a dot.
 * @param {FileSystemEntry} root
 * @param {File[]} files
 */
async function read(root, files) {
  const folders = [root];
  for (let folder = folders.pop(); folder; folder = folders.pop()) {
    const reader = /** @type {FileSystemDirectoryEntry} */ (folder).createReader();
    for (;;) {
      /** @type {FileSystemEntry[]} */
      const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (entries.length === 0) break;
      for (const entry of entries) {
        if (entry.name.startsWith('.')) continue;
        if (entry.isDirectory) folders.push(entry);
        else files.push(await fileOf(/** @type {FileSystemFileEntry} */ (entry)));
        if (files.length >= MAX_FILES) return;
      }
    }
  }
}

/** @param {FileSystemFileEntry} entry @returns {Promise<File>} */
async function fileOf(entry) {
  /** @type {File} */
  const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
  const path = entry.fullPath.replace(/^\/+/, '');
  placeFile(file, path);
  return file;
}
