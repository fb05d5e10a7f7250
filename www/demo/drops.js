/** @file Reads what a person drops on a page: images, annotation files and folders of both. */

import { pathOf } from './folder.js';
import { filesBelow } from './tree.js';

const ANNOTATIONS = /\.(json|jsonl|ndjson)(\.gz)?$|\.gz$/i;
const IMAGES = /\.(jpe?g|jpe|jfif|png|webp|gif|bmp|avif|tiff?|heic)$/i;

/**
 * @typedef {object} Sorted
 * @property {File | null} annotations The annotation file; of several, the one nearest to the top, and of
 *   those `annotations.json` or the largest.
 * @property {File[]} images
 * @property {File[]} others
 */
/** @typedef {Sorted & { handles: FileSystemHandle[] }} Dropped */

/**
 * Shows a hint while files are dragged over the page, and takes them when they are dropped.
 * @param {HTMLElement} hint
 * @param {(dropped: Dropped) => void} take
 * @param {(thrown: unknown) => void} fail
 * @param {() => boolean} [isWelcome] Whether files that are dropped now are taken.
 */
export function listenForDrops(hint, take, fail, isWelcome = () => true) {
  /** Number of elements entered and not left. */
  let depth = 0;
  const listen = (
    /** @type {'dragenter' | 'dragleave' | 'dragover' | 'drop'} */ type,
    /** @type {(event: DragEvent) => void} */ react,
  ) => document.addEventListener(type, (event) => hasFiles(event) && react(event));
  const over = (/** @type {number} */ step) => {
    depth = Math.max(0, depth + step);
    hint.hidden = depth === 0;
  };
  listen('dragenter', () => over(1));
  listen('dragleave', () => over(-1));
  listen('dragover', (event) => event.preventDefault());
  listen('drop', (event) => {
    event.preventDefault();
    over(-depth);
    if (isWelcome() && event.dataTransfer) droppedFiles(event.dataTransfer).then(take, fail);
  });
}

/** Whether files are dragged, and not over a field that takes files itself. @param {DragEvent} event */
function hasFiles(event) {
  if (event.target instanceof Element && event.target.closest('input[type=file]')) return false;
  return event.dataTransfer?.types.includes('Files') ?? false;
}

/**
 * Returns the dropped files, also those of dropped folders, and handles of what was dropped where the
 * browser has them. Must be called while the event is handled.
 * @param {DataTransfer} data
 * @returns {Promise<Dropped>}
 */
async function droppedFiles(data) {
  // Without handles the files are read all the same; only a later visit cannot offer them.
  const handles = handlesIn(data).catch(() => []);
  /** @type {import('./tree.js').Node[]} */
  const nodes = [];
  for (const item of data.items) {
    if (item.kind !== 'file') continue;
    const entry = item.webkitGetAsEntry?.();
    const file = item.getAsFile();
    if (entry?.isDirectory) nodes.push(nodeOf(entry));
    else if (file) nodes.push({ name: file.name, path: file.name, read: async () => file });
  }
  return { ...chosenAmong(await filesBelow(nodes)), handles: await handles };
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

/** @param {DataTransfer} data @returns {Promise<FileSystemHandle[]>} */
async function handlesIn(data) {
  const asked = [...data.items]
    .filter(({ kind }) => kind === 'file')
    .map((item) => /** @type {any} */ (item).getAsFileSystemHandle?.().catch(() => null));
  return (await Promise.all(asked)).filter(Boolean);
}

/** @param {File} one @param {File} other */
function byLikelihood(one, other) {
  const depthOf = (/** @type {File} */ file) => pathOf(file).split('/').length;
  const depth = depthOf(one) - depthOf(other);
  const isNamed = (/** @type {File} */ { name }) => Number(/^annotations\b/i.test(name));
  return depth || isNamed(other) - isNamed(one) || other.size - one.size;
}

/** @param {FileSystemEntry} entry @returns {import('./tree.js').Node} */
function nodeOf(entry) {
  const { name, fullPath } = entry;
  const path = fullPath.replace(/^\/+/, '');
  if (entry.isDirectory)
    return { name, path, list: () => below(/** @type {FileSystemDirectoryEntry} */ (entry)) };
  const file = /** @type {FileSystemFileEntry} */ (entry);
  return { name, path, read: () => new Promise((resolve, reject) => file.file(resolve, reject)) };
}

/** @param {FileSystemDirectoryEntry} folder */
async function* below(folder) {
  const reader = folder.createReader();
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (entries.length === 0) return;
    yield* entries.map(nodeOf);
  }
}
