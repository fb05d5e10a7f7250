/** @file The icons of the viewer and its page: strokes on a grid of 24. */

const SVG = 'http://www.w3.org/2000/svg';

/** Path data by name. */
const PATHS = {
  select: 'M5 3l14 8-6 1.6L10.4 19z',
  pick: 'M12 3v4M12 17v4M3 12h4M17 12h4M12 12h.01',
  add: 'M12 5v14M5 12h14',
  remove: 'M5 12h14',
  box: 'M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4',
  brush:
    'M19 5l-8 8M11 13c-2.5-.5-4 1-4.5 3-.4 1.6-1.5 2-2.5 2 1 1.5 3 2 4.5 2 2.5 0 4-2 3.5-4.5zM19 5l-6 6',
  erase: 'M8 20l-5-5 9-9 7 7-7 7zM8 10l7 7M8 20h12',
  keep: 'M5 12l5 5 9-10',
  redo: 'M15 14l5-5-5-5M20 9H10a6 6 0 0 0 0 12h3',
  pan:
    'M12 3v18M3 12h18M12 3l-2.5 2.5M12 3l2.5 2.5M12 21l-2.5-2.5M12 21l2.5-2.5' +
    'M3 12l2.5-2.5M3 12l2.5 2.5M21 12l-2.5-2.5M21 12l-2.5 2.5',
  undo: 'M9 14L4 9l5-5M4 9h10a6 6 0 0 1 0 12h-3',
  clear: 'M6 6l12 12M18 6L6 18',
  zoomIn: 'M11 4a7 7 0 1 1 0 14 7 7 0 0 1 0-14M16 16l5 5M11 8v6M8 11h6',
  zoomOut: 'M11 4a7 7 0 1 1 0 14 7 7 0 0 1 0-14M16 16l5 5M8 11h6',
  fit: 'M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5',
  actual: 'M6 8l2-1.5V17M16 8l2-1.5V17M12 10h.01M12 15h.01',
  photo: 'M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9h.01',
  data:
    'M4 6c0-1.7 3.6-3 8-3s8 1.3 8 3-3.6 3-8 3-8-1.3-8-3zM4 6v12c0 1.7 3.6 3 8 3s8-1.3 8-3V6' +
    'M4 12c0 1.7 3.6 3 8 3s8-1.3 8-3',
  grid: 'M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z',
  settings: 'M4 7h10M18 7h2M4 17h2M10 17h10M16 5v4M8 15v4',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  save: 'M12 4v11M7 11l5 5 5-5M4 20h16',
  shown: 'M2 12c3-5 6-7 10-7s7 2 10 7c-3 5-6 7-10 7s-7-2-10-7zM12 9a3 3 0 1 1 0 6 3 3 0 0 1 0-6',
  hidden:
    'M4 4l16 16M9.5 5.3C15 4 19 7 22 12c-.8 1.3-1.7 2.5-2.7 3.5' +
    'M6 7C4.5 8.3 3.2 10 2 12c3.5 5.8 7.500 8 13 6.5',
  edit: 'M4 20l1-4L16 5l3 3L8 19zM14 7l3 3',
  bin: 'M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5',
  open: 'M12 16V5M7 9l5-5 5 5M4 20h16',
  external: 'M14 4h6v6M20 4l-9 9M18 14v6H4V6h6',
  raise: 'M5 15l7-7 7 7',
  previous: 'M15 5l-7 7 7 7',
  next: 'M9 5l7 7-7 7',
  warning: 'M12 4l9 16H3zM12 10v4M12 17h.01',
  link: 'M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.7-5.7L12 7M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.7 5.7L12 17',
};

/** @typedef {keyof typeof PATHS} IconName */

/**
 * An icon; hidden from assistive technology, since the control around it has a name.
 * @param {IconName} name
 * @returns {SVGSVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  for (const [key, value] of Object.entries({
    viewBox: '0 0 24 24',
    class: 'icon',
    'aria-hidden': 'true',
    focusable: 'false',
  })) {
    svg.setAttribute(key, value);
  }
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', PATHS[name]);
  svg.append(path);
  return svg;
}
