/** @file Opens a database of this browser's IndexedDB that has one store, and makes requests of it. */

/**
 * Opens a database; a missing one is made.
 * @param {string} name
 * @param {string} store Name of its store.
 * @returns {Promise<IDBDatabase>}
 */
export function openDatabase(name, store) {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(store);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/**
 * Makes one request in a transaction of its own.
 * @param {IDBDatabase} database
 * @param {string} store
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest} ask
 * @returns {Promise<unknown>} The result once the transaction is complete.
 */
export function inStore(database, store, mode, ask) {
  return new Promise((resolve, reject) => {
    const running = database.transaction(store, mode);
    const request = ask(running.objectStore(store));
    running.oncomplete = () => resolve(request.result);
    running.onabort = running.onerror = () => reject(running.error);
  });
}
