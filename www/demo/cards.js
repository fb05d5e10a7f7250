/**
 * @file Cards of the entities a mask may be. Every text of an endpoint becomes a text node; every
 * address is checked.
 */

import { fill, h } from '../viewer/dom.js';
import { reasonOf } from './articles.js';
import { cropOf, exampleButton } from './examples.js';
import { differs, knownWords, modelWords } from './knowledge.js';
import { comparedNodes } from './columns.js';
import { leavingWords, nameOf } from './leaving.js';
import { entityLinks, outward, webAddress } from './links.js';
import { TOUCH } from './media.js';

/** Maximum number of cards before “Show more”; those of 0 % come after it. */
const MAX_FIRST = 3;
/** Maximum number of similar masks on the first card. */
const MAX_EVIDENCE = 4;
/** Meaning of the number on a card. */
const SCORE_WORDS = 'Probability that the mask shows this, if the index knows it';
/** The button that opens the list of entities. */
const LIST = 'What the index knows';

/** @typedef {import('../pkg/viewer.js').ScoredEntity} Entity */
/** @typedef {import('../pkg/viewer.js').Snapshot} Snapshot */
/** @typedef {import('./articles.js').Articles} Articles */
/** @typedef {import('./comparison.js').Truth} Truth */
/** @typedef {import('../pkg/viewer.js').LinkResponse} LinkResponse */
/** @typedef {import('../pkg/viewer.js').Verdict} Verdict */
/** @typedef {Extract<Snapshot['linking'], { phase: 'answered' }>} Answered */
/**
 * @typedef {object} Actions Done by the controls among the cards.
 * @property {() => void} retry
 * @property {() => void} settings
 * @property {() => void} ask
 * @property {((entity: Entity) => void) | null} name Names the kept mask, or keeps the current one.
 * @property {(() => void) | null} search Searches the index for another name of the mask.
 * @property {(model?: import('../pkg/viewer.js').ModelInfo) => void} list Lists what the page's index
 *   knows, or an endpoint's that has this model.
 */
/**
 * @typedef {object} Sources Sources of the data that cards show beside the response.
 * @property {Articles} articles
 * @property {import('./knowledge.js').Knowledge} knowledge
 * @property {import('./comparison.js').Comparison} comparison
 * @property {boolean} [isStated] Whether the page itself states what the annotation says.
 */

/**
 * Returns the panel's nodes about the current mask's entity.
 * @param {Snapshot} snapshot
 * @param {Actions} actions
 * @param {Sources} sources
 * @param {Truth | null} truth The annotated entity of the mask.
 * @returns {Node[]}
 */
export function entityNodes(snapshot, actions, sources, truth) {
  const { linking, segmenting, facts } = snapshot;
  if (segmenting) return [skeleton('Finding the object')];
  // The viewer shows the reason on the image.
  if (snapshot.segmentFailure) return [h('p', { class: 'note' }, 'The click made no mask.')];
  if (linking.phase === 'asking')
    return [
      ...(linking.failures.length > 0 ? [quiet(reasons(linking.failures))] : []),
      skeleton(
        linking.source === 'local' ? 'Searching the index of this page' : 'Asking the endpoint',
      ),
    ];
  if (linking.phase === 'failed')
    return [
      banner(sentences(linking.failures), ...remedies(actions)),
      ...(sideBySide(snapshot, null, actions, sources, truth) ?? []),
    ];
  if (linking.phase === 'answered') return answerNodes(linking, snapshot, actions, sources, truth);
  if (facts)
    return [
      ...(sources.isStated ? [] : [h('p', { class: 'note' }, said(snapshot))]),
      h('div', { class: 'row' }, button('Compare it with the index', actions.ask)),
    ];
  return [
    hint(snapshot, sources),
    // Before its first response nobody knows an endpoint's index.
    ...(snapshot.settings.endpoint === null ? [row(button(LIST, () => actions.list()))] : []),
  ];
}

/**
 * @param {Answered} linking
 * @param {Snapshot} snapshot
 * @param {Actions} actions
 * @param {Sources} sources
 * @param {Truth | null} truth
 */
