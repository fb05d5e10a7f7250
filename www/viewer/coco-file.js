/** @file A file of COCO: its ids are numbers, and the names they stand for are beside them. */

/** Collects annotations with their images and categories. */
export class CocoFile {
  /** @type {Map<string, object & { id: number }>} */
  #images = new Map();
  /** @type {Map<string, object & { id: number }>} */
  #categories = new Map();
  /** @type {string[]} */
  #annotations = [];

  /**
   * Adds an annotation, and its image and category where they are new.
   * @param {[string, object]} image Its key and the fields beside its id.
   * @param {[string, object]} category Its key and the fields beside its id.
   * @param {object} annotation The fields beside its ids.
   */
  add(image, category, annotation) {
    this.#annotations.push(
      JSON.stringify({
        id: this.#annotations.length + 1,
        image_id: numbered(this.#images, image),
        category_id: numbered(this.#categories, category),
        ...annotation,
      }),
    );
  }

  /** Returns the parts of the file. */
  parts() {
    const list = (/** @type {Map<string, object>} */ of) => JSON.stringify([...of.values()]);
    return [
      `{"images":${list(this.#images)},\n"categories":${list(this.#categories)},\n"annotations":[\n`,
      this.#annotations.join(',\n'),
      '\n]}\n',
    ];
  }
}

/**
 * Returns the number of an object, from 1, which is added if it is new.
 * @param {Map<string, object & { id: number }>} map
 * @param {[string, object]} named
 */
function numbered(map, [key, object]) {
  const known = map.get(key);
  if (known) return known.id;
  const id = map.size + 1;
  map.set(key, { id, ...object });
  return id;
}
