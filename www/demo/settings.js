/** @file The settings dialog. This browser keeps the settings, but not the token. */

import { h } from '../viewer/dom.js';

/** @typedef {import('../pkg/viewer.js').Settings} Settings */
/** @typedef {(name: string) => HTMLInputElement & HTMLSelectElement} FieldOf A field of the form. */

const KEY = 'masklink.settings';

/**
 * @param {import('../mask-viewer.js').MaskViewer} viewer
 * @returns {{ open: () => void, setModels: (list: { default: string, models: { id: string, title:
 *   string }[] }) => void, setDefaultEndpoint: (endpoint: string | null) => void }}
 */
export function connectSettings(viewer) {
  const dialog = /** @type {HTMLDialogElement} */ (document.getElementById('settings'));
  const form = /** @type {HTMLFormElement} */ (document.getElementById('settings-form'));
  /** @type {FieldOf} */
  const field = (name) => /** @type {ReturnType<FieldOf>} */ (form.elements.namedItem(name));
  /** @type {Settings} */
  const initial = { ...viewer.settings };
  const kept = read();
  /** The host's own endpoint, used unless the person sets another. @type {string | null} */
  let hosts = null;
  viewer.configure({ ...initial, ...kept.settings });
  applyTheme(kept.theme);

  form.addEventListener('input', (event) => {
    const name = event.target instanceof Element ? event.target.getAttribute('name') : null;
    // An address is applied when it is complete, not at each letter.
    if (name !== 'endpoint' && name !== 'token') take();
  });
  form.addEventListener('change', take);
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close();
  });

  function take() {
    const before = viewer.settings;
    const theme = field('theme').value;
    const settings = settingsIn(field, before);
    // A token belongs to one endpoint: it must not be sent to another.
    if (settings.endpoint !== before.endpoint) field('token').value = '';
    viewer.token = field('token').value || null;
    viewer.configure(settings);
    applyTheme(theme);
    kept.settings = differing(settings, { ...initial, endpoint: hosts });
    keep({ settings: kept.settings, theme });
  }

  return {
    open() {
      showSettings(field, viewer.settings);
      field('token').value = viewer.token ?? '';
      field('theme').value = document.documentElement.dataset.theme ?? 'auto';
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
    model: field('model').options.length > 0 ? field('model').value || null : before.model,
    opacity: Number(field('opacity').value),
    colorMode: field('colorMode').value === 'mask' ? 'mask' : 'entity',
    patterns: field('patterns').checked,
    labels: field('labels').checked,
    boxes: field('boxes').checked,
    renderer: field('renderer').value === 'cpu' ? 'cpu' : 'auto',
  };
}

/**
 * Writes settings into the form's fields.
 * @param {FieldOf} field
 * @param {Settings} settings
 */
function showSettings(field, settings) {
  field('endpoint').value = settings.endpoint ?? '';
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

/** @param {string} theme */
function applyTheme(theme) {
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}

/** Reads the stored settings; missing or unreadable ones give the defaults. */
function read() {
  try {
    const { settings = {}, theme = 'auto' } = JSON.parse(localStorage.getItem(KEY) ?? '{}');
    return { settings: /** @type {Partial<Settings>} */ (settings), theme: String(theme) };
  } catch {
    return { settings: {}, theme: 'auto' };
  }
}

/** @param {{ settings: Partial<Settings>, theme: string }} what */
function keep(what) {
  try {
    localStorage.setItem(KEY, JSON.stringify(what));
  } catch {
    // A browser that keeps nothing still uses the settings until the page is closed.
  }
}