function answerNodes(linking, snapshot, actions, sources, truth) {
  const { articles, knowledge } = sources;
  const { verdict } = snapshot;
  const { answer, source, failures } = linking;
  const nodes = [];
  if (failures.length > 0) {
    const [before, after] =
      source === 'cached' ? ['This is a stored answer. ', ''] : ['', ' Computed in this page.'];
    nodes.push(quiet(`${before}${reasons(failures)}${after} `, ...remedies(actions)));
  }
  const compared = sideBySide(snapshot, answer, actions, sources, truth);
  const toCard = (/** @type {Entity} */ entity, /** @type {number} */ at) =>
    card(entity, at, articles, naming(entity, snapshot, actions.name), !answer.uncalibrated);
  const own = compared === null && cardList(answer.entities, verdict?.confidence ?? '', toCard);
  nodes.push(...(own ? [...verdictNodes(verdict), own.list] : (compared ?? [])));
  // A stored response does not name its index.
  const model = source !== 'cached' && answer.model?.entities ? answer.model : undefined;
  const show = model && button(LIST, () => actions.list(source === 'endpoint' ? model : undefined));
  const words = [
    failures.length === 0 && origin(linking, articles),
    model && known(model, source, knowledge),
  ];
  if (words.some(Boolean)) nodes.push(h('p', { class: 'note' }, ...words));
  if (snapshot.isCut)
    nodes.push(
      h('p', { class: 'note' }, 'A part of this mask is left out; what it showed did not count.'),
    );
  if (answer.excluded_image)
    nodes.push(h('p', { class: 'note' }, 'This image’s own examples were left out.'));
  const isNamed = snapshot.canKeep || snapshot.selectedKept !== null;
  const none = actions.search && isNamed && button('None of these: name it', actions.search);
  if (none) {
    none.title = 'Search all names of the index, or type another';
    none.dataset.focus = 'none-of-these';
  }
  const more = own && own.more;
  if (more || none || show) nodes.push(row(more, none, show));
  return nodes;
}

/** Says how certain a result is, and under which condition. @param {Verdict | null} verdict */
function verdictNodes(verdict) {
  if (verdict === null) return [];
  const { confidence, heading, condition } = verdict;
  const nodes = [h('p', { class: `verdict ${confidence}` }, heading)];
  if (condition !== null) nodes.push(h('p', { class: 'note condition' }, condition));
  return nodes;
}

/**
 * Returns the columns of both endpoints; null where no second one is asked.
 * @param {Snapshot} snapshot
 * @param {LinkResponse | null} linked By the first.
 * @param {Actions} actions
 * @param {Sources} sources
 * @param {Truth | null} truth
 */
function sideBySide(snapshot, linked, actions, { articles, comparison }, truth) {
  const { address, outcome } = comparison;
  if (address === null || outcome === null) return null;
  const { linking, settings } = snapshot;
  const column = (/** @type {string} */ name, /** @type {LinkResponse | null} */ answer) => {
    const { entities = [], uncalibrated = false } = answer ?? {};
    const { list, more } = cardList(entities, '', (entity, at) => {
      const named = naming(entity, snapshot, actions.name);
      const node = card(entity, at, articles, named, !uncalibrated);
      if (entity.qid !== truth?.qid) return node;
      node.classList.add('annotated');
      node.querySelector('.name')?.append(h('p', { class: 'about' }, 'The annotated entity'));
      return node;
    });
    const isListed = entities.some(({ qid }) => qid === truth?.qid);
    const body = entities.length > 0 ? [list, more] : [];
    return { name, head: /** @type {Node[]} */ ([]), body, isListed };
  };
  const isLocal = linking.phase === 'answered' && linking.source === 'local';
  const first = column(
    isLocal || settings.endpoint === null ? 'This page' : nameOf(settings.endpoint),
    linked,
  );
  const second = column(nameOf(address), outcome.phase === 'answered' ? outcome.answer : null);
  first.head = linked ? verdictNodes(snapshot.verdict) : [quiet('No result.')];
  if (outcome.phase === 'answered') second.head = verdictNodes(outcome.verdict);
  if (outcome.phase === 'asking') second.head = [quiet('Asking …')];
  if (outcome.phase === 'failed')
    second.head = [quiet(`No result: ${outcome.message} `, ...remedies(actions))];
  return comparedNodes([first, second], truth, comparison.tally());
}

/**
 * Returns the list of the first cards, and the button that adds the others to it.
 * @param {Entity[]} entities From high to low scores.
 * @param {string} name Of a class of the list.
 * @param {(entity: Entity, place: number) => HTMLElement} toCard
 */
function cardList(entities, name, toCard) {
  const first = firstCards(entities);
  const cards = entities.slice(0, first).map(toCard);
  const list = h('ol', { class: `cards ${name}` }, ...cards);
  const rest = entities.length - first;
  const more =
    rest > 0 &&
    button(`Show ${rest} more`, () => {
      const added = entities.slice(first).map((entity, at) => toCard(entity, first + at));
      list.append(...added);
      if (more) more.remove();
      /** @type {HTMLElement | null | undefined} */ (added[0]?.querySelector('a, button'))?.focus();
    });
  return { list, more };
}

