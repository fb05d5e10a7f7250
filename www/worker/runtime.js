/**
 * @file Loads ONNX Runtime Web in the worker: the build that fits this browser, and the provider that
 * runs the graphs.
 *
 * Three builds are published beside the page. The WebGPU provider waits for the GPU from within
 * WebAssembly: where the browser can suspend a module (`WebAssembly.Suspending`) that is the jspi
 * build, else the asyncify build, which is rewritten for it, larger and slower. Without a GPU the
 * third, for the CPU alone, is the smallest. The asyncify build's module is published gzipped,
 * because unpacked it is larger than some hosts take (25 MiB).
 *
 * A list beside them states the lengths and hashes of the modules, so that they are downloaded, checked
 * and kept like a model. Without the list ONNX Runtime fetches its module itself.
 */

import { MasklinkError, messageOf } from './errors.js';

/** The list of the modules. */
const FILES = 'files.json';

/** @typedef {typeof import('onnxruntime-web')} Ort */
/** @typedef {'webgpu' | 'wasm'} Provider */
/** @typedef {'jspi' | 'asyncify' | 'wasm'} Build */
/** @typedef {import('./download.js').ModelFile} ModelFile */
/** @typedef {(file: ModelFile) => Promise<Uint8Array<ArrayBuffer>>} Download Of a file of the list. */

const CAN_SUSPEND = 'Suspending' in WebAssembly;
/** @type {Record<Build, { script: string, module: string }>} */
const BUILDS = {
  jspi: { script: 'ort.jspi.bundle.min.mjs', module: 'ort-wasm-simd-threaded.jspi.wasm' },
  asyncify: {
    script: 'ort.webgpu.bundle.min.mjs',
    module: 'ort-wasm-simd-threaded.asyncify.wasm.gzip',
  },
  wasm: { script: 'ort.wasm.bundle.min.mjs', module: 'ort-wasm-simd-threaded.wasm' },
};

/**
 * Loads the build that fits this browser, or the one asked for.
 * @param {string} folder The address that ONNX Runtime's files are below.
 * @param {Download} download
 * @param {Provider} [provider]
 * @param {Build} [build]
 * @returns {Promise<{ ort: Ort, build: Build, provider: Provider, reasons: string[] }>} `reasons`
 *   says why it is nothing faster.
 */
export async function loadRuntime(folder, download, provider, build) {
  /** @type {string[]} */
  const reasons = [];
  provider ??= await bestProvider(reasons);
  if (!build && provider === 'webgpu' && !CAN_SUSPEND)
    reasons.push('this browser cannot suspend WebAssembly (JSPI), so the asyncify build runs');
  build ??= bestBuild(provider);
  try {
    return { ort: await loadBuild(folder, build, download), build, provider, reasons };
  } catch (cause) {
    if (cause instanceof MasklinkError) throw cause;
    throw new MasklinkError(
      'runtime-missing',
      `ONNX Runtime (${build}) could not be loaded: ${messageOf(cause)}. Reload the page. ` +
        `If that does not help, check that ${folder} is served as JavaScript and WebAssembly.`,
      { cause },
    );
  }
}

/**
 * Downloads the files that `loadRuntime` would load, to the browser's caches.
 * @param {string} folder
 * @param {Download} download
 * @param {Provider} [provider]
 * @param {Build} [build]
 */
export async function fetchRuntime(folder, download, provider, build) {
  const { script, module } = BUILDS[build ?? bestBuild(provider ?? (await bestProvider([])))];
  const read = async (/** @type {string} */ file) => {
    const response = await fetch(new URL(file, folder));
    // Read to the end, so that the cache has all of it.
    await response.body?.pipeTo(new WritableStream());
  };
  const listed = await listedFile(folder, module);
  await Promise.all([read(script), listed ? download(listed) : read(module)]);
}

/**
 * Returns a module of the list; undefined where there is none.
 * @param {string} folder
 * @param {string} module
 * @returns {Promise<ModelFile | undefined>}
 */
async function listedFile(folder, module) {
  try {
    const response = await fetch(new URL(FILES, folder));
    const file = response.ok ? (await response.json())[module] : undefined;
    return file && { ...file, url: new URL(module, folder).href };
  } catch {
    return undefined;
  }
}

/** @param {Provider} provider @returns {Build} */
function bestBuild(provider) {
  return provider === 'wasm' ? 'wasm' : CAN_SUSPEND ? 'jspi' : 'asyncify';
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
    reasons.push(`the GPU could not be opened: ${messageOf(thrown)}`);
  }
  return 'wasm';
}

/**
 * @param {string} folder
 * @param {Build} build
 * @param {Download} download
 * @returns {Promise<Ort>}
 */
async function loadBuild(folder, build, download) {
  const { script, module } = BUILDS[build];
  const listed = await listedFile(folder, module);
  const [ort, bytes] = await Promise.all([
    /** @type {Promise<Ort>} */ (import(new URL(script, folder).href)),
    listed && download(listed),
  ]);
  const address = new URL(module, folder);
  ort.env.logLevel = 'error';
  // More than one thread needs a cross-origin isolated page.
  ort.env.wasm.numThreads = self.crossOriginIsolated
    ? Math.min(4, navigator.hardwareConcurrency || 1)
    : 1;
  if (module.endsWith('.gzip'))
    ort.env.wasm.wasmBinary = await unpacked(bytes ? new Response(bytes) : await fetch(address));
  else if (bytes) ort.env.wasm.wasmBinary = bytes.buffer;
  else ort.env.wasm.wasmPaths = { wasm: address.href };
  return ort;
}

/** @param {Response} response */
async function unpacked(response) {
  if (!response.ok || !response.body)
    throw new Error(`the server returned ${response.status} for ${response.url}`);
  const stream = response.body.pipeThrough(new DecompressionStream('gzip'));
  return await new Response(stream).arrayBuffer();
}
