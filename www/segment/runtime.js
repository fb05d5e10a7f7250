/**
 * @file ONNX Runtime in the worker: which of its builds is loaded, who computes, and how a graph is run.
 *
 * Three builds lie beside the page. The WebGPU provider waits for the GPU from within WebAssembly:
 * where the browser can suspend a module (`WebAssembly.Suspending`) that is the jspi build, else
 * the asyncify build, which is rewritten for it, larger and slower. Without a GPU the third, for
 * the processor alone, is the smallest. The asyncify build's module is published gzipped, because
 * unpacked it is larger than some hosts take (25 MiB).
 */

import { SegmentError, codeOf, messageOf } from './messages.js';

/** @typedef {typeof import('onnxruntime-web')} Ort */
/** @typedef {import('onnxruntime-web').InferenceSession} InferenceSession */
/** @typedef {'webgpu' | 'wasm'} Provider */
/** @typedef {'jspi' | 'asyncify' | 'wasm'} Build */

const FOLDER = new URL('../vendor/onnxruntime/', import.meta.url);

/** @type {Record<Build, { script: string, module: string }>} */
const BUILDS = {
  jspi: { script: 'ort.jspi.bundle.min.mjs', module: 'ort-wasm-simd-threaded.jspi.wasm' },
  asyncify: {
    script: 'ort.webgpu.bundle.min.mjs',
    module: 'ort-wasm-simd-threaded.asyncify.wasm.gzip',
  },
  wasm: { script: 'ort.wasm.bundle.min.mjs', module: 'ort-wasm-simd-threaded.wasm' },
};

/** One build of ONNX Runtime, loaded, and the provider its graphs run on. */
export class Runtime {
  /** @type {Ort} */
  #ort;
  /** @type {Provider} */
  provider;
  /** @type {string[]} */
  reasons;

  /**
   * @param {Ort} ort
   * @param {Build} build
   * @param {Provider} provider
   * @param {string[]} reasons
   */
  constructor(ort, build, provider, reasons) {
    this.#ort = ort;
    this.build = build;
    this.provider = provider;
    this.reasons = reasons;
  }

  /** Threads the processor's provider uses: more than one only on a cross-origin isolated page. */
  get threads() {
    return this.#ort.env.wasm.numThreads ?? 1;
  }

  /**
   * Loads the build that fits this browser, or the one asked for.
   * @param {{ provider?: Provider, build?: Build }} asked
   */
  static async load(asked) {
    /** @type {string[]} */
    const reasons = [];
    const provider = asked.provider ?? (await bestProvider(reasons));
    const canSuspend = 'Suspending' in WebAssembly;
    const build = asked.build ?? (provider === 'wasm' ? 'wasm' : canSuspend ? 'jspi' : 'asyncify');
    if (build === 'asyncify' && !asked.build) {
      reasons.push('this browser cannot suspend WebAssembly (JSPI), so the asyncify build runs');
    }
    try {
      return new Runtime(await loadBuild(build), build, provider, reasons);
    } catch (cause) {
      throw new SegmentError(
        'runtime-missing',
        `ONNX Runtime (${build}) could not be loaded: ${messageOf(cause)}. Reload the page; if it stays so, the files under ${FOLDER.pathname} are missing or not served as JavaScript and WebAssembly.`,
        { cause },
      );
    }
  }

  /** Goes over to the processor, for good, and says why. @param {string} reason */
  stepDown(reason) {
    this.provider = 'wasm';
    this.reasons.push(reason);
  }

