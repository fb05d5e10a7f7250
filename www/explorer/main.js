/** @file The explorer: a source of annotations to search, filter, look at and export. */

import '../mask-viewer.js';
import { connectBeside } from '../demo/beside.js';
import { loadEndpoint, loadModels } from '../demo/host.js';
import { icon } from '../viewer/icons.js';
import { Explorer } from './explorer.js';

const byId = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const viewer = /** @type {import('../mask-viewer.js').MaskViewer} */ (byId('viewer'));

for (const [id, name] of /** @type {const} */ ([
  ['to-demo', 'pick'],
  ['open-source', 'data'],
  ['open-settings', 'settings'],
  ['close', 'previous'],
  ['previous', 'previous'],
  ['next', 'next'],
]))
  byId(id).prepend(icon(name));

const { settings } = connectBeside(viewer, { isStated: true });
const explorer = new Explorer(viewer);
byId('open-settings').addEventListener('click', settings.open);
byId('settings-form').addEventListener('change', () => explorer.recolor());
explorer.begin();
loadOptions();

/** Loads what only the viewer's tools need. */
async function loadOptions() {
  const [endpoint, models] = await Promise.all([loadEndpoint(), loadModels()]);
  settings.setDefaultEndpoint(endpoint);
  if (models) settings.setModels(models);
}
