/** @file The list of kept masks in the panel: their names, changes, export and import. */

import { fill, h } from '../viewer/dom.js';
import { failureOf } from '../viewer/errors.js';
import { icon } from '../viewer/icons.js';
import { isUndoKey } from '../viewer/keyboard.js';
import { FORMATS } from '../viewer/kept-files.js';
import { countOf } from './findings.js';
import { NameField } from './name-field.js';
import { saveBlob } from '../viewer/save.js';

/** @typedef {import('../pkg/viewer.js').KeptSummary} KeptSummary */
/** @typedef {import('../pkg/viewer.js').Snapshot} Snapshot */
/** @typedef {import('../viewer/kept-files.js').Format} Format */

/** Minimum score that is shown beside a name; a lower one says nothing about a name chosen by hand. */
const MIN_SHOWN_SCORE = 0.5;
/** CSS pixels around what is scrolled to. */
const MARGIN = 12;

/** Builds the section from the viewer's snapshot, and does what its controls say. */
export class KeptList {
  #viewer;
  #knowledge;
  /** Says what was done last, or why not, until something else is done. */
  #spoken = h('p', { class: 'note', role: 'status' });
  /** The state that it was said of. */
  #spokenOf = '';
  /** Says how the selected mask gets a name. */
  #naming = h('p', { class: 'note' });
  /** The greatest number of a kept mask of the image so far. */
  #newest = { image: /** @type {string | null} */ (null), id: 0 };
  /** The new mask that is scrolled to once its result is there. @type {number | null} */
  #unseen = null;
  #format = /** @type {Format} */ ('coco');
  #onlySelected = false;
  #input = h('input', { type: 'file', accept: '.json,.jsonl,.geojson,.svg,.png', hidden: true });

