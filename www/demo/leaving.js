/** @file Says what leaves the device. */

/** Returns the host of an endpoint, as it is shown. @param {string} endpoint Its address. */
export function hostOf(endpoint) {
  return URL.canParse(endpoint, document.baseURI)
    ? new URL(endpoint, document.baseURI).host
    : endpoint;
}

/**
 * Returns host, path and back end of an endpoint, which tell it from another one.
 * @param {string} endpoint
 */
export function nameOf(endpoint) {
  if (!URL.canParse(endpoint, document.baseURI)) return endpoint;
  const { host, pathname, searchParams } = new URL(endpoint, document.baseURI);
  const backend = searchParams.get('backend');
  return `${host}${pathname.replace(/\/$/, '')}${backend ? ` (${backend})` : ''}`;
}

/**
 * Says what servers get of an image.
 * @param {string} action The step that sends it.
 * @param {(string | null)[]} endpoints Addresses of the linking endpoints.
 * @param {string | null} details Host that summaries are requested from.
 */
export function leavingWords(action, endpoints, details) {
  const hosts = new Set(endpoints.filter((endpoint) => endpoint !== null).map(hostOf));
  if (hosts.size > 0) {
    const names = new Intl.ListFormat('en').format(hosts);
    return `${action} sends the image and the mask to ${names}.`;
  }
  return details === null
    ? 'Nothing leaves this device.'
    : `The image stays on this device; ${details} gets the names of the entities found.`;
}
