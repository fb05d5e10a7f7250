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
import { ImageFolder } from './folder.js';
import { loadEndpoint, loadModels } from './host.js';
import { whenIdle } from './idle.js';
import { Knowledge } from './knowledge.js';
import { KeptList } from './kept.js';
import { KnownList } from './known-list.js';
import { listenForImages } from './open.js';
import { Panel } from './panel.js';
import { Samples } from './samples.js';
import { Sheet } from './sheet.js';
import { connectSettings } from './settings.js';
import { underAddress } from './sources.js';
import { showStatus } from './status.js';

const SAMPLES = 'samples/';

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
new Sheet(byId('panel'), viewer);
const browser = new Browser(viewer, panel);
showStatus(viewer, byId('status'));
whenIdle(() => viewer.prefetch());
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
    browser.interrupt();
    if (!(await viewer.openImage(file, { key: file.name, keepsOpen: true }))) return;
    browser.leave();
    viewer.tool = 'pick';
  },
  (file, images) => chooseDataset(file, images),
  showProblem,
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
    const images = folder.length > 0 ? await ImageFolder.of(folder) : null;
    const count = images && (await annotations.countFound(images.paths));
    signal.throwIfAborted();
    taken = 'dataset';
    const collection = images
      ? inFolder(file.name, annotations, images)
      : new Collection(file.name, annotations, underAddress(prefix));
    viewer.tool = 'select';
    const words = [describe(annotations.overview), foundWords(count, annotations.overview)];
    await browser.show(collection, words.filter(Boolean).join(' '), { search: true });
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
    const [endpoint] = await Promise.all([
      loadEndpoint(),
      openServed(new URLSearchParams(location.search).get('data')),
    ]);
    settings.setDefaultEndpoint(endpoint);
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
      loadModels().then((list) => list && settings.setModels(list));
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

/**
 * Returns the images of an annotation file in a folder of this computer.
 * @param {string} title
 * @param {import('../viewer/annotation-file.js').AnnotationFile} annotations
 * @param {ImageFolder} images
 */
function inFolder(title, annotations, images) {
  const find = images.find.bind(images);
  const missing = (/** @type {import('./sources.js').NamedImage} */ { file, url }) =>
    `None of the ${countOf(images.count, 'chosen file', 'chosen files')} is known to be ` +
    `${file ?? url ?? 'this image, which the annotations do not name'}.`;
  return new Collection(title, annotations, find, find, missing);
}

/**
 * @param {number | null} count
 * @param {import('../viewer/annotation-file.js').Overview} overview
 */
function foundWords(count, { images }) {
  if (count === null) return '';
  return `${count.toLocaleString('en')} of ${countOf(images, 'image', 'images')} found here.`;
}

/** @param {import('../viewer/annotation-file.js').Overview} overview */
function describe({ images, annotations, categories }) {
  const masks = countOf(annotations, 'mask', 'masks');
  const entities = countOf(categories, 'entity', 'entities');
  return `${masks} of ${entities} in ${countOf(images, 'image', 'images')}.`;
}