  /**
   * @param {Uint8Array} graph The bytes of an ONNX file.
   * @param {Provider} [provider] Who computes.
   * @returns {Promise<InferenceSession>}
   */
  async session(graph, provider = this.provider) {
    return await this.#ort.InferenceSession.create(graph, {
      executionProviders: [provider],
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
    });
  }

  /**
   * Runs a graph and answers the wanted outputs' elements, which must be 32-bit floats.
   * @param {InferenceSession} session
   * @param {{ name: string, shape: readonly number[], data: Float32Array | Uint8Array }[]} inputs
   * @param {readonly string[]} wanted
   * @returns {Promise<Float32Array[]>}
   */
  async run(session, inputs, wanted) {
    return (await this.outputs(session, inputs, wanted)).map(({ data }) => data);
  }

  /**
   * The same with the outputs' shapes.
   * @param {InferenceSession} session
   * @param {{ name: string, shape: readonly number[], data: Float32Array | Uint8Array }[]} inputs
   * @param {readonly string[]} wanted
   * @returns {Promise<{ shape: readonly number[], data: Float32Array }[]>}
   */
  async outputs(session, inputs, wanted) {
    const { Tensor } = this.#ort;
    const tensor = (
      /** @type {Float32Array | Uint8Array} */ data,
      /** @type {readonly number[]} */ shape,
    ) =>
      data instanceof Float32Array
        ? new Tensor('float32', data, shape)
        : new Tensor('uint8', data, shape);
    const feeds = Object.fromEntries(
      inputs.map(({ name, shape, data }) => [name, tensor(data, shape)]),
    );
    const outputs = await session.run(feeds, wanted);
    return wanted.map((name) => {
      const { data, dims: shape } = outputs[name] ?? {};
      if (!(data instanceof Float32Array) || !shape) {
        throw new SegmentError(
          'model-output',
          `The model did not answer ${name} as 32-bit floats; it does not fit its description.`,
        );
      }
      return { shape, data };
    });
  }
}

/**
 * A failure of the runtime itself, which carries no code of ours, said so that a person can act on
 * it.
 * @param {unknown} thrown
 */
export function inWords(thrown) {
  if (codeOf(thrown, '')) return thrown;
  return new SegmentError(
    'model-run',
    `The model could not be run: ${messageOf(thrown)}. Close other pages to free memory, then try again.`,
    { cause: thrown },
  );
}

/**
 * @param {string[]} reasons Gets why it is not the GPU.
 * @returns {Promise<Provider>}
 */
async function bestProvider(reasons) {
  const gpu = /** @type {{ gpu?: { requestAdapter(): Promise<any> } }} */ (navigator).gpu;
  if (!gpu) {
    reasons.push(
      self.isSecureContext
        ? 'this browser has no WebGPU'
        : 'WebGPU needs a page served by https or from localhost',
    );
    return 'wasm';
  }
  try {
    const adapter = await gpu.requestAdapter();
    if (!adapter) {
      reasons.push('this browser has WebGPU, but found no GPU');
    } else if (adapter.info?.isFallbackAdapter ?? adapter.isFallbackAdapter) {
      reasons.push('the GPU is emulated in software, which is slower than the processor itself');
    } else {
      return 'webgpu';
    }
  } catch (thrown) {
    reasons.push(`the GPU could not be asked: ${messageOf(thrown)}`);
  }
  return 'wasm';
}

/** @param {Build} build @returns {Promise<Ort>} */
async function loadBuild(build) {
  const { script, module } = BUILDS[build];
  /** @type {Ort} */
  const ort = await import(new URL(script, FOLDER).href);
  const address = new URL(module, FOLDER);
  ort.env.logLevel = 'error';
  ort.env.wasm.numThreads = self.crossOriginIsolated
    ? Math.min(4, navigator.hardwareConcurrency || 1)
    : 1;
  if (module.endsWith('.gzip')) {
    ort.env.wasm.wasmBinary = await unpacked(address);
  } else {
    ort.env.wasm.wasmPaths = { wasm: address.href };
  }
  return ort;
}

/** @param {URL} address */
async function unpacked(address) {
  const response = await fetch(address);
  if (!response.ok || !response.body)
    throw new Error(`the server answered ${response.status} for ${address.pathname}`);
  return await new Response(
    response.body.pipeThrough(new DecompressionStream('gzip')),
  ).arrayBuffer();
}
