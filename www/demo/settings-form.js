/** @file Builds the settings dialog, which all pages share. */

import { h } from '../viewer/dom.js';

/** @typedef {import('../viewer/dom.js').Child} Child */

/** Attributes of a field that holds an address. */
const ADDRESS = {
  type: 'url',
  inputmode: 'url',
  autocomplete: 'off',
  spellcheck: 'false',
};

/**
 * Returns the dialog with its form; the fields are empty.
 * @returns {{ dialog: HTMLDialogElement, form: HTMLFormElement }}
 */
export function settingsDialog() {
  const form = h(
    'form',
    { method: 'dialog', id: 'settings-form' },
    h('h2', { id: 'settings-title' }, 'Settings'),
    endpoint(),
    details(),
    segmentation(),
    appearance(),
    h(
      'div',
      { class: 'dialog-actions' },
      h('button', { type: 'button', class: 'button', id: 'reset-settings' }, 'Reset all'),
      h('button', { class: 'button primary', value: 'done' }, 'Done'),
    ),
  );
  const dialog = h('dialog', { id: 'settings', 'aria-labelledby': 'settings-title' }, form);
  return { dialog, form };
}

function endpoint() {
  return group(
    'Linking by a server (endpoint)',
    labelled('Address', serverField('endpoint', 'endpoint-help')),
    note(
      'endpoint-help',
      'An endpoint is a server that says which Wikipedia entity a mask shows. It receives the ' +
        'image and the mask. Without one, nothing is sent: this page compares the mask with its ' +
        'own index, a list of known entities and how they look.',
    ),
    labelled('Token', tokenField('token', 'token-help')),
    note('token-help', 'A password, only if the endpoint asks for one. It is not stored.'),
    h('button', { type: 'button', class: 'button', id: 'test-endpoint' }, 'Test'),
    h('div', { id: 'test-results', role: 'status' }),
    labelled('Compare with', serverField('compareWith', 'compare-help')),
    note(
      'compare-help',
      'A second server, optional. It receives the same, and its result is shown beside the first. ' +
        'An address may end in ?backend=NAME, for another back end of one server.',
    ),
    labelled('Token of the second server', tokenField('compareToken', 'compare-token-help')),
    note(
      'compare-token-help',
      'A password, only if the second server asks for one. It is not stored.',
    ),
  );
}

/** @param {string} name @param {string} help Id of the note about it. */
function serverField(name, help) {
  return h('input', {
    ...ADDRESS,
    name,
    pattern: 'https?://.+',
    title: 'An address that begins with http:// or https://',
    placeholder: 'https://…',
    'aria-describedby': help,
  });
}

/** @param {string} name @param {string} help Id of the note about it. */
function tokenField(name, help) {
  return h('input', { name, type: 'password', autocomplete: 'off', 'aria-describedby': help });
}

function segmentation() {
  return group(
    'Outlines of clicked objects',
    labelled('Model', h('select', { name: 'model' })),
    check('encoder', 'The linking endpoint reads the image (for slow devices)', 'encoder-help'),
    note(
      'encoder-help',
      'The first outline comes sooner on a slow device. The endpoint receives the image as soon as ' +
        'you point at it, and must offer this.',
    ),
  );
}

function details() {
  const from = h('input', {
    ...ADDRESS,
    name: 'detailsFrom',
    pattern: String.raw`https?://.+\{(title|qid)\}.*`,
    title: 'An address that begins with http:// or https:// and holds {title} or {qid}',
    'aria-describedby': 'details-from-help',
  });
  return group(
    'Details from Wikipedia',
    check('details', 'A sentence and an image on each card', 'details-help'),
    note(
      'details-help',
      'Off, nothing is requested. On, the server below learns the names of the entities shown, ' +
        'but never sees the image.',
    ),
    labelled('Summaries from', from),
    note(
      'details-from-help',
      '{title} stands for an entity’s title and {qid} for its Wikidata number. An empty field ' +
        'means Wikipedia in English.',
    ),
  );
}

function appearance() {
  const opacity = h('input', { name: 'opacity', type: 'range', min: 0, max: 1, step: 0.05 });
  return group(
    'Appearance',
    labelled('Mask opacity', opacity),
    choice('Colours', 'colorMode', { entity: 'By entity', mask: 'By mask' }),
    check('patterns', 'Patterns in masks, to tell them apart without colour'),
    check('labels', 'Names on the image'),
    check('boxes', 'Boxes around masks'),
    choice('Theme', 'theme', { auto: 'System', light: 'Light', dark: 'Dark' }),
    choice('Drawn by', 'renderer', {
      auto: 'The graphics card (WebGPU), else the processor',
      webgpu: 'WebGPU, also without a graphics card',
      cpu: 'The processor',
    }),
  );
}

/** @param {string} title @param {...Child} children */
function group(title, ...children) {
  return h('fieldset', {}, h('legend', {}, title), ...children);
}

/** @param {string} words @param {HTMLElement} control */
function labelled(words, control) {
  return h('label', { class: 'field' }, `${words} `, control);
}

/** @param {string} words @param {string} name @param {Record<string, string>} values */
function choice(words, name, values) {
  const options = Object.entries(values).map(([value, text]) => h('option', { value }, text));
  return labelled(words, h('select', { name }, ...options));
}

/** @param {string} name @param {string} words @param {string} [help] Id of the note about it. */
function check(name, words, help) {
  const box = h('input', { name, type: 'checkbox', 'aria-describedby': help });
  return h('label', { class: 'check' }, box, ` ${words}`);
}

/** @param {string} id @param {string} words */
function note(id, words) {
  return h('p', { id, class: 'note' }, words);
}