  /**
   * @param {import('../mask-viewer.js').MaskViewer} viewer
   * @param {import('./knowledge.js').Knowledge} knowledge
   */
  constructor(viewer, knowledge) {
    this.#viewer = viewer;
    this.#knowledge = knowledge;
    this.#input.addEventListener('change', () => {
      const file = this.#input.files?.[0];
      this.#input.value = '';
      if (file) this.#import(file);
    });
    document.addEventListener('keydown', (event) => this.#undoByKey(event));
    viewer.addEventListener('update', () => this.#follow());
  }

  /**
   * Returns what the section is built from, to build it again only when that changes.
   * @param {Snapshot} snapshot
   */
  from({ kept, selectedKept, editing, canKeep, image }) {
    return [kept, selectedKept, editing, canKeep, image];
  }

  /** @param {Snapshot} snapshot @returns {Node[]} */
  nodes(snapshot) {
    const { kept, shown, canKeep, image, selectedKept } = snapshot;
    if (image === null) return [];
    const colors = this.#viewer.colors.slice(shown.length);
    return [
      kept.length === 0 && h('p', { class: 'note' }, hint(canKeep)),
      kept.length > 0 &&
        h(
          'ul',
          { class: 'kept-list' },
          ...kept.map((mask, at) => this.#item(mask, colors[at] ?? '', snapshot)),
        ),
      isNameless(snapshot) && this.#naming,
      this.#files(kept, selectedKept),
      this.#spoken,
    ].filter((node) => node !== false);
  }

  /**
   * @param {KeptSummary} mask
   * @param {string} color
   * @param {Snapshot} snapshot
   */
  #item(mask, color, { selectedKept, editing, kept }) {
    const { id, name, qid, hidden, entityScore } = mask;
    const viewer = this.#viewer;
    const isSelected = id === selectedKept;
    const swatch = h('span', { class: 'swatch' });
    swatch.style.setProperty('--swatch', color);
    const facts = [
      id === editing && 'being edited',
      qid,
      entityScore !== null &&
        entityScore >= MIN_SHOWN_SCORE &&
        `${Math.round(entityScore * 100)} %`,
      `${Number(mask.area).toLocaleString('en')} px`,
    ];
    return h(
      'li',
      {
        class: hidden ? 'hidden' : '',
        onpointerenter: () => viewer.hoverKept(id),
        onpointerleave: () => viewer.hoverKept(null),
        onfocusin: () => viewer.hoverKept(id),
        onfocusout: () => viewer.hoverKept(null),
      },
      h(
        'button',
        {
          type: 'button',
          class: 'pick',
          'aria-pressed': String(isSelected),
          'data-focus': `kept-${id}`,
          onclick: () => viewer.selectKept(isSelected ? null : id),
        },
        swatch,
        h(
          'span',
          { class: 'words' },
          h('span', { class: 'title', dir: 'auto' }, name),
          h('span', { class: 'about' }, facts.filter(Boolean).join(' · ')),
        ),
      ),
      iconButton(
        hidden ? 'hidden' : 'shown',
        `${hidden ? 'Show' : 'Hide'} ${name}`,
        `kept-hide-${id}`,
        () => viewer.hideKept(id, !hidden),
      ),
      iconButton('edit', `Edit ${name} with points`, `kept-edit-${id}`, () => this.#edit(mask)),
      iconButton('bin', `Delete ${name}`, `kept-delete-${id}`, () => viewer.deleteKept(id)),
      isSelected && this.#details(mask, kept),
    );
  }

  /** @param {KeptSummary} mask @param {KeptSummary[]} kept */
  #details({ id, title, qid }, kept) {
    const viewer = this.#viewer;
    const field = new NameField({ title, qid }, this.#knowledge, (name) =>
      viewer.nameKept(id, name),
    );
    const others = kept.filter((other) => other.id !== id);
    const choice = h(
      'select',
      { 'aria-label': 'Another kept mask', 'data-focus': 'kept-other' },
      ...others.map((other) => h('option', { value: other.id }, other.name)),
    );
    const tool = (/** @type {'brush' | 'erase'} */ name, /** @type {string} */ words) =>
      button(words, `kept-${name}`, () => {
        viewer.tool = name;
        viewer.focus();
      });
    return h(
      'div',
      { class: 'more' },
      field.node,
      h(
        'div',
        { class: 'row' },
        tool('brush', 'Brush'),
        tool('erase', 'Erase'),
        button('Show it large', 'kept-fit', () => viewer.fitKept(id)),
      ),
      others.length > 0 &&
        h(
          'div',
          { class: 'row' },
          choice,
          button('Merge', 'kept-merge', () => viewer.mergeKept(id, Number(choice.value))),
          button('Subtract', 'kept-subtract', () => viewer.subtractKept(id, Number(choice.value))),
        ),
    );
  }

  /** @param {KeptSummary[]} kept @param {number | null} selected */
  #files(kept, selected) {
    const only = h('input', {
      type: 'checkbox',
      'data-focus': 'kept-only',
      checked: this.#onlySelected,
      onchange: () => (this.#onlySelected = only.checked),
    });
    const format = h(
      'select',
      {
        'aria-label': 'Format',
        'data-focus': 'kept-format',
        onchange: () => (this.#format = /** @type {Format} */ (format.value)),
      },
      ...Object.entries(FORMATS).map(([name, [title]]) =>
        h('option', { value: name, selected: name === this.#format }, title),
      ),
    );
    return h(
      'div',
      { class: 'row files' },
      kept.length > 0 && format,
      kept.length > 0 && button('Export', 'kept-export', () => this.#export(selected)),
      button('Import', 'kept-import', () => this.#input.click()),
      kept.length > 1 &&
        selected !== null &&
        h('label', { class: 'check' }, only, 'Export the selected mask alone'),
    );
  }

  /** Keeps the sentences true, and scrolls to a new mask that needs a name. */
  #follow() {
    const { snapshot } = this.#viewer;
    if (!snapshot) return;
    if (this.#spokenOf && this.#spokenOf !== this.#state()) this.#say('');
    const words = namingWords(snapshot);
    if (this.#naming.textContent !== words) fill(this.#naming, words);
    const { image, kept, selectedKept, linking } = snapshot;
    const id = Math.max(0, ...kept.map((mask) => mask.id));
    const { image: before, id: newest } = this.#newest;
    if (image !== before || id > newest) this.#newest = { image, id };
    if (image === before && id > newest && id === selectedKept) this.#unseen = id;
    if (this.#unseen === null || linking.phase === 'asking') return;
    // The list is built after this event.
    if (this.#unseen === selectedKept && isNameless(snapshot)) setTimeout(() => this.#reveal());
    this.#unseen = null;
  }

  /** Scrolls the panel, and nothing else, until the selected mask and its name field are seen. */
  #reveal() {
    const row = this.#spoken.parentElement?.querySelector('[aria-pressed="true"]')?.closest('li');
    const panel = row?.closest('.panel');
    if (!row || !panel) return;
    if (row.parentElement) scrollDown(row.parentElement, row, 0);
    scrollDown(panel, row, panel.querySelector('.sheet-bar')?.clientHeight ?? 0);
  }

  /** Describes what the sentences are about. */
  #state() {
    const { image, prompts, selected, selectedKept } = this.#viewer.snapshot ?? {};
    return JSON.stringify([image, prompts, selected, selectedKept, this.#viewer.kept]);
  }

  /** @param {string} words @param {boolean} [isProblem] */
  #say(words, isProblem = false) {
    this.#spoken.className = isProblem ? 'problem' : 'note';
    fill(this.#spoken, words);
    this.#spokenOf = words && this.#state();
  }

  /** @param {KeptSummary} mask */
  #edit({ id }) {
    this.#viewer.editKept(id);
    this.#viewer.focus();
  }

  /** @param {number | null} selected */
  async #export(selected) {
    await this.#reported(async () => {
      const chosen = this.#onlySelected && selected !== null ? { ids: [selected] } : {};
      const files = await this.#viewer.exportMasks(this.#format, chosen);
      for (const { name, blob } of files) saveBlob(blob, name);
      return `Saved ${files.length === 1 ? files[0]?.name : countOf(files.length, 'file', 'files')}.`;
    });
  }

  /** @param {File} file */
  async #import(file) {
    await this.#reported(async () => {
      const problems = /** @type {string[]} */ ([]);
      const note = (/** @type {Event} */ event) =>
        problems.push(/** @type {CustomEvent<{ message: string }>} */ (event).detail.message);
      this.#viewer.addEventListener('error', note);
      const count = await this.#viewer
        .importMasks(file)
        .finally(() => this.#viewer.removeEventListener('error', note));
      const done = `${countOf(count, 'mask', 'masks')} imported from ${file.name}.`;
      if (problems.length > 0) throw new Error([done, ...problems].join(' '));
      return done;
    });
  }

  /** @param {() => Promise<string>} act Returns what was done. */
  async #reported(act) {
    this.#say('');
    try {
      this.#say(await act());
    } catch (thrown) {
      this.#say(failureOf(thrown, 'kept').message, true);
    }
  }

  /** Undoes and redoes from anywhere but a field or a dialog. @param {KeyboardEvent} event */
  #undoByKey(event) {
    const { target } = event;
    if (event.defaultPrevented || !isUndoKey(event) || !(target instanceof Element)) return;
    if (target.closest('input, textarea, select, dialog')) return;
    event.preventDefault();
    if (event.shiftKey) this.#viewer.redoStep();
    else this.#viewer.undoStep();
  }
}

