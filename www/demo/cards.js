/**
 * @file Cards of the entities a mask may be. Every text of an endpoint becomes a text node; every
 * address is checked.
 */

import { h } from '../viewer/dom.js';

/** Cards shown before “Show more”. */
const FIRST_CARDS = 3;
/** Maximum number of similar masks on the first card. */
const MAX_EVIDENCE = 4;
const SVG = 'http://www.w3.org/2000/svg';

/** @typedef {import('../pkg/viewer.js').ScoredEntity} Entity */
/** @typedef {import('../pkg/viewer.js').Snapshot} Snapshot */

/**
 * Returns the panel's nodes about the current mask's entity.
 * @param {Snapshot} snapshot
 * @param {{ retry: () => void, settings: () => void, ask: () => void }} actions
 * @returns {Node[]}
 */
export function entityNodes(snapshot, actions) {
  const { linking, segmenting, facts } = snapshot;
  if (segmenting) return [skeleton('Finding the object')];
  if (snapshot.segmentFailure) return [banner(snapshot.segmentFailure.message, true)];
  if (linking.phase === 'asking')
    return [
      ...failed(linking.failures),
      skeleton(
        linking.source === 'local' ? 'Searching the index of this page' : 'Asking the endpoint',
      ),
    ];
  if (linking.phase === 'failed')
    return [banner(sentences(linking.failures), true, ...remedies(actions))];
  if (linking.phase === 'answered') return answerNodes(linking, snapshot, actions);
  if (facts)
    return [
      h('p', { class: 'note' }, 'The annotation below says what it is.'),
      h('div', { class: 'row' }, button('Compare it with the index', actions.ask)),
    ];
  return [hint(snapshot)];
}

/**
 * @param {Extract<Snapshot['linking'], { phase: 'answered' }>} linking
 * @param {Snapshot} snapshot
 * @param {{ retry: () => void, settings: () => void }} actions
 */
function answerNodes({ answer, source, failures }, { confidence, heading }, actions) {
  const nodes = [];
  if (source === 'cached') {
    nodes.push(
      banner(`This is a stored answer. ${reasons(failures)}`, false, ...remedies(actions)),
    );
  } else if (failures.length > 0) {
    nodes.push(banner(sentences(failures), false, ...remedies(actions)));
  }
  nodes.push(h('p', { class: `verdict ${confidence}` }, heading));
  if (source === 'local')
    nodes.push(
      h(
        'p',
        { class: 'note' },
        failures.length > 0 ? 'Computed in this page.' : 'Computed in this page; nothing was sent.',
      ),
    );
  const cards = answer.entities.map(card);
  const list = h('ol', { class: `cards ${confidence}` }, ...cards.slice(0, FIRST_CARDS));
  nodes.push(list);
  const rest = cards.slice(FIRST_CARDS);
  if (rest.length > 0) {
    const more = button(`Show ${rest.length} more`, () => {
      list.append(...rest);
      more.remove();
      rest[0]?.querySelector('a')?.focus();
    });
    nodes.push(more);
  }
  return nodes;
}

/**
 * @param {Entity} entity
 * @param {number} place
 */
function card(entity, place) {
  const { qid, title, description, score } = entity;
  const percent = Math.round(Math.min(Math.max(score, 0), 1) * 100);
  const bar = h(
    'div',
    {
      class: 'meter',
      role: 'meter',
      'aria-label': `Score of ${title}`,
      'aria-valuemin': 0,
      'aria-valuemax': 100,
      'aria-valuenow': percent,
    },
    h('span'),
  );
  bar.style.setProperty('--score', String(percent / 100));
  return h(
    'li',
    { class: 'card' },
    thumbnail(entity),
    h(
      'div',
      { class: 'name' },
      h('h3', { dir: 'auto' }, title || qid),
      description && h('p', { class: 'about', dir: 'auto' }, description),
    ),
    h('span', { class: 'percent', 'aria-hidden': 'true' }, `${percent} %`),
    h('div', { class: 'more' }, bar, h('p', { class: 'links' }, ...links(entity))),
    place === 0 && evidence(entity),
  );
}

/** @param {Entity} entity */
function links({ qid, url }) {
  const known = /^Q[1-9]\d*$/.test(qid);
  const article =
    webAddress(url) ??
    (known ? `https://www.wikidata.org/wiki/Special:GoToLinkedPage/enwiki/${qid}` : null);
  return [
    article && outward(article, 'Wikipedia'),
    known ? outward(`https://www.wikidata.org/wiki/${qid}`, `Wikidata ${qid}`) : h('span', {}, qid),
  ].filter((node) => node !== null);
}

/**
 * @param {string} address
 * @param {string} words
 */
function outward(address, words) {
  return h('a', { href: address, target: '_blank', rel: 'noopener noreferrer' }, words);
}

