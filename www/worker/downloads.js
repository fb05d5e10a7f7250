/** @file The downloads under way: the progress of all together, and one way to cancel them. */

/** @typedef {import('./download.js').ModelFile} ModelFile */
/** @typedef {{ loaded: number, total: number }} Progress Bytes of all downloads so far, and in all. */

export class Downloads {
  #progress;
  /** Bytes so far and in all, by the hash of the file. @type {Map<string, Progress>} */
  #files = new Map();
  #running = 0;
  #controller = new AbortController();

  /** @param {(progress: Progress) => void} progress */
  constructor(progress) {
    this.#progress = progress;
  }

  /** Aborted by the next cancel. */
  get signal() {
    return this.#controller.signal;
  }

  /** Ends all downloads. */
  cancel() {
    this.#controller.abort();
    this.#controller = new AbortController();
  }

  /**
   * Downloads files side by side. The failure of one ends the others.
   * @param {ModelFile[]} files
   * @param {(file: ModelFile, watch: import('./download.js').Watch) => Promise<Uint8Array<ArrayBuffer>>}
   *   download
   * @param {AbortSignal} [cancelled] {@link Downloads.signal} when what needs the files began.
   */
  async run(files, download, cancelled = this.signal) {
    const failed = new AbortController();
    const signal = AbortSignal.any([failed.signal, cancelled]);
    this.#running += 1;
    for (const { sha256, bytes } of files)
      if (!this.#files.has(sha256)) this.#files.set(sha256, { loaded: 0, total: bytes });
    const one = (/** @type {ModelFile} */ file) =>
      download(file, {
        signal,
        progress: (loaded) => {
          // Nothing is reported after the failure.
          if (!signal.aborted) this.#report(file, loaded);
        },
      });
    try {
      return await Promise.all(files.map(one));
    } finally {
      failed.abort();
      this.#running -= 1;
      if (this.#running === 0) this.#files.clear();
    }
  }

  /** @param {ModelFile} file @param {number} loaded */
  #report({ sha256, bytes }, loaded) {
    this.#files.set(sha256, { loaded, total: bytes });
    const sum = { loaded: 0, total: 0 };
    for (const each of this.#files.values()) {
      sum.loaded += each.loaded;
      sum.total += each.total;
    }
    this.#progress(sum);
  }
}
