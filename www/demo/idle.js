/** @file Waits until the page is idle, for downloads that a visitor's first click would wait for. */

/** Milliseconds after the page has loaded, where the browser does not tell that it is idle. */
const PAUSE = 2000;
/** Connections on which nothing is downloaded that was not asked for. */
const SLOW = /2g|3g/;

/**
 * Calls `work` once the page has loaded and is idle; never where the visitor saves data or the
 * connection is slow.
 * @param {() => void} work
 */
export function whenIdle(work) {
  const { connection } =
    /** @type {{ connection?: { saveData?: boolean, effectiveType?: string } }} */ (navigator);
  if (connection?.saveData || SLOW.test(connection?.effectiveType ?? '')) return;
  const wait = () =>
    'requestIdleCallback' in self ? requestIdleCallback(work) : setTimeout(work, PAUSE);
  if (document.readyState === 'complete') wait();
  else addEventListener('load', wait, { once: true });
}
