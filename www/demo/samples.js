/**
 * @file The sample images: a list of them, and the record of each when it is opened. `tools/samples.mjs`
 *   writes the files.
 */

/** @typedef {import('../viewer/annotation-file.js').ImageRecord} ImageRecord */
/** @typedef {import('../viewer/annotation-file.js').Overview} Overview */

/**
 * @typedef {Pick<ImageRecord, 'id' | 'file' | 'url' | 'size'> & { titles: string[] }} ListedImage An
 *   image without its annotations, but with the different titles of their entities.
 */

/** Pages through the samples as through an annotation file, without reading theirs. */
export class Samples {
  #base;
  #images;

  /**
   * @param {string} base Address of their folder, with a slash at its end.
   * @param {{ overview: Overview, images: ListedImage[] }} list
   */
  constructor(base, { overview, images }) {
    this.#base = base;
    this.#images = images;
    this.overview = overview;
  }

  /** Loads the list. @param {string} base */
  static async open(base) {
    return new Samples(base, await fetchJson(`${base}list.json`));
  }

  /** Selects all of them: samples are not searched. */
  async select() {
    return { images: this.#images.length };
  }

  /** @param {string} id */
  async place(id) {
    const place = this.#images.findIndex((image) => image.id === id);
    return place < 0 ? null : place;
  }

  /** @param {number} start @param {number} count */
  async page(start, count) {
    return this.#images.slice(start, start + count);
  }

  /**
   * Loads an image's annotations.
   * @param {string} id
   * @returns {Promise<ImageRecord>}
   */
  async record(id) {
    const record = await fetchJson(`${this.#base}records/${id}.json`);
    for (const annotation of record.annotations) {
      const { size, runs } = annotation;
      let end = 0;
      annotation.mask = { size, boundaries: Uint32Array.from(runs, (run) => (end += run)) };
    }
    return record;
  }

  /**
   * Loads an image's cached answers.
   * @param {string} id
   * @returns {Promise<import('../pkg/viewer.js').CachedAnswer[]>}
   */
  async cachedAnswers(id) {
    return fetchJson(`${this.#base}cached/${id}.json`);
  }

  close() {}
}

/** @param {string} address */
async function fetchJson(address) {
  const response = await fetch(address).catch((cause) => {
    throw new Error(`${address} could not be fetched.`, { cause });
  });
  if (!response.ok) throw new Error(`The server returned ${response.status} for ${address}.`);
  return await response.json();
}
