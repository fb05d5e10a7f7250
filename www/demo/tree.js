/** @file Lists the files below folders that a person dropped or chose. */

import { keepPath } from './folder.js';

/** Maximum number of files that are listed. */
const MAX_FILES = 1_000_000;

/**
 * A file, which has `read`, or a folder, which has `list`.
 * @typedef {object} Node
 * @property {string} name
 * @property {string} path Begins with the name of the folder that was dropped or chosen.
 * @property {() => Promise<File>} [read]
 * @property {() => AsyncIterable<Node>} [list]
 */

/**
 * Returns the files among nodes and below their folders, without those in folders whose names begin with a
 * dot.
 * @param {Node[]} nodes
 * @returns {Promise<File[]>}
 */
export async function filesBelow(nodes) {
  /** @type {File[]} */
  const files = [];
  /** @type {Node[]} */
  const folders = [];
  const take = async (/** @type {Node} */ node) => {
    if (!node.read) return folders.push(node);
    const file = await node.read();
    keepPath(file, node.path);
    return files.push(file);
  };
  for (const node of nodes) await take(node);
  for (let folder = folders.pop(); folder?.list; folder = folders.pop())
    for await (const node of folder.list()) {
      if (node.name.startsWith('.')) continue;
      await take(node);
      if (files.length >= MAX_FILES) return files;
    }
  return files;
}
