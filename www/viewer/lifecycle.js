/**
 * @file Starts a viewer's engine, and starts it again where another renderer was asked for
 * meanwhile.
 */

/** @typedef {import('./handle.js').Engine} Engine */
/** @typedef {import('./types.js').Settings['renderer']} Renderer */

/**
 * @typedef {object} StarterHost
 * @property {() => Renderer} renderer The one that is asked for now.
 * @property {(renderer: Renderer) => Promise<Engine>} create
 * @property {(engine: Engine) => void} ready
 * @property {() => void} outdated The engine is there, but another renderer is asked for.
 * @property {(thrown: unknown) => void} failed
 */

export class Starter {
  #host;
  /** @type {Promise<Engine> | undefined} */
  #starting;
  /** The engine, once it is there. @type {Engine | undefined} */
  engine;
  #gpuFailed = false;

  /** @param {StarterHost} host */
  constructor(host) {
    this.#host = host;
  }

  /** What draws, and a word on which adapter or why. @returns {Engine['renderer'] | undefined} */
  get renderer() {
    return this.engine && this.#gpuFailed
      ? { kind: 'cpu', note: 'the GPU failed' }
      : this.engine?.renderer;
  }

  /** From now on the CPU draws, whatever is asked for: the GPU failed. */
  fallBack() {
    this.#gpuFailed = true;
  }

  /** The GPU may be tried again. */
  trust() {
    this.#gpuFailed = false;
  }

  async start() {
    let asked = this.#wanted;
    // After the page's own scripts, which may ask for another renderer as soon as the element is there.
    const starting = (this.#starting = Promise.resolve().then(() => {
      asked = this.#wanted;
      return this.#host.create(asked);
    }));
    try {
      const engine = await starting;
      if (starting !== this.#starting) return engine.free();
      this.engine = engine;
      this.#host.ready(engine);
      if (asked !== this.#wanted) this.#host.outdated();
    } catch (thrown) {
      if (starting === this.#starting) this.#host.failed(thrown);
    }
  }

  /**
   * The engine that is to be used, once it is there; undefined where it cannot start, which
   * `failed` tells.
   * @returns {Promise<Engine | undefined>}
   */
  async started() {
    for (;;) {
      const starting = this.#starting;
      const engine = await starting?.catch(() => undefined);
      if (starting === this.#starting) return engine;
    }
  }

  /** Ends the engine, or its start. */
  free() {
    this.engine?.free();
    this.engine = this.#starting = undefined;
  }

  get #wanted() {
    return this.#gpuFailed ? 'cpu' : this.#host.renderer();
  }
}
