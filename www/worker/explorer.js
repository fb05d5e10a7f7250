/** @file The worker of the explorer: owns one open source and runs the page's queries on it. */

import init, { Explorer } from '../pkg/explorer.js';
import { keepCatalog, keptCatalog } from './catalogs.js';
import { MasklinkError } from './errors.js';
import { MeasuringWorkers } from './measuring.js';
import { serve } from './rpc.js';

/** @typedef {import('../pkg/explorer.js').ItemPage} ItemPage */
/** @typedef {import('./rpc.js').Call} Call */

/** @type {Explorer | undefined} */
let explorer;

/** Returns the open source. */
function opened() {
  if (!explorer) throw new MasklinkError('not-open', 'No annotations are open.');
  return explorer;
}

/**
 * Opens the source of this worker.
 * @param {{ source: Blob | string }} argument A file, or an address.
 * @param {Call} call
 */
async function open({ source }, { signal, progress }) {
  await init();
  const report = (
    /** @type {number} */ bytes,
    /** @type {number} */ total,
    /** @type {number} */ annotations,
    /** @type {string} */ phase,
  ) => progress({ bytes, total, annotations, phase });
  const isCancelled = () => signal.aborted;
  const { next, isKept } =
    typeof source === 'string'
      ? { next: await Explorer.openUrl(source, report, isCancelled), isKept: false }
      : await openFile(source, report, isCancelled);
  if (signal.aborted) {
    next.free();
    throw new MasklinkError('cancelled', 'Opening was cancelled.');
  }
  explorer = next;
  return { result: { overview: JSON.parse(explorer.overview()), isKept } };
}

/**
 * Opens a local file by the catalog that an earlier visit kept, or else scans it; tells whether the
 * catalog of a scanned file is kept now.
 * @param {Blob} file
 * @param {Function} report
 * @param {() => boolean} isCancelled
 */
async function openFile(file, report, isCancelled) {
  const kept = await keptCatalog(file);
  if (kept) {
    try {
      return { next: await Explorer.openIndexed(file, kept), isKept: false };
    } catch (thrown) {
      // One of an earlier version; it is replaced.
      if (thrown instanceof WebAssembly.RuntimeError) throw thrown;
    }
  }
  const workers = MeasuringWorkers.for(file.size);
  const measure =
    workers &&
    ((
      /** @type {number} */ first,
      /** @type {Uint8Array} */ json,
      /** @type {Uint32Array} */ lengths,
    ) => workers.measure(first, json, lengths));
  try {
    const scanned = await Explorer.openFile(file, measure, report, isCancelled);
    const isKept = !isCancelled() && (await keepCatalog(file, () => scanned.storedCatalog()));
    return { next: scanned, isKept };
  } finally {
    workers?.end();
  }
}

/** Returns the items of a page, and moves its boundaries. @param {ItemPage} page It is freed. */
function contentOf(page) {
  const boundaries = /** @type {Uint32Array<ArrayBuffer>} */ (page.boundaries());
  const items = JSON.parse(page.items());
  page.free();
  // A missing ability of a host shows when it is first asked.
  const cannot = JSON.parse(opened().cannot());
  return { result: { items, boundaries, cannot }, transfer: [boundaries.buffer] };
}

serve({
  open,
  entities: async ({ text, count }) => ({
    result: JSON.parse(await opened().entities(text, count)),
  }),
  select: async (filter) => ({ result: JSON.parse(await opened().select(JSON.stringify(filter))) }),
  page: async ({ start, count }) => contentOf(await opened().page(start, count)),
  position: async ({ row }) => ({ result: (await opened().position(row)) ?? null }),
  find: async ({ id }) => contentOf(await opened().find(id)),
  imageItems: async ({ imageId }) => contentOf(await opened().imageItems(imageId)),
  items: async ({ rows }) => contentOf(await opened().items(rows)),
  similar: async ({ row }) => contentOf(await opened().similar(row)),
  record: async ({ row }) => ({ result: JSON.parse(await opened().record(row)) }),
});
