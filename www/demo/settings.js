/** @file The settings dialog. This browser keeps the settings, but not the tokens. */

import { fill, h } from '../viewer/dom.js';
import { failureOf } from '../viewer/errors.js';
import { WIKIPEDIA } from './articles.js';
import { closeByBackdrop } from './backdrop.js';
import { testEndpoint, testOwnIndex } from './endpoint-test.js';
import { settingsDialog } from './settings-form.js';

/** @typedef {import('../pkg/viewer.js').Settings} Settings */
/**
 * @typedef {{ theme: string, details: boolean, detailsFrom: string, compareWith: string }} PageSettings Of
 *   the page alone.
 */
/**
 * @typedef {{ articles: import('./articles.js').Articles, comparison: import('./comparison.js').Comparison
 *   }} Followers
 */
/** @typedef {(name: string) => HTMLInputElement & HTMLSelectElement} FieldOf A field of the form. */

const KEY = 'masklink.settings';
/** Fields with an address or a secret: each is applied when it is complete, not at each letter. */
const WHOLE = new Set(['endpoint', 'token', 'detailsFrom', 'compareWith', 'compareToken']);
/** @type {PageSettings} */
const PAGE_DEFAULTS = { theme: 'auto', details: false, detailsFrom: '', compareWith: '' };

/**
 * Adds the dialog to the page and applies the stored settings.
 * @param {import('../mask-viewer.js').MaskViewer} viewer
 * @param {Followers} followers What follows the page's own settings.
 * @returns {{ open: () => void, setModels: (list: { default: string, models: { id: string, title:
 *   string }[] }) => void, setDefaultEndpoint: (endpoint: string | null) => void }}
 */
export function connectSettings(viewer, followers) {
  const { comparison } = followers;
  const { dialog, form } = settingsDialog();
  document.body.append(dialog);
  /** @type {FieldOf} */
  const field = (name) => /** @type {ReturnType<FieldOf>} */ (form.elements.namedItem(name));
  /** @type {Settings} */
  const initial = { ...viewer.settings };
  const kept = read();
  /** The host's own endpoint, used unless the person sets another. @type {string | null} */
  let hosts = null;
  viewer.configure({ ...initial, ...kept.settings });
  applyToPage(kept.page, followers);

  form.addEventListener('input', (event) => {
    const name = event.target instanceof Element ? event.target.getAttribute('name') : null;
    if (!WHOLE.has(name ?? '')) take();
  });
  form.addEventListener('change', take);
  closeByBackdrop(dialog);

  dialog.querySelector('#reset-settings')?.addEventListener('click', () => {
    viewer.token = comparison.token = null;
    viewer.configure({ ...initial, endpoint: hosts });
    [kept.settings, kept.page] = [{}, { ...PAGE_DEFAULTS }];
    applyToPage(kept.page, followers);
    keep(kept);
    show();
    clearTest();
  });
  const clearTest = connectTest(dialog, field);

  function show() {
    showSettings(field, viewer.settings);
    showPageSettings(field, kept.page);
    field('token').value = viewer.token ?? '';
    field('compareToken').value = comparison.token ?? '';
  }

  function take() {
    const before = viewer.settings;
    const settings = settingsIn(field, before);
    const page = pageSettingsIn(field, kept.page);
    // A token belongs to one endpoint: it must not be sent to another.
    if (settings.endpoint !== before.endpoint) field('token').value = '';
    if (page.compareWith !== kept.page.compareWith) field('compareToken').value = '';
    viewer.token = field('token').value || null;
    comparison.token = field('compareToken').value || null;
    viewer.configure(settings);
    kept.page = page;
    applyToPage(kept.page, followers);
    kept.settings = differing(settings, { ...initial, endpoint: hosts });
    keep(kept);
  }

  return {
    open() {
      show();
      dialog.showModal();
    },
    setDefaultEndpoint(endpoint) {
      hosts = endpoint;
      if (!('endpoint' in kept.settings)) viewer.configure({ endpoint });
    },
    setModels({ default: usual, models }) {
      const others = models.filter(({ id }) => id !== usual);
      // Another model may become the default, so the default is stored without an id.
      const first = models.find(({ id }) => id === usual);
      if (!first) return;
      field('model').replaceChildren(
        h('option', { value: '' }, first.title),
        ...others.map(({ id, title }) => h('option', { value: id }, title)),
      );
      const { model } = viewer.settings;
      if (model !== null && !others.some(({ id }) => id === model))
        viewer.configure({ model: null });
      field('model').value = viewer.settings.model ?? '';
    },
  };
}

/**
 * Makes the button beside the endpoint test what the fields name.
 * @param {HTMLDialogElement} dialog
 * @param {FieldOf} field
 * @returns {() => void} Removes the results.
 */
