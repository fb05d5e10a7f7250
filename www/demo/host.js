/** @file Loads what the page's host offers: its linking endpoint, and the list of its models. */

import { webAddress } from './links.js';

/** Names this host's endpoint: `masklink serve` names itself, a static host none. */
const ENDPOINT = 'endpoint.json';
const MODELS = 'models/models.json';

/** Returns the address of the host's endpoint; null where it has none. */
export async function loadEndpoint() {
  return webAddress((await optionalJson(ENDPOINT))?.endpoint);
}

/**
 * Returns the host's segmentation models; null where it has none.
 * @returns {Promise<{ default: string, models: { id: string, title: string }[] } | null>}
 */
export async function loadModels() {
  const list = await optionalJson(MODELS);
  return Array.isArray(list?.models) ? list : null;
}

/**
 * Fetches JSON; returns null where the host has none or sends HTML.
 * @param {string} address
 */
async function optionalJson(address) {
  try {
    const response = await fetch(address);
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}
