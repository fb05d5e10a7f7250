/**
 * @file The worker of a page: runs the models, or holds an annotation file, as the page's calls ask.
 *
 * A page starts one for its models and one for each open annotation file.
 */

import init, { ModelRunner } from '../pkg/workers.js';
import { openAnnotations, opened } from './annotations.js';
import { Platform } from './platform.js';
import { serve } from './rpc.js';

/** @typedef {import('./rpc.js').Call} Call */

/** @type {Set<(progress: unknown) => void>} The calls under way; each learns of any download. */
const listeners = new Set();
/** @type {ModelRunner | undefined} */
let runner;
const platform = new Platform((progress) =>
  listeners.forEach((listen) => listen({ download: progress })),
);

/**
 * Runs a method of the models, telling its call of downloads.
 * @param {(runner: ModelRunner, options: any, call: Call) => Promise<any>} method
 */
function model(method) {
  return async (/** @type {any} */ options, /** @type {Call} */ call) => {
    listeners.add(call.progress);
    try {
      await init();
      runner ??= new ModelRunner(platform, options.settings);
      const result = await method(runner, options, call);
      return { result, transfer: buffersOf(result) };
    } finally {
      listeners.delete(call.progress);
    }
  };
}

serve({
  fetch: model((runner, request) => runner.fetch(request.model ?? undefined, request.isRemote)),
  prepare: model((runner, request, { signal }) => runner.prepare(request, signal)),
  segment: model((runner, request, { signal, progress }) =>
    runner.segment(request, signal, (/** @type {any} */ provisional) => progress({ provisional })),
  ),
  preview: model((runner, request, { signal }) => runner.preview(request, signal)),
  openIndex: model((runner, { index }) => runner.openIndex(index)),
  cancelDownloads: async () => {
    platform.cancelDownloads();
    return { result: undefined };
  },
  link: model((runner, request, { signal }) => runner.link(request, signal)),
  open: openAnnotations,
  categories: async ({ text, count }) => ({ result: opened().categories(text, count) }),
  select: async (query) => ({ result: opened().select(query) }),
  place: async (image) => ({ result: opened().place(image) }),
  page: async ({ start, count }) => withMasks(opened().page(start, count)),
  opened: async (image) => withMasks(opened().opened(image)),
  countFound: async (paths) => ({ result: opened().countFound(paths) }),
  image: async (address) => withMasks(opened().image(address)),
});

/** @param {{ images: unknown, boundaries: Uint32Array<ArrayBuffer> }} result */
function withMasks(result) {
  return { result, transfer: [result.boundaries.buffer] };
}

/** @param {any} result @returns {Transferable[]} */
function buffersOf(result) {
  return Object.values(result ?? {})
    .filter((value) => ArrayBuffer.isView(value))
    .map(({ buffer }) => buffer);
}
