/**
 * @file Remembers the dataset opened last by the handles of its files, which the browser keeps, so that a
 *   later visit can offer it again. Nothing is remembered where the browser has no handles.
 */

import { inStore, openDatabase } from '../viewer/database.js';
import { filesBelow } from './tree.js';

const DATABASE = 'masklink-datasets';
const STORE = 'datasets';
const KEY = 'last';
/** Maximum number of handles that are kept: the person is asked about each. */
const MAX_HANDLES = 16;

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
    await inDatasets('readwrite', (store) => store.put({ name, prefix, handles }, KEY));
  } catch {
    // A browser that keeps nothing offers nothing.
  }
}

/** Returns the dataset that was remembered. @returns {Promise<Remembered | null>} */
export async function remembered() {
  if (!('FileSystemHandle' in globalThis)) return null;
  try {
    const kept = await inDatasets('readonly', (store) => store.get(KEY));
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
 * Returns the files of handles and below their folders.
 * @param {FileSystemHandle[]} handles
 */
export function filesOf(handles) {
  return filesBelow(handles.map((handle) => nodeOf(handle, handle.name)));
}

/**
 * @param {PermissionHandle} handle
 * @param {string} path
 * @returns {import('./tree.js').Node}
 */
function nodeOf(handle, path) {
  const { name } = handle;
  if (handle.kind === 'file') return { name, path, read: () => handle.getFile() };
  const list = async function* () {
    for await (const child of handle.values()) yield nodeOf(child, `${path}/${child.name}`);
  };
  return { name, path, list };
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
 */
async function inDatasets(mode, ask) {
  const database = await openDatabase(DATABASE, STORE);
  try {
    return await inStore(database, STORE, mode, ask);
  } finally {
    database.close();
  }
}
