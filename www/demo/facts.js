/** @file The current mask: candidates, measures, and buttons to copy and save it. */

import { focusedBy, h } from '../viewer/dom.js';
import { icon } from '../viewer/icons.js';
import { saveBlob } from '../viewer/save.js';

/** @typedef {import('../pkg/viewer.js').Snapshot} Snapshot */
/** @typedef {import('../mask-viewer.js').MaskViewer} MaskViewer */

/**
 * @param {Snapshot} snapshot
 * @param {MaskViewer} viewer
 * @param {(words: string) => void} announce
 * @returns {Node[]}
 */
export function factNodes({ candidates, chosen, facts, prompts, image }, viewer, announce) {
  if (!facts) return [];
  const { area, share, bbox } = facts;
  const components = viewer.maskComponents() ?? 0;
  /** @type {[string, string][]} */
  const rows = [
    [
      'Area',
      `${area.toLocaleString('en')} px, ${(share * 100).toFixed(share < 0.1 ? 1 : 0)} % of the image`,
    ],
    ['Box', bbox ? `${bbox[2]} × ${bbox[3]} px, from ${bbox[0]}, ${bbox[1]}` : 'none'],
    ['Separate parts', components.toLocaleString('en')],
  ];
  if (prompts.length > 0) rows.push(['Clicks', spellPrompts(prompts)]);
  const name = fileName(image);
  const text = () => JSON.stringify(viewer.maskRle());
  return [
    candidates.length > 1 &&
      h('p', { class: 'note' }, 'Which outline? The percentages are the model’s own estimates.'),
    candidates.length > 1 && candidateGroup(candidates, chosen, viewer),
    h(
      'dl',
      { class: 'facts' },
      ...rows.flatMap(([term, words]) => [h('dt', {}, term), h('dd', {}, words)]),
    ),
    h(
      'div',
      { class: 'row' },
      action('copy', 'Copy', 'Copy the mask as COCO RLE', async () => {
        try {
          await navigator.clipboard.writeText(text());
          announce('Copied the mask (COCO RLE).');
        } catch {
          announce('The browser does not allow copying here. Save the JSON instead.');
        }
      }),
      action('save', 'JSON', 'Save the mask as JSON (COCO RLE)', () =>
        saveBlob(new Blob([text()], { type: 'application/json' }), `${name}.json`),
      ),
      action('save', 'PNG', 'Save the mask as a black and white image', async () => {
        const png = await viewer.maskPng();
        if (png) saveBlob(png, `${name}.png`);
      }),
    ),
  ].filter((node) => node !== false);
}

/**
 * @param {number[]} candidates
 * @param {number} chosen
 * @param {MaskViewer} viewer
 */
function candidateGroup(candidates, chosen, viewer) {
  const buttons = candidates.map((score, index) =>
    h(
      'button',
      {
        type: 'button',
        class: 'candidate',
        role: 'radio',
        'aria-checked': String(index === chosen),
        tabindex: index === chosen ? 0 : -1,
        'data-focus': `candidate-${index}`,
        'aria-label': `Candidate ${index + 1} · ${Math.round(score * 100)} %, the model’s score`,
        onclick: () => viewer.chooseCandidate(index),
      },
      `${index + 1} · ${Math.round(score * 100)} %`,
    ),
  );
  const group = h(
    'div',
    {
      class: 'candidates',
      role: 'radiogroup',
      'aria-label': 'Candidates',
      title: '[ and ] switch between candidates',
    },
    ...buttons,
  );
  group.addEventListener('keydown', (event) => {
    const next = focusedBy(event.key, chosen, buttons.length, { wraps: true });
    if (next === undefined) return;
    event.preventDefault();
    buttons[next]?.focus();
    viewer.chooseCandidate(next);
  });
  return group;
}

/** @param {Snapshot['prompts']} prompts */
function spellPrompts(prompts) {
  const positive = prompts.filter((prompt) => prompt.type === 'click' && prompt.positive).length;
  const negative = prompts.filter((prompt) => prompt.type === 'click' && !prompt.positive).length;
  const boxes = prompts.length - positive - negative;
  const words = [
    positive && `${positive} on the object`,
    negative && `${negative} off it`,
    boxes && 'a box',
  ];
  return words.filter(Boolean).join(', ');
}

/** @param {string | null} image */
function fileName(image) {
  const last =
    image
      ?.split(/[\\/]/)
      .at(-1)
      ?.replace(/\.\w+$/, '') || 'image';
  return `${last.replace(/[^\p{L}\p{M}\p{N}_.-]+/gu, '_').slice(0, 80)}-mask`;
}

/**
 * @param {'copy' | 'save'} name
 * @param {string} words
 * @param {string} title
 * @param {() => void} act
 */
function action(name, words, title, act) {
  return h(
    'button',
    { type: 'button', class: 'button', title, 'data-focus': words, onclick: act },
    icon(name),
    words,
  );
}
