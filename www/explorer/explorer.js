/**
 * @file The state of the explorer: the place that the address names, and the parts that show it. Every
 *   change goes through the address, so that back, forward and links show the same.
 */

import { fill, h } from '../viewer/dom.js';
import { failureOf } from '../viewer/errors.js';
import { formatPlace, parsePlace } from './address.js';
import { Detail } from './detail.js';
import { FacetBars, plotWidth, showFacets, showPlots } from './facets.js';
import { Gallery } from './gallery.js';
import { Images } from './images.js';
import { connectKeys } from './keys.js';
import { showChips, showNotes, sourceWords } from './notes.js';
import { connectOpening, OpeningBar } from './opening.js';
import { Pages } from './pages.js';
import { Search } from './search.js';
import { Source } from './source.js';
import { SelectionExport } from './take.js';
import { Thumbnails } from './thumbnails.js';
import { countOf, nameOf, number, ORDERS } from './words.js';

/** @import { EntityHit, Filter, Item, Order, Selection } from './types' */
/** @typedef {import('./address.js').Place} Place */

/** The source that is opened where the address names none. */
const SAMPLES = {
  address: 'samples/annotations.json',
  images: 'samples/images/{file_name}',
  thumbnails: 'samples/thumbnails/{file_name}',
  rights: 'rendered for this project; free to use',
};
/** Milliseconds without a movement before the address follows; browsers allow few changes a second. */
const REST = 300;
/** Number of entities in the plot of the most frequent. */
const FREQUENT = 20;

const byId = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));