/**
 * Returns the number of cards shown at first: at least one, and none of 0 % beside it.
 * @param {Entity[]} entities From high to low scores.
 */
function firstCards(entities) {
  const count = entities.findIndex((entity, at) => at > 0 && percentOf(entity) === 0);
  return Math.min(count < 0 ? entities.length : count, MAX_FIRST);
}

/** @param {Entity} entity */
function percentOf({ score }) {
  return Math.round(Math.min(Math.max(score, 0), 1) * 100);
}

/**
 * Says where a result was computed, and whether anything left the page for it.
 * @param {Answered} linking
 * @param {Articles} articles
 */
function origin({ source }, { template }) {
  if (source !== 'local') return null;
  const kept = template === null ? 'nothing' : 'nothing of your image';
  return `Computed in this page; ${kept} was sent. `;
}

/**
 * Says how much the index knows. The header of the page's index was downloaded to link with it; it
 * is read to name the sources.
 * @param {import('../pkg/viewer.js').ModelInfo} model
 * @param {Answered['source']} source
 * @param {import('./knowledge.js').Knowledge} knowledge
 */
function known(model, source, knowledge) {
  if (source !== 'local') return `The endpoint’s index knows ${modelWords(model)}.`;
  const words = h('span', {}, `The index of this page knows ${knownWords(model)}.`);
  knowledge.header().then(
    (header) => fill(words, `The index of this page knows ${knownWords(header)}.`),
    // The count of the response stays.
    () => {},
  );
  return words;
}

/**
 * @param {Entity} entity
 * @param {number} place
 * @param {Articles} articles
 * @param {Node | null} naming The button that names the mask by the entity.
 * @param {boolean} isProbability Whether the score is a probability, which is shown.
 */
function card(entity, place, articles, naming, isProbability) {
  const { qid, title, description, class_label: label, broader } = entity;
  const percent = percentOf(entity);
  const bar = h(
    'div',
    {
      class: 'meter',
      role: 'meter',
      'aria-label': `Probability of ${title}`,
      'aria-valuemin': 0,
      'aria-valuemax': 100,
      'aria-valuenow': percent,
    },
    h('span'),
  );
  bar.style.setProperty('--score', String(percent / 100));
  const image = thumbnail(entity);
  return h(
    'li',
    { class: 'card' },
    image,
    h(
      'div',
      { class: 'name' },
      h('h3', { dir: 'auto' }, title || qid),
      description && h('p', { class: 'about', dir: 'auto' }, description),
      label &&
        differs(label, title) &&
        h('p', { class: 'about', dir: 'auto' }, `Seen as: ${label}`),
      broader && h('p', { class: 'about' }, 'Broader: covers several kinds'),
    ),
    isProbability &&
      h('span', { class: 'percent', 'aria-hidden': 'true', title: SCORE_WORDS }, `${percent} %`),
    h(
      'div',
      { class: 'more' },
      isProbability && bar,
      h('div', { class: 'links' }, ...entityLinks(entity), naming),
    ),
    details(entity, image, articles),
    place === 0 && evidence(entity),
  );
}

/**
 * Returns the button that names the selected kept mask by an entity, or keeps the current mask as it;
 * null where the mask has that name.
 * @param {Entity} entity
 * @param {Snapshot} snapshot
 * @param {Actions['name']} name
 */
function naming(entity, { kept, selectedKept, canKeep }, name) {
  const mask = kept.find(({ id }) => id === selectedKept);
  if (!name || (!canKeep && (!mask || mask.qid === entity.qid))) return null;
  const node = button(mask ? 'Use as the name' : 'This is it', () => name(entity));
  node.title = mask ? 'Names the kept mask' : 'Keeps the mask under this name';
  node.setAttribute('aria-label', `${node.textContent}: ${entity.title || entity.qid}`);
  node.dataset.focus = `name-${entity.qid}`;
  node.classList.add('naming');
  return node;
}

/** Says what is known of a mask that is not compared with the index. @param {Snapshot} snapshot */
function said({ kept, selectedKept, editing, selected }) {
  if (editing !== null)
    return matchMedia(TOUCH).matches
      ? 'Change the kept mask with the tools Add and Remove, then press Keep.'
      : 'Click to add to the kept mask, or with Shift to remove from it; then press Keep.';
  const mask = kept.find(({ id }) => id === selectedKept);
  if (!mask && selected === null) return 'The mask has not been compared with the index.';
  if (!mask) return 'The annotation below says what it is.';
  return mask.title ? `Kept as ${mask.title}.` : 'Kept without a name.';
}

