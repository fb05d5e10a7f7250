/**
 * @file Keeps the masks of each image in this browser's IndexedDB, and restores them when the image is
 * opened again.
 */

import { failureOf } from './errors.js';

/** @import { KeptRecord } from '../pkg/viewer.js' */

const DATABASE = 'masklink';
const STORE = 'kept';

/**
 * @typedef {object} Kept
 * @property {KeptRecord[]} records
 * @property {number} savedAt Milliseconds since 1970.
 */

export class KeptStore {
  #viewer;
  #fail;
  /** Name of the open image. @type {string | null} */
  #name = null;
  /** Whether the stored masks of the open image were restored; none are stored before. */
  #isRestored = false;
  /** The writes in progress, one after the other. @type {Promise<void>} */
  #writing = Promise.resolve();

  /**
   * @param {import('./handle.js').ViewerHandle} viewer
   * @param {(failure: import('../pkg/viewer.js').Failure) => void} fail
   */
  constructor(viewer, fail) {
    this.#viewer = viewer;
    this.#fail = fail;
  }

  /** Restores the masks of an image that was opened. @param {string} name */
  async opened(name) {
    this.#name = name;
    this.#isRestored = false;
    try {
      // What was just kept on it may still be on its way.
      await this.#writing;
      const stored = await transaction('readonly', (store) => store.get(name));
      if (this.#name !== name) return;
      const records = /** @type {Kept | undefined} */ (stored)?.records ?? [];
      this.#isRestored = true;
      if (records.length > 0) this.#viewer.dispatch({ type: 'keptRestored', records });
    } catch (thrown) {
      this.#fail(failureOf(thrown, 'kept-store'));
    }
  }

  /** Forgets which image is open. */
  closed() {
    this.#name = null;
  }

  /** Stores the masks of the open image. */
  changed() {
    const name = this.#name;
    if (name === null || !this.#isRestored) return;
    const records = this.#viewer.ask((viewer) => viewer.keptRecords()) ?? [];
    const write = () =>
      transaction('readwrite', (store) =>
        records.length > 0 ? store.put({ records, savedAt: Date.now() }, name) : store.delete(name),
      );
    this.#writing = this.#writing
      .then(write)
      .then(() => {})
      .catch((thrown) => this.#fail(failureOf(thrown, 'kept-store')));
  }
}

/** The connection of this page. @type {Promise<IDBDatabase> | undefined} */
let connection;

function connected() {
  connection ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => {
      // Another page may need to upgrade or delete the database.
      request.result.onversionchange = () => {
        request.result.close();
        connection = undefined;
      };
      resolve(request.result);
    };
    request.onerror = () => {
      connection = undefined;
      reject(unavailable(request.error));
    };
  });
  return connection;
}

/**
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest} ask
 * @returns {Promise<unknown>} The result once the transaction is complete.
 */
async function transaction(mode, ask) {
  const database = await connected();
  return await new Promise((resolve, reject) => {
    const running = database.transaction(STORE, mode);
    const request = ask(running.objectStore(STORE));
    running.oncomplete = () => resolve(request.result);
    running.onabort = running.onerror = () => reject(unavailable(running.error));
  });
}

/** @param {DOMException | null} cause */
function unavailable(cause) {
  const reason = cause?.message ? `: ${cause.message.replace(/\.$/, '')}` : '';
  return new Error(
    `This browser cannot store the kept masks${reason}. Export them before you close the page.`,
    { cause },
  );
}
