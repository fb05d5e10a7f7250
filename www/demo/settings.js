/** @file The settings dialog. This browser keeps the settings, but not the token. */

import { h } from '../viewer/dom.js';

/** @typedef {import('../pkg/viewer.js').Settings} Settings */

const KEY = 'masklink.settings';

/**
 * @param {import('../mask-viewer.js').MaskViewer} viewer
 * @returns {{ open: () => void, setModels: (list: { default: string, models: { id: string, title:
 *   string }[] }) => void, setDefaultEndpoint: (endpoint: string | null) => void }}
 */
export function connectSettings(viewer) {
  const dialog = /** @type {HTMLDialogElement} */ (document.getElementById('settings'));
  const form = /** @type {HTMLFormElement} */ (document.getElementById('settings-form'));
  const field = (/** @type {string} */ name) =>
    /** @type {HTMLInputElement & HTMLSelectElement} */ (form.elements.namedItem(name));
  /** @type {Settings} */
  const initial = { ...viewer.settings };
  const kept = read();
  /** The host's own, unless the person sets another. @type {string | null} */
  let hosts = null;
  viewer.configure({ ...initial, ...kept.settings });
  applyTheme(kept.theme);

  form.addEventListener('input', (event) => {
    const name = event.target instanceof Element ? event.target.getAttribute('name') : null;
    // An address is taken when it is finished, not at each letter.
    if (name !== 'endpoint' && name !== 'token') take();
  });
  form.addEventListener('change', take);
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close();
  });

  function take() {
    const before = viewer.settings;
    const theme = field('theme').value;
    /** @type {Settings} */
    const settings = {
      // An address that is none is refused by the form; the other settings hold all the same.
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
    // A token is for the endpoint it was given for.
    if (settings.endpoint !== before.endpoint) field('token').value = '';
    viewer.token = field('token').value || null;
    viewer.configure(settings);
    applyTheme(theme);
    kept.settings = differing(settings, { ...initial, endpoint: hosts });
    keep({ settings: kept.settings, theme });
  }

  return {
    open() {
      const { endpoint, model, opacity, colorMode, patterns, labels, boxes, renderer } =
        viewer.settings;
      field('endpoint').value = endpoint ?? '';
      field('token').value = viewer.token ?? '';
      field('model').value = model ?? '';
      field('opacity').value = String(opacity);
      field('colorMode').value = colorMode;
      field('patterns').checked = patterns;
      field('labels').checked = labels;
      field('boxes').checked = boxes;
      field('renderer').value = renderer;
      field('theme').value = document.documentElement.dataset.theme ?? 'auto';
      dialog.showModal();
    },
    setDefaultEndpoint(endpoint) {
      hosts = endpoint;
      if (!('endpoint' in kept.settings)) viewer.configure({ endpoint });
    },
    setModels({ default: usual, models }) {
      const others = models.filter(({ id }) => id !== usual);
      // Which one the default is may change: it is chosen by no id.
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
