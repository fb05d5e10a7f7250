/**
 * @file Remembers the dataset opened last by the handles of its files, which the browser keeps, so that a
 *   later visit can offer it again. Nothing is remembered where the browser has no handles.
 */

import { placeFile } from './drops.js';

const DATABASE = 'masklink-datasets';
const STORE = 'datasets';
const KEY = 'last';
/** Maximum number of handles that are kept: the person is asked about each. */
const MAX_HANDLES = 16;
/** Maximum number of files that are read from folders. */
const MAX_FILES = 1_000_000;

/** @typedef {any} PermissionHandle A `FileSystemHandle`, of which TypeScript does not know all methods. */
/** @typedef {{ annotations: FileSystemFileHandle | null, others: FileSystemHandle[] }} Handles */
/**
 * @typedef {object} Remembered
 * @property {string} name Of the annotation file.
 * @property {string} prefix Address of the images, where they have one.
 * @property {Handles} handles Of the annotation file where it was chosen by itself, and of what was
 *   chosen or dropped with it.
 */

/**
 * Remembers a dataset instead of the one before.
 * @param {Remembered} dataset
 */
export async function remember({ name, prefix, handles }) {
  const { annotations, others } = handles;
  const count = others.length + (annotations ? 1 : 0);
  if (count === 0 || count > MAX_HANDLES) return;
  try {
    await inStore('readwrite', (store) => store.put({ name, prefix, handles }, KEY));
  } catch {
    // A browser that keeps nothing offers nothing.
  }
}

/** Returns the dataset that was remembered. @returns {Promise<Remembered | null>} */
export async function remembered() {
  if (!('FileSystemHandle' in globalThis)) return null;
  try {
    const kept = await inStore('readonly', (store) => store.get(KEY));
    return /** @type {Remembered | undefined} */ (kept) ?? null;
  } catch {
    return null;
  }
}

/**
 * Asks for the permission to read a remembered dataset, and lists its files. Must be called by a click.
 * @param {Remembered} dataset
 * @returns {Promise<{ annotations: File | null, files: File[] }>} The annotation file where it is
 *   remembered by itself, and all other files.
 */
export async function readAgain({ name, handles: { annotations, others } }) {
  for (const handle of annotations ? [annotations, ...others] : others)
    if (!(await isReadable(handle)))
      throw new Error(`The browser was not allowed to read ${name}. Open it again.`);
  try {
    return {
      annotations: annotations && (await annotations.getFile()),
      files: await filesOf(others),
    };
  } catch (cause) {
    throw new Error(`${name} or its folder was moved or removed. Open it again.`, { cause });
  }
}

/**
 * Returns the files of handles and below their folders, without those whose names begin with a dot.
 * @param {FileSystemHandle[]} handles
 * @returns {Promise<File[]>}
 */
export async function filesOf(handles) {
  /** @type {File[]} */
  const files = [];
  /** @type {[string, PermissionHandle][]} */
  const left = handles.map((handle) => ['', handle]);
  for (let next = left.pop(); next; next = left.pop()) {
    const [folder, handle] = next;
    if (handle.kind === 'file') {
      const file = await handle.getFile();
      if (folder) placeFile(file, folder + file.name);
      files.push(file);
    } else {
      for await (const child of handle.values())
        if (!child.name.startsWith('.')) left.push([`${folder}${handle.name}/`, child]);
    }
    if (files.length >= MAX_FILES) break;
  }
  return files;
}

/** @param {PermissionHandle} handle */
async function isReadable(handle) {
  const wanted = { mode: 'read' };
  const state = (await handle.queryPermission?.(wanted)) ?? 'granted';
  return state === 'granted' || (await handle.requestPermission(wanted)) === 'granted';
}

/**
 * Makes a request of the store of datasets.
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest} ask
 * @returns {Promise<unknown>} Its result once the transaction is complete.
 */
async function inStore(mode, ask) {
  /** @type {IDBDatabase} */
  const database = await new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  try {
    return await new Promise((resolve, reject) => {
      const running = database.transaction(STORE, mode);
      const request = ask(running.objectStore(STORE));
      running.oncomplete = () => resolve(request.result);
      running.onabort = running.onerror = () => reject(running.error);
    });
  } finally {
    database.close();
  }
}