export class Explorer {
  #viewer;
  #place = parsePlace(location.hash);
  /** @type {Source | null} */
  #source = null;
  /** Names the open source. */
  #sourceKey = '';
  /** @type {Selection | null} */
  #selection = null;
  /** JSON of the filter that is selected. */
  #selected = '';
  /** @type {EntityHit[]} */
  #frequent = [];
  /** Names of entities that were chosen. @type {Map<string, string>} */
  #titles = new Map();
  /** Position of the open record in the selection; null where it is not in it or not known. */
  #position = /** @type {number | null} */ (null);
  /** Name of the open record. */
  #recordName = '';
  /** Counts applications of a place, so that an earlier one shows nothing any more. */
  #applications = 0;
  #opening = new AbortController();
  /** The item of which it is said why its image is missing. @type {Item | null} */
  #missing = null;
  /** Width that the plots were drawn at. */
  #plotWidth = 0;
  #timer = 0;
  #images = new Images();
  #bar = new OpeningBar();
  /** Opens the dialog that sources and images are chosen in. @type {(isAboutImages: boolean) => void} */
  #choose = () => {};
  #pages = new Pages(
    () => this.#gallery.draw(),
    (thrown) => this.#fail(thrown),
  );
  #thumbnails = new Thumbnails(
    this.#images,
    () => this.#gallery.draw(),
    (item) => this.#showMissing(item),
  );
  #gallery = new Gallery(
    {
      list: byId('gallery'),
      canvas: /** @type {HTMLCanvasElement} */ (byId('gallery-canvas')),
      options: byId('gallery-options'),
      spacer: byId('gallery-spacer'),
    },
    this.#pages,
    this.#thumbnails,
    {
      open: (position) => this.#openAt(position),
      moved: (position) => {
        if (this.#place.record === null) this.#later({ at: position });
      },
    },
  );
  #detail;
  #export = new SelectionExport(
    () =>
      this.#source && {
        source: this.#source,
        filter: this.#place.filter,
        count: this.#pages.count,
      },
  );

  /** @param {import('../mask-viewer.js').MaskViewer} viewer */
  constructor(viewer) {
    this.#viewer = viewer;
    this.#detail = new Detail(viewer, this.#images, {
      select: ({ id }) => this.#later({ mask: id === this.#place.record ? null : id }),
      shown: (item) => this.#nameShown(item),
      entity: (qid) =>
        this.#go({ filter: { entity: qid }, record: null, view: null, mask: null, at: 0 }),
      open: ({ id }) => this.#go({ record: id, view: null, mask: null }),
      chooseImages: () => this.#choose(true),
    });
    viewer.tool = 'select';
    viewer.addEventListener('view-change', () => {
      if (this.#place.record !== null) this.#later({ view: viewer.view });
    });
    this.#connect();
  }

  /** Shows the place of the address. */
  begin() {
    addEventListener('popstate', () => {
      clearTimeout(this.#timer);
      this.#place = parsePlace(location.hash);
      this.#apply();
    });
    this.#apply();
  }

  /** Reads the theme's colors again. */
  recolor() {
    this.#gallery.recolor();
  }

  #connect() {
    const order = /** @type {HTMLSelectElement} */ (byId('order'));
    fill(order, ...Object.entries(ORDERS).map(([value, words]) => h('option', { value }, words)));
    order.addEventListener('change', () =>
      this.#change({
        order: order.value === 'entity' ? undefined : /** @type {Order} */ (order.value),
      }),
    );
    const plots = byId('plots');
    new ResizeObserver(() => {
      if (!plots.hidden && plotWidth(plots) !== this.#plotWidth) this.#showBar();
    }).observe(plots);
    const opening = connectOpening(
      (from, images) => this.#open(from, images),
      async ({ template, folder }) => {
        await this.#images.useFolder(folder);
        this.#reloadImages();
        this.#go({ images: template || null });
      },
    );
    byId('open').addEventListener('close', () => this.#keepFocus());
    this.#choose = (isAboutImages) => opening.show(this.#place.images, isAboutImages);
    /** @type {[string, () => void][]} */
    const clicks = [
      ['open-source', () => this.#choose(false)],
      ['closed-open', () => this.#choose(false)],
      ['closed-samples', () => this.#go(parsePlace(''))],
      ['show-plots', () => this.#togglePlots()],
      ['random', () => this.#openRandom()],
      ['detail-random', () => this.#openRandom()],
      ['open-export', () => this.#export.open()],
      ['clear-all', () => this.#go({ filter: {}, at: 0 })],
      ['close', () => this.#close()],
      ['previous', () => this.#step(-1)],
      ['next', () => this.#step(1)],
      ['show-filters', () => this.#toggleFilters()],
    ];
    for (const [id, act] of clicks) byId(id).addEventListener('click', act);
    byId('skip').addEventListener('click', (event) => {
      // Following the link would replace the place in the address.
      event.preventDefault();
      if (this.#place.record !== null) byId('detail-title').focus();
      else this.#gallery.focus();
    });
    connectKeys(this.#viewer, () => this.#place.record !== null, {
      close: () => this.#close(),
      step: (by) => this.#step(by),
    });
    new Search(
      {
        input: /** @type {HTMLInputElement} */ (byId('search')),
        list: byId('hits'),
        spoken: byId('search-spoken'),
      },
      {
        entities: async (text, count) => (await this.#source?.entities(text, count)) ?? [],
        choose: ({ qid, title }) => {
          this.#titles.set(qid, title);
          this.#toggleFilters(false);
          this.#change({ entity: qid });
        },
        find: (id) => this.#find(id),
      },
    );
  }

  /**
   * Goes to another place.
   * @param {Partial<Place>} change
   * @param {{ replace?: boolean }} [options] Whether the place before is left out of the history.
   */
  #go(change, { replace = false } = {}) {
    clearTimeout(this.#timer);
    this.#place = { ...this.#place, ...change };
    this.#write(replace);
    this.#apply();
  }

  /**
   * Changes conditions of the filter, and shows the selection from its first mask.
   * @param {Partial<Filter>} change
   */
  #change(change) {
    const filter = Object.fromEntries(
      Object.entries({ ...this.#place.filter, ...change }).filter(
        ([, value]) => value !== undefined,
      ),
    );
    this.#go({ filter, at: 0, record: null, view: null, mask: null });
  }

  /** Follows a movement within the place in the address. @param {Partial<Place>} change */
  #later(change) {
    this.#place = { ...this.#place, ...change };
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.#write(true), REST);
  }

  /** @param {boolean} replace */
  #write(replace) {
    const hash = formatPlace(this.#place);
    if (hash === location.hash.slice(1)) return;
    const address = hash ? `#${hash}` : location.pathname + location.search;
    if (replace) history.replaceState(null, '', address);
    else history.pushState(null, '', address);
  }

  /** Shows the place: only what differs from what is shown is loaded. */
  async #apply() {
    const application = (this.#applications += 1);
    const isCurrent = () => application === this.#applications;
    try {
      if (!(await this.#useSource()) || !isCurrent()) return;
      this.#useImages();
      const isNew = await this.#useFilter(isCurrent);
      if (!isCurrent()) return;
      this.#showBar();
      this.#showView();
      if (this.#place.record !== null) await this.#showRecord(isCurrent);
      else if (isNew || this.#position !== null) {
        this.#position = null;
        this.#gallery.reset(this.#place.at);
      }
      this.#gallery.draw();
    } catch (thrown) {
      if (isCurrent()) this.#fail(thrown);
    }
  }

  /** Opens the source of the place if it is not open. Returns whether it is. */
  async #useSource() {
    const { source, file } = this.#place;
    const key = source ?? (file === null ? SAMPLES.address : `file:${file}`);
    if (key === this.#sourceKey) return this.#source !== null;
    if (source === null && file !== null) {
      this.#problem(
        `This link shows the file ${file}, which is on somebody’s computer. Open that file here to see it.`,
      );
      this.#showClosed();
      return false;
    }
    return await this.#load(source ?? SAMPLES.address, key);
  }

  /**
   * @param {File | string} from
   * @param {string} key
   */
  async #load(from, key) {
    this.#opening.abort();
    const { signal } = (this.#opening = new AbortController());
    this.#problem('');
    const before = this.#source ? this.#sourceKey : '';
    this.#sourceKey = key;
    this.#bar.begin(typeof from === 'string' ? from : from.name, () => this.#opening.abort());
    try {
      const opened = await Source.open(from, {
        signal,
        onProgress: (progress) => !signal.aborted && this.#bar.show(progress),
      });
      if (signal.aborted) {
        opened.close();
        return false;
      }
      this.#use(opened);
      return true;
    } catch (thrown) {
      if (this.#opening.signal !== signal) return false;
      // Trying the same address once more is possible then.
      this.#sourceKey = before;
      if (!this.#source) this.#showClosed();
      const { code, message } = failureOf(thrown, 'explorer');
      if (code === 'cancelled') this.#problem(message);
      else {
        const rest = this.#source ? ` ${this.#source.overview.name} stays open.` : '';
        this.#problem(message + rest, ['Choose another file', () => this.#choose(false)]);
      }
      return false;
    } finally {
      if (this.#opening.signal === signal) this.#bar.end();
    }
  }

  /** Shows that nothing is open. */
  #showClosed() {
    fill(byId('count'), 'No dataset is open');
    byId('closed').hidden = false;
    byId('gallery').hidden = true;
  }

  /** Moves the focus to the title where the focused control is gone: it would begin at the page's top. */
  #keepFocus() {
    const focused = document.activeElement;
    if (focused !== document.body && focused?.checkVisibility()) return;
    byId(this.#place.record === null ? 'count' : 'detail-title').focus({ preventScroll: true });
  }

  /** Says once that no image of the gallery could be loaded, and why. @param {Item | null} item */
  async #showMissing(item) {
    const node = byId('images-problem');
    this.#missing = item;
    const hadFocus = node.contains(document.activeElement);
    node.hidden = true;
    if (hadFocus) byId('count').focus();
    if (!item) return;
    const why = await this.#images.whyMissing(item);
    if (this.#missing !== item) return;
    const choose = h(
      'button',
      { type: 'button', class: 'button', onclick: () => this.#choose(true) },
      'Choose images',
    );
    const advice = 'Choose their folder, or enter their address.';
    const words = `None of the images in sight could be loaded. ${why} ${advice}`;
    fill(node, h('p', {}, words), h('div', { class: 'row' }, choose));
    node.hidden = false;
  }

  /** @param {Source} source */
  #use(source) {
    const hadFocus = byId('closed').contains(document.activeElement);
    byId('closed').hidden = true;
    if (hadFocus) byId('count').focus();
    for (const control of document.querySelectorAll('[data-of-source]'))
      control.removeAttribute('disabled');
    this.#source?.close();
    this.#source = source;
    this.#selected = '';
    this.#frequent = [];
    this.#titles.clear();
    this.#pages.use(0, null);
    this.#thumbnails.clear();
    const isSamples = this.#sourceKey === SAMPLES.address;
    this.#detail.rights = isSamples ? SAMPLES.rights : '';
    this.#images.thumbnails = isSamples ? SAMPLES.thumbnails : null;
    this.#images.base = source.overview.base || source.address;
    fill(byId('source-words'), sourceWords(source.overview));
    const showLimits = () => showNotes(byId('notes'), source.overview);
    source.onLimit = showLimits;
    showLimits();
  }

  /**
   * Opens a source that the person chose.
   * @param {File | string} from
   * @param {{ template: string, folder: File[] }} images
   */
  async #open(from, { template, folder }) {
    await this.#images.useFolder(folder);
    /** @type {Place} */
    const place = { ...parsePlace(''), images: template || null };
    if (typeof from === 'string') return this.#go({ ...place, source: from });
    const key = `file:${from.name}`;
    // A link to a view of this file is followed once the file is there.
    const isNamed = this.#place.file === from.name && this.#source === null;
    this.#applications += 1;
    if (!(await this.#load(from, key))) return;
    this.#go(isNamed ? { images: template || this.#place.images } : { ...place, file: from.name });
  }

  #useImages() {
    const isSamples = this.#sourceKey === SAMPLES.address;
    const template =
      this.#place.images ?? this.#source?.overview.images_at ?? (isSamples ? SAMPLES.images : null);
    if (template === this.#images.template) return;
    this.#images.template = template;
    // That of a pack may be relative to the pack.
    const isPacks = this.#place.images === null && !isSamples;
    this.#images.templateBase = isPacks ? this.#images.base : null;
    if (this.#place.images !== null) this.#images.thumbnails = null;
    this.#reloadImages();
  }

  #reloadImages() {
    this.#thumbnails.clear();
    this.#detail.forgetImage();
    this.#gallery.draw();
  }

  /** @param {() => boolean} isCurrent @returns {Promise<boolean>} Whether another selection is shown. */
  async #useFilter(isCurrent) {
    const source = this.#source;
    const { filter } = this.#place;
    const key = JSON.stringify(filter);
    if (!source || key === this.#selected) return false;
    const selection = await source.select(filter);
    if (!isCurrent()) {
      // The worker keeps this selection, which nothing shows.
      this.#selected = '';
      return false;
    }
    this.#selected = key;
    this.#selection = selection;
    this.#problem('');
    this.#pages.use(selection.annotations, (start, count) => source.page(start, count));
    await this.#nameEntity(source, filter.entity);
    return true;
  }

  /** @param {Source} source @param {string | undefined} qid */
  async #nameEntity(source, qid) {
    if (qid === undefined || this.#titles.has(qid)) return;
    const hits = await source.entities(qid, 1);
    const hit = hits.find((one) => one.qid === qid);
    this.#titles.set(qid, hit?.title ?? qid);
  }

  /** Shows the count, the conditions and the facets of the selection. */
  #showBar() {
    const [source, selection] = [this.#source, this.#selection];
    if (!source || !selection) return;
    const { filter } = this.#place;
    const { overview } = source;
    const all = overview.annotations;
    const count = selection.annotations;
    const words =
      count === all ? countOf(all, 'mask') : `${number(count)} of ${countOf(all, 'mask')}`;
    if (byId('count').textContent !== words) fill(byId('count'), words);
    const change = (/** @type {Partial<Filter>} */ some) => this.#change(some);
    showChips(byId('chips'), filter, this.#titles, change);
    /** @type {HTMLSelectElement} */ (byId('order')).value = filter.order ?? 'entity';
    const bars = new FacetBars(overview, selection.facets, filter, change);
    showFacets(byId('facets'), bars);
    if (this.#place.show === 'plots' && this.#place.record === null) this.#showPlots(source, bars);
  }

  /** @param {Source} source @param {FacetBars} bars */
  async #showPlots(source, bars) {
    this.#plotWidth = plotWidth(byId('plots'));
    if (this.#frequent.length === 0) this.#frequent = await source.entities('', FREQUENT);
    showPlots(byId('plots'), bars, {
      entities: this.#frequent,
      filter: this.#place.filter,
      change: (change) => this.#change(change),
    });
  }

  #showView() {
    const { record, show } = this.#place;
    const view = record === null ? show : 'detail';
    const before = document.body.dataset.view;
    document.body.dataset.view = view;
    byId('detail').hidden = view !== 'detail';
    byId('results').hidden = view === 'detail';
    const isEmpty = this.#pages.count === 0;
    byId('gallery').hidden = show === 'plots' || isEmpty;
    byId('plots').hidden = show !== 'plots';
    byId('nothing').hidden = show === 'plots' || !isEmpty;
    byId('show-plots').setAttribute('aria-pressed', String(show === 'plots'));
    if (before === 'detail' && view !== 'detail') {
      document.title = 'masklink explorer';
      this.#detail.close();
      if (view === 'gallery') {
        this.#gallery.focus();
      } else byId('count').focus();
    }
  }

  /** @param {() => boolean} isCurrent */
  async #showRecord(isCurrent) {
    const source = this.#source;
    const { record, at } = this.#place;
    if (!source || record === null) return;
    const isOpening = byId('detail').dataset.record !== record;
    let item = this.#pages.peek(at);
    let position = /** @type {number | null} */ (at);
    if (item?.id !== record) {
      item = (await source.find(record))[0];
      if (!isCurrent()) return;
      if (!item) {
        this.#go({ record: null, view: null, mask: null }, { replace: true });
        return this.#problem(`There is no record or image ${record} in ${source.overview.name}.`);
      }
      position = await source.position(item.row);
    }
    if (!item || !isCurrent()) return;
    this.#position = position;
    this.#place = { ...this.#place, record: item.id, at: position ?? at };
    this.#write(true);
    byId('detail').dataset.record = item.id;
    this.#recordName = nameOf(item);
    this.#nameShown(item);
    this.#showPosition();
    if (isOpening && !byId('detail').contains(document.activeElement)) byId('detail-title').focus();
    await this.#detail.show(source, item, this.#place);
  }

  /** Names the mask that is shown, and the record where it is another of its image. @param {Item} item */
  #nameShown(item) {
    document.title = `${nameOf(item)}: masklink explorer`;
    const isOther = item.id !== this.#place.record;
    fill(byId('detail-same'), isOther && `record: ${this.#recordName}`);
  }

  #showPosition() {
    const [position, count] = [this.#position, this.#pages.count];
    const words =
      position === null ? 'not in the selection' : `${number(position + 1)} of ${number(count)}`;
    fill(byId('detail-place'), words);
    /** @type {HTMLButtonElement} */ (byId('previous')).disabled = !position;
    /** @type {HTMLButtonElement} */ (byId('next')).disabled =
      count === 0 || (position !== null && position >= count - 1);
  }

  /** @param {number} position */
  async #openAt(position) {
    try {
      const item = await this.#pages.at(position);
      if (item) this.#go({ record: item.id, at: position, view: null, mask: null });
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  #openRandom() {
    if (this.#pages.count > 0) this.#openAt(Math.floor(Math.random() * this.#pages.count));
  }

  /** @param {number} by */
  #step(by) {
    const next = this.#position === null ? 0 : this.#position + by;
    if (next >= 0 && next < this.#pages.count) this.#openAt(next);
  }

  #close() {
    byId('detail').dataset.record = '';
    this.#go({ record: null, view: null, mask: null, at: this.#position ?? this.#place.at });
  }

  /** @param {string} id */
  async #find(id) {
    const [item] = (await this.#source?.find(id)) ?? [];
    if (!item) return false;
    this.#toggleFilters(false);
    this.#go({ record: item.id, view: null, mask: null });
    return true;
  }

  #togglePlots() {
    // On a phone the button is among the filters, which cover the plots.
    this.#toggleFilters(false);
    this.#go({ show: this.#place.show === 'plots' ? 'gallery' : 'plots' });
  }

  /** @param {boolean} [shown] */
  #toggleFilters(shown = !document.body.classList.contains('filtering')) {
    document.body.classList.toggle('filtering', shown);
    byId('show-filters').setAttribute('aria-expanded', String(shown));
    fill(byId('show-filters'), shown ? 'Show the masks' : 'Filters');
  }

  /** @param {unknown} thrown */
  #fail(thrown) {
    const { code, message } = failureOf(thrown, 'explorer');
    // The worker held the source, which the next place opens again.
    if (code === 'worker-crashed') this.#sourceKey = '';
    this.#problem(message);
  }

  /**
   * Shows a message above the masks, or with `''` none.
   * @param {string} words
   * @param {[string, () => void]} [help] A button that helps: its words, and what it does.
   */
  #problem(words, help) {
    const node = byId('problem');
    const hadFocus = node.contains(document.activeElement);
    node.hidden = words === '';
    const close = () => this.#problem('');
    fill(
      node,
      words && h('p', {}, words),
      words &&
        h(
          'div',
          { class: 'row' },
          help && h('button', { type: 'button', class: 'button', onclick: help[1] }, help[0]),
          h('button', { type: 'button', class: 'button quiet', onclick: close }, 'Close'),
        ),
    );
    if (hadFocus) this.#keepFocus();
  }
}
