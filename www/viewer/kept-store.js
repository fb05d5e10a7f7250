/**
 * @file Keeps the masks of each image in this browser's IndexedDB, and restores them when the image is
 * opened again.
 */

import { inStore, openDatabase } from './database.js';
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
      // A write of this image may still be under way.
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
  connection ??= openDatabase(DATABASE, STORE).then(
    (database) => {
      // Another page may need to upgrade or delete the database.
      database.onversionchange = () => {
        database.close();
        connection = undefined;
      };
      return database;
    },
    (cause) => {
      connection = undefined;
      throw cause;
    },
  );
  return connection;
}

/**
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest} ask
 * @returns {Promise<unknown>} The result once the transaction is complete.
 */
async function transaction(mode, ask) {
  try {
    return await inStore(await connected(), STORE, mode, ask);
  } catch (cause) {
    const { message = '' } = /** @type {{ message?: string }} */ (cause ?? {});
    const reason = message && `: ${message.replace(/\.$/, '')}`;
    throw new Error(
      `This browser cannot store the kept masks${reason}. Export them before you close the page.`,
      { cause },
    );
  }
}