/** Returns the entity's image, else a crop of a similar mask. @param {Entity} entity */
function thumbnail({ thumbnail: address, evidence: [first] = [], title }) {
  const checked = webAddress(address);
  if (checked)
    return h('img', {
      class: 'image',
      src: checked,
      alt: '',
      loading: 'lazy',
      referrerpolicy: 'no-referrer',
    });
  const crop = first && cropped(first, 1.15);
  const holder = h(
    'div',
    { class: 'image' },
    crop ?? h('span', { 'aria-hidden': 'true' }, (title || '?').slice(0, 1)),
  );
  return holder;
}

/**
 * Shows the similar masks of the index, except the one that is shown in place of the entity's image.
 * @param {Entity} entity
 */
function evidence({ evidence: seen = [], thumbnail: address }) {
  const others = seen.slice(webAddress(address) ? 0 : 1, MAX_EVIDENCE);
  const crops = others.map((one) => cropped(one, 1.25)).filter((crop) => crop !== null);
  const nearest = seen[0]?.similarity;
  if (typeof nearest !== 'number') return null;
  const count = `${seen.length} similar ${seen.length === 1 ? 'mask' : 'masks'} in the index`;
  return h(
    'div',
    { class: 'evidence' },
    ...crops,
    h('span', {}, `${count}; highest similarity ${nearest.toFixed(2)}`),
  );
}

/**
 * A square of the image around a box; nothing of the image is read by the page itself.
 * @param {import('../pkg/viewer.js').Evidence} one
 * @param {number} margin Side of the square, divided by the longer side of the box.
 */
function cropped({ image, box }, margin) {
  const address = webAddress(image);
  const [x1, y1, x2, y2] = (Array.isArray(box) ? box : []).map(Number);
  if (
    !address ||
    x1 === undefined ||
    y1 === undefined ||
    x2 === undefined ||
    y2 === undefined ||
    !(x2 > x1 && y2 > y1)
  )
    return null;
  const side = Math.max(x2 - x1, y2 - y1) * margin;
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', `${(x1 + x2 - side) / 2} ${(y1 + y2 - side) / 2} ${side} ${side}`);
  svg.setAttribute('aria-hidden', 'true');
  const node = document.createElementNS(SVG, 'image');
  node.setAttribute('href', address);
  svg.append(node);
  return svg;
}

/**
 * The address made absolute, if it is one of the web; `javascript:` and the like give null.
 * @param {string | undefined} address
 */
export function webAddress(address) {
  if (!address || !URL.canParse(address, document.baseURI)) return null;
  const url = new URL(address, document.baseURI);
  return url.protocol === 'https:' || url.protocol === 'http:' ? url.href : null;
}

/** @param {{ retry: () => void, settings: () => void }} actions */
function remedies({ retry, settings }) {
  return [button('Try again', retry), button('Settings', settings)];
}

/**
 * Returns the failures' messages as sentences.
 * @param {import('../pkg/viewer.js').Failure[]} failures
 */
function reasons(failures) {
  return failures.map(({ message }) => `${message.replace(/\.$/, '')}.`).join(' ');
}

/** @param {import('../pkg/viewer.js').Failure[]} failures */
function sentences(failures) {
  return `No result: ${reasons(failures)}`;
}

/** @param {import('../pkg/viewer.js').Failure[]} failures */
function failed(failures) {
  return failures.length > 0 ? [banner(sentences(failures), false)] : [];
}

/**
 * @param {string} words
 * @param {boolean} bad
 * @param {...Node} actions
 */
function banner(words, bad, ...actions) {
  return h(
    'div',
    { class: bad ? 'banner bad' : 'banner' },
    h('p', {}, words),
    actions.length > 0 && h('div', { class: 'row' }, ...actions),
  );
}

/** @param {string} words */
function skeleton(words) {
  return h(
    'div',
    { class: 'skeleton' },
    h('p', { class: 'note' }, `${words} …`),
    h('span'),
    h('span'),
    h('span'),
  );
}

/** @param {Snapshot} snapshot */
function hint({ image, tool }) {
  const first = !image
    ? 'Open an image to begin.'
    : tool === 'select'
      ? 'Select a mask on the image or in the list below it.'
      : tool === 'box'
        ? 'Draw a box around an object in the image.'
        : 'Click an object in the image.';
  return h(
    'div',
    { class: 'hint' },
    h('p', {}, first),
    h(
      'ul',
      {},
      h('li', {}, 'The model in this page finds its outline.'),
      h('li', {}, 'Its mask is then compared with the masks in the index.'),
      matchMedia('(hover: none)').matches
        ? h('li', {}, 'Refine with the tools Add and Remove below the image.')
        : h(
            'li',
            {},
            'Refine with ',
            h('kbd', {}, 'Ctrl'),
            ' click to add, ',
            h('kbd', {}, 'Shift'),
            ' click to remove.',
          ),
    ),
  );
}

/**
 * @param {string} words
 * @param {() => void} action
 */
function button(words, action) {
  return h(
    'button',
    { type: 'button', class: 'button', 'data-focus': words, onclick: action },
    words,
  );
}
