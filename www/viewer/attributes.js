/**
 * @file The attributes of a viewer as properties, also where these were set before the element was
 * defined.
 */

/** Mirrors the attributes that are no settings, and keeps the token. */
export class AttributesElement extends HTMLElement {
  static observedAttributes = [
    'src',
    'annotations',
    'endpoint',
    'model',
    'tool',
    'controls',
    'nokeep',
  ];

  /** @type {string | null} */
  #token = null;

  /** Address of the image. */
  get src() {
    return this.getAttribute('src');
  }

  set src(value) {
    this.#reflect('src', value);
  }

  /** Address of the masks. */
  get annotations() {
    return this.getAttribute('annotations');
  }

  set annotations(value) {
    this.#reflect('annotations', value);
  }

  /** Whether the tools are shown. */
  get controls() {
    return this.hasAttribute('controls');
  }

  set controls(value) {
    this.toggleAttribute('controls', value);
  }

  /** Whether masks cannot be kept by the person. */
  get noKeep() {
    return this.hasAttribute('nokeep');
  }

  set noKeep(value) {
    this.toggleAttribute('nokeep', value);
  }

  /** Whether kept masks are stored in this browser, for each image. */
  get persist() {
    return this.hasAttribute('persist');
  }

  set persist(value) {
    this.toggleAttribute('persist', value);
  }

  /**
   * Bearer token for the endpoint, kept in memory only and therefore no attribute. It stays when the
   * endpoint is changed.
   */
  get token() {
    return this.#token;
  }

  set token(value) {
    this.#token = value;
  }

  /**
   * @param {string} name
   * @param {string | null} value
   */
  #reflect(name, value) {
    if (value === null) this.removeAttribute(name);
    else this.setAttribute(name, value);
  }
}

/**
 * Sets properties again that were set before the element was defined: they hide those of its class.
 * @template {HTMLElement} T
 * @param {T} element
 * @param {readonly (keyof T)[]} names
 */
export function takeEarly(element, names) {
  for (const name of names) {
    if (!Object.hasOwn(element, name)) continue;
    const value = element[name];
    delete (/** @type {Partial<T>} */ (element)[name]);
    element[name] = value;
  }
}
