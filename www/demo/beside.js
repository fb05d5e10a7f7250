/** @file Connects what stands beside the viewer on every page: settings, entities and known entities. */

import { Articles } from './articles.js';
import { Comparison } from './comparison.js';
import { Knowledge } from './knowledge.js';
import { KnownList } from './known-list.js';
import { Panel } from './panel.js';
import { connectSettings } from './settings.js';

/**
 * @param {import('../mask-viewer.js').MaskViewer} viewer
 * @param {object} options
 * @param {boolean} [options.isStated] Whether the page itself states what the annotation says.
 * @param {(knowledge: Knowledge) => import('./kept.js').KeptList} [options.keptList] Makes the list of kept
 *   masks, where the page has one.
 */
export function connectBeside(viewer, { isStated = false, keptList }) {
  const articles = new Articles();
  const knowledge = new Knowledge();
  const known = new KnownList(knowledge);
  const comparison = new Comparison(viewer, () => panel.show());
  const settings = connectSettings(viewer, { articles, comparison });
  const panel = new Panel(
    viewer,
    { settings: settings.open, list: (model) => known.open(model) },
    { articles, knowledge, comparison, isStated },
    keptList?.(knowledge),
  );
  return { settings, panel };
}