/** @param {boolean} canKeep */
function hint(canKeep) {
  return canKeep
    ? 'Press Keep below the image to name this mask, change it and save it in a file.'
    : 'Click an object and press Keep, or paint with the brush. What you keep stays with the image ' +
        'in this browser.';
}

/**
 * Whether the selected mask has no name.
 * @param {Snapshot} snapshot
 */
function isNameless({ kept, selectedKept }) {
  return kept.some(({ id, title }) => id === selectedKept && !title);
}

/**
 * Says how the selected mask gets a name.
 * @param {Snapshot} snapshot
 */
function namingWords({ linking: { phase }, verdict }) {
  if (phase === 'answered' && verdict?.confidence !== 'nothing')
    return (
      'A mask takes a name by itself only where the result says “Likely this”. ' +
      'Choose a name among the results, or type one.'
    );
  const other = phase === 'idle' ? ', or compare it with the index' : '';
  return `This mask has no name yet. Type one${other}.`;
}

/**
 * Scrolls an area until an item is seen, or as much of it as there is room for.
 * @param {Element} area
 * @param {Element} item
 * @param {number} above Height of what covers the top of the area, in CSS pixels.
 */
function scrollDown(area, item, above) {
  const [frame, box] = [area.getBoundingClientRect(), item.getBoundingClientRect()];
  const most = box.top - frame.top - above - MARGIN;
  const by = Math.min(box.bottom + MARGIN - frame.bottom, most);
  if (by > 0 || most < 0) area.scrollTop += by;
}

/**
 * @param {string} words
 * @param {string} name Of the focus.
 * @param {() => void} act
 */
function button(words, name, act) {
  return h('button', { type: 'button', class: 'button', 'data-focus': name, onclick: act }, words);
}

/**
 * @param {import('../viewer/icons.js').IconName} name
 * @param {string} words
 * @param {string} focus Name of the focus.
 * @param {() => void} act
 */
function iconButton(name, words, focus, act) {
  return h(
    'button',
    {
      type: 'button',
      class: 'button quiet icon-button',
      'aria-label': words,
      title: words,
      'data-focus': focus,
      onclick: act,
    },
    icon(name),
  );
}
