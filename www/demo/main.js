/** @file The demo page: opens samples, datasets and photos in the viewer and shows the entities found. */

import '../mask-viewer.js';
import { openAnnotations } from '../viewer/annotation-file.js';
import { fill } from '../viewer/dom.js';
import { failureOf } from '../viewer/errors.js';
import { icon } from '../viewer/icons.js';
import { keepAddress, parseAddress } from './address.js';
import { Articles } from './articles.js';
import { Browser } from './browser.js';
import { Collection } from './collection.js';
import { connectDatasetDialog } from './dataset.js';
import { countOf } from './findings.js';
import { Knowledge } from './knowledge.js';
import { KeptList } from './kept.js';
import { KnownList } from './known-list.js';
import { webAddress } from './links.js';
import { listenForImages } from './open.js';
import { Panel } from './panel.js';
import { Samples } from './samples.js';
import { connectSettings } from './settings.js';
import { inFolder, underAddress } from './sources.js';
import { showStatus } from './status.js';

const SAMPLES = 'samples/';
const MODELS = 'models/models.json';
/** Names this host's endpoint: `masklink serve` names itself, a static host none. */
const ENDPOINT = 'endpoint.json';

const viewer = /** @type {import('../mask-viewer.js').MaskViewer} */ (
  document.getElementById('viewer')
);
const byId = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));

const articles = new Articles();
const knowledge = new Knowledge();
const known = new KnownList(knowledge);
const settings = connectSettings(viewer, articles);
const panel = new Panel(
  viewer,
  { settings: settings.open, list: (model) => known.open(model) },
  { articles, knowledge },
  new KeptList(viewer, knowledge),
);
const browser = new Browser(viewer, panel);
showStatus(viewer, byId('status'));
viewer.tool = 'pick';

for (const [id, name] of /** @type {const} */ ([
  ['to-explorer', 'grid'],
  ['choose-photo', 'photo'],
  ['choose-dataset', 'data'],
  ['open-settings', 'settings'],
]))
  byId(id).prepend(icon(name));
byId('open-settings').addEventListener('click', settings.open);
/**
 * The kind of content that the person opened while the samples were loading; the samples then do not
 * replace it.
 * @type {'nothing' | 'photo' | 'dataset'}
 */
let taken = 'nothing';
listenForImages(
  {
    button: byId('choose-photo'),
    input: /** @type {HTMLInputElement} */ (byId('photo-input')),
    hint: byId('drop-hint'),
  },
  async (file) => {
    if (taken === 'nothing') taken = 'photo';
    browser.leave();
    viewer.tool = 'pick';
    await viewer.openImage(file, { key: file.name });
  },
  (file) => chooseDataset(file),
);
const chooseDataset = connectDatasetDialog(
  byId('choose-dataset'),
  async ({ file, folder, prefix, progress, signal }) => {
    const annotations = await openAnnotated(file, {
      onProgress: ({ bytes, total, annotations: found }) => progress(reading(bytes, total, found)),
      signal,
    });
    if (signal.aborted) annotations.close();
    signal.throwIfAborted();
    taken = 'dataset';
    const collection = new Collection(
      file.name,
      annotations,
      folder.length > 0 ? inFolder(folder) : underAddress(prefix),
    );
    viewer.tool = 'select';
    await browser.show(collection, describe(annotations.overview), { search: true });
    browser.openFirst().catch(showProblem);
  },
);
byId('skip').addEventListener('click', (event) => {
  // Following the link would replace the image's name in the address.
  event.preventDefault();
  viewer.focus();
});

begin();

/** Opens the image that the address names, or else the first one, and then loads the rest. */
async function begin() {
  try {
    const [host] = await Promise.all([
      optionalJson(ENDPOINT),
      openServed(new URLSearchParams(location.search).get('data')),
    ]);
    settings.setDefaultEndpoint(webAddress(host?.endpoint));
    if (taken === 'nothing' && !(await follow())) await browser.openFirst();
  } catch (thrown) {
    showProblem(thrown);
  }
  keepAddress(viewer, () => browser.key);
  addEventListener('hashchange', () => follow().catch(showProblem));
  // Nothing that follows is needed to see the first image: it is drawn before.
  requestAnimationFrame(() =>
    setTimeout(() => {
      browser.showThumbnails();
      loadModels();
    }),
  );
}

/** Shows why there are no images. @param {unknown} thrown */
function showProblem(thrown) {
  fill(byId('strip-note'), `The images could not be loaded: ${failureOf(thrown, 'page').message}`);
}

/**
 * Opens a folder of annotations.json and images/ that a server has, else the samples.
 * @param {string | null} folder
 */
async function openServed(folder) {
  const base = folder ? folder.replace(/\/*$/, '/') : SAMPLES;
  const annotations = await (folder
    ? openAnnotated(`${base}annotations.json`)
    : Samples.open(base));
  if (taken === 'dataset') return annotations.close();
  const find = underAddress(`${base}images/`);
  const collection = new Collection(
    folder ?? 'Sample images',
    annotations,
    find,
    folder ? find : underAddress(`${base}thumbnails/`),
  );
  if (folder && taken === 'nothing') viewer.tool = 'select';
  const words = folder ? describe(annotations.overview) : 'Rendered for this project; free to use.';
  await browser.show(collection, words, { search: folder !== null });
}

/**
 * Opens an annotation file; one without images is refused.
 * @param {File | string} source
 * @param {Parameters<typeof openAnnotations>[1]} [options]
 */
async function openAnnotated(source, options) {
  const annotations = await openAnnotations(source, options);
  const { images, findings } = annotations.overview;
  if (images > 0) return annotations;
  annotations.close();
  const name = source instanceof File ? source.name : source;
  const found = findings[0]?.examples[0]?.message;
  throw new Error(
    `${name} has no images${found ? ` (${found})` : ''}. Choose Mask-OVEN-Wiki or COCO annotations.`,
  );
}

/**
 * Shows what the page's address names.
 * @returns {Promise<boolean>} Whether its image was found.
 */
async function follow() {
  const { image, view, mask } = parseAddress(location.hash);
  if (image === null || (image !== browser.key && !(await browser.open(image)))) return false;
  // Another image may have been opened meanwhile.
  if (browser.key !== image) return true;
  viewer.view = view;
  const index = viewer.snapshot?.shown.findIndex(({ id }) => id === mask) ?? -1;
  if (mask !== null && index >= 0) viewer.selectMask(index);
  return true;
}

async function loadModels() {
  const list = await optionalJson(MODELS);
  if (Array.isArray(list?.models)) settings.setModels(list);
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

/**
 * @param {number} bytes
 * @param {number | null} total
 * @param {number} found
 */
function reading(bytes, total, found) {
  const megabytes = (/** @type {number} */ count) => (count / 1e6).toFixed(count < 1e7 ? 1 : 0);
  const all = total === null ? '' : ` of ${megabytes(total)}`;
  return `Read ${megabytes(bytes)}${all} MB, ${found.toLocaleString('en')} annotations`;
}

/** @param {import('../viewer/annotation-file.js').Overview} overview */
function describe({ images, annotations, categories }) {
  const masks = countOf(annotations, 'mask', 'masks');
  const entities = countOf(categories, 'entity', 'entities');
  return `${masks} of ${entities} in ${countOf(images, 'image', 'images')}.`;
}
