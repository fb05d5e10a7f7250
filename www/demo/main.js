/** @file The demo page: opens samples, datasets and photos in the viewer and shows the entities found. */

import '../mask-viewer.js';
import { openAnnotations } from '../viewer/annotation-file.js';
import { fill } from '../viewer/dom.js';
import { failureOf } from '../viewer/errors.js';
import { icon } from '../viewer/icons.js';
import { keepAddress } from './address.js';
import { connectBeside } from './beside.js';
import { Browser } from './browser.js';
import { Collection } from './collection.js';
import { connectDatasetDialog } from './dataset.js';
import { chosenAmong } from './drops.js';
import { countOf } from './findings.js';
import { ImageFolder } from './folder.js';
import { readAgain, remember, remembered } from './handles.js';
import { connectHelp } from './help.js';
import { showFirstHint } from './hint.js';
import { loadEndpoint, loadModels } from './host.js';
import { whenIdle } from './idle.js';
import { KeptList } from './kept.js';
import { Message } from './message.js';
import { listenForImages } from './open.js';
import { Places } from './places.js';
import { Samples } from './samples.js';
import { Sheet } from './sheet.js';
import { underAddress } from './sources.js';
import { showStatus } from './status.js';

const SAMPLES = 'samples/';

const viewer = /** @type {import('../mask-viewer.js').MaskViewer} */ (
  document.getElementById('viewer')
);
const byId = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));

const { settings, panel } = connectBeside(viewer, {
  keptList: (knowledge) => new KeptList(viewer, knowledge),
});
new Sheet(byId('panel'), viewer);
const browser = new Browser(viewer, panel, () => places.chosen());
const places = new Places({
  viewer,
  browser,
  nav: byId('places'),
  message: new Message(viewer),
  choosePhoto: () => byId('photo-input').click(),
  chooseDataset: () => byId('choose-dataset').click(),
  interrupt: () => reopening.abort(),
  fail: showProblem,
});
showStatus(viewer, byId('status'));
connectHelp(byId('open-help'));
showFirstHint(viewer);
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
/** Ends the reading of the last visit's dataset. */
let reopening = new AbortController();
listenForImages(
  {
    button: byId('choose-photo'),
    input: /** @type {HTMLInputElement} */ (byId('photo-input')),
    hint: byId('drop-hint'),
  },
  (file) => {
    if (taken === 'nothing') taken = 'photo';
    places.openPhoto(file);
  },
  (file, images, handles) => chooseDataset(file, images, handles),
  showProblem,
);
const chooseDataset = connectDatasetDialog(byId('choose-dataset'), openDataset);
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
    if (taken === 'nothing' && !(await places.follow())) await browser.openFirst();
  } catch (thrown) {
    showProblem(thrown);
  }
  keepAddress(viewer, () => places.current);
  addEventListener('hashchange', () => places.follow().catch(showProblem));
  offerAgain();
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
  const note = folder ? describe(annotations.overview) : 'Rendered for this project; free to use.';
  const tool = folder && taken === 'nothing' ? 'select' : viewer.tool;
  await places.showOwn({ set: null, collection, note, search: folder !== null, tool });
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
  const found = findings[0]?.examples[0]?.message.replace(/\.$/, '');
  throw new Error(
    `No annotated image was found in ${name}${found ? `: ${found}` : ''}. ` +
      'Choose a file of Mask-OVEN-Wiki, or one in the form of COCO.',
  );
}

/**
 * Opens an annotation file of this computer with its images.
 * @param {import('./dataset.js').Chosen} chosen
 */
async function openDataset({ file, folder, prefix, handles, progress, signal }) {
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
  if (signal !== reopening.signal) reopening.abort();
  const collection = images
    ? inFolder(file.name, annotations, images)
    : new Collection(file.name, annotations, underAddress(prefix));
  const words = [describe(annotations.overview), foundWords(count, annotations.overview)];
  const note = words.filter(Boolean).join(' ');
  await places.openDataset({ set: file.name, collection, note, search: true, tool: 'select' });
  remember({ name: file.name, prefix, handles });
}

/** Offers the dataset of the last visit, where the browser has kept how to read it. */
async function offerAgain() {
  const last = await remembered();
  if (!last) return;
  const open = async (/** @type {AbortSignal} */ signal) => {
    const { files, annotations } = await readAgain(last);
    signal.throwIfAborted();
    const { annotations: likely, images } = chosenAmong(files);
    const file = annotations ?? likely;
    if (!file) throw new Error(`${last.name} is not there any more.`);
    const { prefix, handles } = last;
    const progress = (/** @type {string} */ words) => {
      if (!signal.aborted) fill(byId('strip-progress'), words);
    };
    await openDataset({ file, folder: images, prefix, handles, progress, signal });
  };
  places.offer({ name: last.name, open: () => reopen(last.name, open) });
}

/**
 * Opens the dataset of the last visit, unless something else is chosen meanwhile.
 * @param {string} name
 * @param {(signal: AbortSignal) => Promise<void>} open
 */
async function reopen(name, open) {
  reopening.abort();
  const controller = (reopening = new AbortController());
  fill(byId('strip-spoken'), `Reading ${name}`);
  try {
    await open(controller.signal);
  } catch (thrown) {
    if (!controller.signal.aborted) showProblem(thrown);
  }
  if (controller !== reopening) return;
  fill(byId('strip-progress'));
  fill(byId('strip-spoken'));
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
    `None of the ${countOf(images.count, 'chosen file', 'chosen files')} matches ` +
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