function connectTest(dialog, field) {
  const button = /** @type {HTMLButtonElement} */ (dialog.querySelector('#test-endpoint'));
  const results = /** @type {HTMLElement} */ (dialog.querySelector('#test-results'));
  /** Counts tests, so that an earlier one that is late shows nothing. */
  let tests = 0;
  const clear = () => {
    tests += 1;
    fill(results);
  };
  dialog.addEventListener('close', clear);
  dialog.addEventListener('change', clear);
  const show = (/** @type {HTMLElement[]} */ ...lines) =>
    fill(results, h('ul', { class: 'test-results' }, ...lines));
  button.addEventListener('click', async () => {
    clear();
    const test = tests;
    if (!field('endpoint').reportValidity()) return;
    show(h('li', {}, 'Testing'));
    const endpoint = field('endpoint').value.trim();
    const found = endpoint ? testEndpoint(endpoint, field('token').value) : testOwnIndex();
    const lines = await found.catch((thrown) => [
      { words: failureOf(thrown, 'page').message, isGood: false },
    ]);
    if (test !== tests) return;
    show(...lines.map(({ words, isGood }) => h('li', { class: !isGood && 'bad' }, words)));
  });
  return clear;
}

/**
 * Returns the settings in the form's fields.
 * @param {FieldOf} field
 * @param {Settings} before
 * @returns {Settings}
 */
function settingsIn(field, before) {
  return {
    // The form refuses an invalid address; the other settings are applied.
    endpoint: field('endpoint').checkValidity()
      ? field('endpoint').value.trim() || null
      : before.endpoint,
    encoder: field('encoder').checked ? 'endpoint' : 'device',
    model: field('model').options.length > 0 ? field('model').value || null : before.model,
    opacity: Number(field('opacity').value),
    colorMode: field('colorMode').value === 'mask' ? 'mask' : 'entity',
    patterns: field('patterns').checked,
    labels: field('labels').checked,
    boxes: field('boxes').checked,
    renderer: /** @type {Settings['renderer']} */ (field('renderer').value),
  };
}

/**
 * Writes settings into the form's fields.
 * @param {FieldOf} field
 * @param {Settings} settings
 */
function showSettings(field, settings) {
  field('endpoint').value = settings.endpoint ?? '';
  field('encoder').checked = settings.encoder === 'endpoint';
  field('model').value = settings.model ?? '';
  field('opacity').value = String(settings.opacity);
  field('colorMode').value = settings.colorMode;
  field('patterns').checked = settings.patterns;
  field('labels').checked = settings.labels;
  field('boxes').checked = settings.boxes;
  field('renderer').value = settings.renderer;
}

/**
 * Returns the settings that differ from the defaults. Only these are stored, so that a later
 * change of a default reaches everyone who has not changed that setting.
 * @param {Settings} settings
 * @param {Settings} initial
 * @returns {Partial<Settings>}
 */
function differing(settings, initial) {
  return Object.fromEntries(
    Object.entries(settings).filter(
      ([name, value]) => value !== initial[/** @type {keyof Settings} */ (name)],
    ),
  );
}

/**
 * Returns the page's own settings in the form's fields.
 * @param {FieldOf} field
 * @param {PageSettings} before
 * @returns {PageSettings}
 */
function pageSettingsIn(field, before) {
  const [from, other] = [field('detailsFrom'), field('compareWith')];
  return {
    theme: field('theme').value,
    details: field('details').checked,
    detailsFrom: from.checkValidity() ? from.value.trim() : before.detailsFrom,
    compareWith: other.checkValidity() ? other.value.trim() : before.compareWith,
  };
}

/**
 * @param {FieldOf} field
 * @param {PageSettings} settings
 */
function showPageSettings(field, { theme, details, detailsFrom, compareWith }) {
  field('theme').value = theme;
  field('details').checked = details;
  field('detailsFrom').value = detailsFrom || WIKIPEDIA;
  field('compareWith').value = compareWith;
}

/**
 * @param {PageSettings} settings
 * @param {Followers} followers
 */
function applyToPage({ theme, details, detailsFrom, compareWith }, { articles, comparison }) {
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  comparison.address = compareWith || null;
  articles.template = details ? detailsFrom || WIKIPEDIA : null;
}

/**
 * Reads the stored settings; missing or unreadable ones give the defaults.
 * @returns {{ settings: Partial<Settings>, page: PageSettings }}
 */
function read() {
  /** @type {any} */
  let stored;
  try {
    stored = JSON.parse(localStorage.getItem(KEY) ?? '{}');
  } catch {
    // The defaults below.
  }
  const { settings = {}, theme, details, ...addresses } = { ...PAGE_DEFAULTS, ...stored };
  const page = {
    theme: String(theme),
    details: details === true,
    detailsFrom: String(addresses.detailsFrom),
    compareWith: String(addresses.compareWith),
  };
  return { settings, page };
}

/**
 * Stores the settings, without an address that is the default.
 * @param {{ settings: Partial<Settings>, page: PageSettings }} what
 */
function keep({ settings, page: { theme, details, detailsFrom, compareWith } }) {
  const own = {
    ...(detailsFrom !== WIKIPEDIA && detailsFrom && { detailsFrom }),
    ...(compareWith && { compareWith }),
  };
  try {
    localStorage.setItem(
      KEY,
      JSON.stringify({ settings, theme, ...(details && { details }), ...own }),
    );
  } catch {
    // A browser that keeps nothing still uses the settings until the page is closed.
  }
}
