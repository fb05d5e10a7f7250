/**
 * @file The tools of a viewer in their order: icon, label, explanation and key. Those with `keeps` change
 *   kept masks.
 */

export const TOOLS = /** @type {const} */ ([
  { tool: 'select', word: 'Select', title: 'Select a mask', key: 's' },
  { tool: 'pick', word: 'Object', title: 'Click an object', key: 'o' },
  { tool: 'add', word: 'Add', title: 'Add: a point that belongs to the object', key: 'p' },
  {
    tool: 'remove',
    word: 'Remove',
    title: 'Remove: a point that does not belong to the object',
    key: 'n',
  },
  { tool: 'box', word: 'Box', title: 'Draw a box around an object', key: 'b' },
  {
    tool: 'brush',
    word: 'Brush',
    title: 'Brush: paint on the selected kept mask, or a new one',
    key: 'd',
    keeps: true,
  },
  {
    tool: 'erase',
    word: 'Erase',
    title: 'Erase from the selected kept mask',
    key: 'e',
    keeps: true,
  },
  { tool: 'pan', word: 'Move', title: 'Move the image', key: 'h' },
]);
