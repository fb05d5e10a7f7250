/**
 * @file Keeps the catalogs of large local files in the origin's private file system, so that a file that
 *   was opened before opens at once.
 */

/** Folder of the catalogs. */
const FOLDER = 'catalogs';
/** Maximum number of catalogs that are kept. */
const MAX_KEPT = 6;
/** Files up to this length are read again: that takes a second. */
const SMALL_BYTES = 64e6;

/**
 * The catalog of a file that was opened before and has not changed.
 * @param {Blob} file
 * @returns {Promise<Blob | null>}
 */
export async function keptCatalog(file) {
  const name = nameOf(file);
  if (name === null) return null;
  try {
    const folder = await folderOf();
    return await (await folder.getFileHandle(name)).getFile();
  } catch {
    // It was not kept, or this browser keeps nothing.
    return null;
  }
}

/**
 * Keeps the catalog of a file, if there is space for it; returns whether it is kept.
 * @param {Blob} file
 * @param {() => Uint8Array | undefined} bytes
 */
export async function keepCatalog(file, bytes) {
  const name = nameOf(file);
  if (name === null) return false;
  const folder = await folderOf().catch(() => null);
  if (!folder) return false;
  try {
    await removeOldest(folder);
    const handle = await folder.getFileHandle(`${name}.part`, { create: true });
    const access = await /** @type {any} */ (handle).createSyncAccessHandle();
    try {
      const catalog = bytes();
      if (!catalog || access.write(catalog) !== catalog.length) throw new Error('no space');
      access.flush();
    } finally {
      access.close();
    }
    // A catalog under its own name is complete.
    await /** @type {any} */ (handle).move(name);
    return true;
  } catch {
    // Without space the file is scanned again next time.
    await folder.removeEntry(`${name}.part`).catch(() => {});
    return false;
  }
}

async function folderOf() {
  const root = await navigator.storage.getDirectory();
  return await root.getDirectoryHandle(FOLDER, { create: true });
}

/** @param {FileSystemDirectoryHandle} folder */
async function removeOldest(folder) {
  /** @type {{ name: string, lastModified: number }[]} */
  const kept = [];
  for await (const handle of /** @type {any} */ (folder).values()) {
    const { lastModified } = await handle.getFile();
    kept.push({ name: handle.name, lastModified });
  }
  kept.sort((a, b) => b.lastModified - a.lastModified);
  for (const { name } of kept.slice(MAX_KEPT - 1)) await folder.removeEntry(name);
}

/**
 * Names a file by its name, length and date; null for one that is not worth it.
 * @param {Blob} file
 */
function nameOf(file) {
  if (!(file instanceof File) || file.size < SMALL_BYTES) return null;
  return encodeURIComponent(`${file.name} ${file.size} ${file.lastModified}.masklink`).slice(-200);
}
