/** @file The demo page: puts samples, datasets and photos into the viewer and shows what it finds. */

import '../mask-viewer.js';
import { openAnnotations } from '../dataset-client.js';
import { loadViewer } from '../element/module.js';
import { fill } from '../element/dom.js';
import { icon } from '../element/icons.js';
import { keepAddress, readAddress } from './address.js';
import { Browser } from './browser.js';
import { Collection } from './collection.js';
import { connectDatasetDialog } from './dataset.js';
import { listenForPictures } from './open.js';
import { Panel } from './panel.js';
import { connectSettings } from './settings.js';
import { inFolder, underAddress } from './sources.js';
import { showStatus } from './status.js';

const SAMPLES = 'samples/';
const RECORDINGS = 'samples/recorded.json';
const MODELS = 'models/models.json';
/** Names the endpoint of this host: the server that comes with the page says itself, a static host none. */
const ENDPOINT = 'endpoint.json';

const viewer = /** @type {import('../mask-viewer.js').MaskViewer} */ (document.getElementById('viewer'));
const byId = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));

const settings = connectSettings(viewer);
const panel = new Panel(viewer, settings.open);
const browser = new Browser(viewer, panel);
showStatus(viewer, byId('status'));
viewer.tool = 'pick';

for (const [id, name] of /** @type {const} */ ([['choose-photo', 'photo'], ['choose-dataset', 'data'], ['open-settings', 'settings']])) byId(id).prepend(icon(name));
byId('open-settings').addEventListener('click', settings.open);
listenForPictures({ button: byId('choose-photo'), input: /** @type {HTMLInputElement} */ (byId('photo-input')), hint: byId('drop-hint') }, async (file) => {
  browser.leave();
  viewer.tool = 'pick';
  await viewer.openPicture(file, { key: file.name });
});
connectDatasetDialog(byId('choose-dataset'), async ({ file, folder, prefix, progress, signal }) => {
  const annotations = await openAnnotations(file, { onProgress: ({ bytes, total, annotations: found }) => progress(reading(bytes, total, found)), signal });
  const collection = new Collection(file.name, annotations, folder.length > 0 ? inFolder(folder) : underAddress(prefix));
  viewer.tool = 'select';
  await browser.show(collection, describe(annotations.overview), { search: true });
  await browser.openFirst();
});

begin();

async function begin() {
  offerModels();
  const [, recordings, host] = await Promise.all([loadViewer(), optionalJson(RECORDINGS), optionalJson(ENDPOINT)]);
  settings.offerEndpoint(typeof host?.endpoint === 'string' ? new URL(host.endpoint, document.baseURI).href : null);
  const address = readAddress();
  browser.recordings = recordings ?? {};
  try {
    await openServed(new URLSearchParams(location.search).get('data'));
    await openFirst(address);
  } catch (thrown) {
    fill(byId('strip-note'), `The pictures could not be loaded: ${thrown instanceof Error ? thrown.message : thrown}`);
  }
  keepAddress(viewer, () => browser.key);
}

/** Opens a folder of annotations.json and images/ that a server has, else the samples. @param {string | null} folder */
async function openServed(folder) {
  const base = folder ? folder.replace(/\/*$/, '/') : SAMPLES;
  const annotations = await openAnnotations(`${base}annotations.json`);
  const collection = new Collection(folder ?? 'Sample pictures', annotations, underAddress(`${base}images/`));
  if (folder) viewer.tool = 'select';
  const words = folder ? describe(annotations.overview) : 'Rendered from our own models, so everyone may use them.';
  await browser.show(collection, words, { search: folder !== null });
}

/** @param {import('./address.js').Address} address */
async function openFirst({ picture, view, mask }) {
  const found = picture !== null && await browser.open(picture);
  if (!found) return browser.openFirst();
  if (view) viewer.view = view;
  const index = viewer.snapshot?.shown.findIndex(({ id }) => id === mask) ?? -1;
  if (mask !== null && index >= 0) viewer.selectMask(index);
}

async function offerModels() {
  const list = await optionalJson(MODELS);
  if (Array.isArray(list?.models)) settings.offerModels(list.models);
}

/** JSON that a host may leave out. @param {string} address */
async function optionalJson(address) {
  const response = await fetch(address);
  return response.ok ? response.json() : null;
}

/**
 * @param {number} bytes
 * @param {number | null} total
 * @param {number} found
 */
function reading(bytes, total, found) {
  const megabytes = (/** @type {number} */ count) => (count / 1e6).toFixed(count < 1e7 ? 1 : 0);
  return `Read ${megabytes(bytes)}${total === null ? '' : ` of ${megabytes(total)}`} MB, ${found.toLocaleString('en')} annotations`;
}

/** @param {{ pictures: number, annotations: number, categories: number, findings: { code: string, count: number }[] }} overview */
function describe({ pictures, annotations, categories, findings }) {
  const wrong = findings.reduce((sum, { count }) => sum + count, 0);
  const words = [`${annotations.toLocaleString('en')} masks of ${categories.toLocaleString('en')} entities on ${pictures.toLocaleString('en')} pictures`];
  if (wrong > 0) words.push(`${wrong.toLocaleString('en')} findings`);
  return `${words.join(', ')}.`;
}