/**
 * Details of an entity from Wikipedia, if the setting is on. Their image takes the place of the
 * letter on a card that has no image.
 * @param {Entity} entity
 * @param {Element} place The card's image.
 * @param {Articles} articles
 */
function details(entity, place, articles) {
  const { host } = articles;
  const note = (/** @type {string} */ words) => h('p', { class: 'note' }, words);
  const article = articles.about(entity);
  if (!article) return null;
  const node = h('div', { class: 'details' }, note(`Loading details from ${host} …`));
  article.then(
    ({ sentence, image: address, page }) => {
      const letter = place.querySelector('.letter');
      const image = address && remoteImage(address);
      if (image) image.onerror = () => (letter ? fill(place, letter) : image.remove());
      if (image && letter) fill(place, image);
      fill(
        node,
        !letter && image,
        h(
          'p',
          {},
          h('span', { dir: 'auto' }, sentence || 'The article has no summary.'),
          ' From ',
          page ? outward(page, new URL(page).host) : host,
          '.',
        ),
      );
    },
    (thrown) => fill(node, note(`No details from ${host}: ${reasonOf(thrown)}.`)),
  );
  return node;
}

/** @param {string} address */
function remoteImage(address) {
  return h('img', {
    class: 'image',
    src: address,
    alt: '',
    loading: 'lazy',
    referrerpolicy: 'no-referrer',
  });
}

/**
 * Returns the entity's image, else a crop of a similar mask, else its first letter.
 * @param {Entity} entity
 */
function thumbnail(entity) {
  const { thumbnail: address, evidence: examples = [], title } = entity;
  const checked = webAddress(address);
  if (checked) return remoteImage(checked);
  if (examples[0] && cropOf(examples[0], 1)) return exampleButton(entity, 0, 'image');
  const letter = [...(title || '?')].slice(0, 1).join('').toLocaleUpperCase();
  return h(
    'div',
    { class: 'image' },
    h('span', { class: 'letter', 'aria-hidden': 'true' }, letter),
  );
}

/**
 * Shows the similar masks of the index, except the one that is shown in place of the entity's image.
 * @param {Entity} entity
 */
function evidence(entity) {
  const { evidence: seen = [], thumbnail: address, broader } = entity;
  if (seen.length === 0)
    return !broader && h('p', { class: 'evidence' }, 'The index has no example image of it.');
  const crops = seen
    .map((one, at) => cropOf(one, 1) && exampleButton(entity, at))
    .slice(webAddress(address) ? 0 : 1, MAX_EVIDENCE);
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

/**
 * One line about a failure that another source made up for.
 * @param {string} words
 * @param {...Node} actions
 */
function quiet(words, ...actions) {
  return h('p', { class: 'banner quiet' }, words, ...actions);
}

/**
 * @param {string} words
 * @param {...Node} actions
 */
function banner(words, ...actions) {
  return h(
    'div',
    { class: 'banner bad' },
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

/**
 * Says what to do first, what the tool does then, and what leaves the device.
 * @param {Snapshot} snapshot
 * @param {Sources} sources
 */
function hint({ image, tool, settings }, { articles, comparison }) {
  const { host, template } = articles;
  const { address: other } = comparison;
  const action = tool === 'select' ? 'A comparison' : 'A click';
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
      ...(tool === 'select' ? hintsOnSelecting() : hintsOnClicking()),
      h(
        'li',
        { class: 'leaves' },
        leavingWords(action, [settings.endpoint, other], template && host),
      ),
    ),
  );
}

function hintsOnSelecting() {
  return [
    h('li', {}, 'These masks come from the annotations; nothing is computed.'),
    h(
      'li',
      {},
      'A selected mask can be compared with the index: the entities that are known here.',
    ),
    h('li', {}, 'With the tool Object, a click segments any other object.'),
  ];
}

function hintsOnClicking() {
  return [
    h('li', {}, 'The model in this page finds its outline.'),
    h('li', {}, 'It is then compared with the index: the Wikipedia entities that are known here.'),
    matchMedia(TOUCH).matches
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
  ];
}

/** @param {...import('../viewer/dom.js').Child} children */
function row(...children) {
  return h('div', { class: 'row' }, ...children);
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
