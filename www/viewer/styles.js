/**
 * @file The look of the viewer; a page changes it by the custom properties named in
 * mask-viewer.js.
 */

const TEXT = `
:host {
  --accent: var(--mask-viewer-accent, light-dark(#3f51c9, #a9b6ff));
  --on-accent: var(--mask-viewer-on-accent, light-dark(#ffffff, #14163a));
  --surface: var(--mask-viewer-surface, light-dark(#ffffff, #1b1c20));
  --raised: var(--mask-viewer-raised, light-dark(#f2f2ef, #26282d));
  --text: var(--mask-viewer-text, light-dark(#1d1d1b, #ecebe7));
  --muted: var(--mask-viewer-muted, light-dark(#5d5c57, #a9a8a2));
  --line: var(--mask-viewer-line, light-dark(#dedcd6, #34363c));
  --edge: light-dark(#84827b, #75777f);
  --stage: var(--mask-viewer-stage, light-dark(#e9e7e1, #0d0e10));
  --radius: var(--mask-viewer-radius, 12px);
  display: block;
  color: var(--text);
  font: var(--mask-viewer-font, 0.9375rem/1.45 system-ui, sans-serif);
  /* The layout depends on the width, so the content must not set it: a flex box gets this one. */
  container-type: inline-size;
  contain-intrinsic-inline-size: 40rem;
  min-width: 0;
}
:host([hidden]) { display: none; }
* , *::before, *::after { box-sizing: border-box; }
button { font: inherit; color: inherit; }

.base {
  display: grid;
  grid: 'frame' minmax(10rem, 1fr) 'bar' auto 'masks' auto / minmax(0, 1fr);
  height: 100%;
  min-height: 16rem;
  background: var(--surface);
  border: 1px solid var(--line);
  border-radius: var(--radius);
  overflow: hidden;
}
.frame {
  container-type: size;
  grid-area: frame;
  position: relative;
  background: var(--stage);
  overflow: hidden;
}
.stage {
  position: absolute;
  inset: 0;
  cursor: crosshair;
  outline: none;
  user-select: none;
  -webkit-user-select: none;
  /* A finger that moves on the image moves the image, and never the page as well. */
  touch-action: none;
}
.stage[data-tool='select'] { cursor: default; }
.stage[data-tool='select'].over { cursor: pointer; }
.stage[data-tool='pan'] { cursor: grab; }
.stage.dragging { cursor: grabbing; }
.stage:focus-visible::after {
  content: ''; position: absolute; inset: 3px; border-radius: calc(var(--radius) - 4px);
  outline: 3px solid var(--accent); box-shadow: 0 0 0 5px var(--surface); pointer-events: none;
}
/* The last frame is letterboxed, not stretched, in a stage of another shape until the next one. */
canvas {
  position: absolute;
  inset: 0;
  width: 100%;
  height: 100%;
  display: block;
  object-fit: contain;
}

.marks { position: absolute; inset: 0; overflow: hidden; pointer-events: none; }
.marks > * { position: absolute; left: 0; top: 0; }
.point {
  width: 18px;
  height: 18px;
  margin: -9px;
  border-radius: 50%;
  border: 2px solid #fff;
  box-shadow: 0 0 0 1.5px #16171a, 0 1px 4px #0008;
  background: #1f8f4e;
}
.point::before, .point.positive::after {
  content: '';
  position: absolute;
  inset: 6px 3px;
  background: #fff;
}
.point.positive::after { inset: 3px 6px; }
.point.negative { background: #c22f2f; }
.frame-mark {
  border: 2px dashed #fff;
  outline: 1.5px solid #16171a;
  outline-offset: 0;
  box-shadow: inset 0 0 0 1.5px #16171a;
}

.brush {
  border-radius: 50%;
  border: 1.5px solid #fff;
  box-shadow: 0 0 0 1.5px #16171a, inset 0 0 0 1.5px #16171a;
}
.crosshair { width: 31px; height: 31px; margin: -15.5px; }
.crosshair::before, .crosshair::after {
  content: '';
  position: absolute;
  background: #fff;
  box-shadow: 0 0 0 1.5px #16171a;
}
.crosshair::before { left: 14.5px; width: 2px; top: 0; bottom: 0; }
.crosshair::after { top: 14.5px; height: 2px; left: 0; right: 0; }
.preview {
  position: absolute;
  inset: 0;
  width: 100%;
  height: 100%;
  fill: none;
  stroke-linejoin: round;
}
.preview .under { stroke: #16171a; stroke-width: 3.5px; opacity: 0.6; }
.preview .over { stroke: #fff; stroke-width: 1.5px; }
.label {
  max-width: min(16rem, 70%);
  padding: 0.1rem 0.5rem;
  border-radius: 6px;
  font-size: 0.8125rem;
  font-weight: 550;
  white-space: nowrap;
  overflow: hidden;
  text-overflow: ellipsis;
  color: #fff;
  background: #16171ae6;
  box-shadow: 0 0 0 1px #fff3;
}
.pulse {
  width: 44px;
  height: 44px;
  margin: -22px;
  border-radius: 50%;
  border: 3px solid #fff;
  box-shadow: 0 0 0 1.5px #16171a;
  animation: pulse 1.1s ease-out infinite;
}
@keyframes pulse { from { scale: 0.35; opacity: 1; } to { scale: 1.15; opacity: 0; } }

/* In columns where they do not fit above one another. */
.zoom, .size {
  grid-area: frame;
  place-self: end;
  position: relative;
  display: grid;
  grid-auto-flow: column;
  grid-template-rows: repeat(auto-fit, 44px);
  max-height: calc(100% - 16px);
  margin: 8px;
  border-radius: 10px;
  overflow: hidden;
  background: var(--surface);
  border: 1px solid var(--line);
  box-shadow: 0 1px 6px #0003;
}
/* The width of the words is that of the largest brush, so that the slider keeps its place. */
.size {
  place-self: start;
  display: flex;
  align-items: center;
  gap: 8px;
  height: 44px;
  padding: 0 10px;
  font-size: 0.875rem;
}
.size input { width: 7rem; height: 44px; margin: 0; accent-color: var(--accent); }
.size span { width: 3.25rem; }
.size input:focus-visible { outline: 3px solid var(--accent); outline-offset: -3px; }
.bar {
  grid-area: bar;
  display: flex;
  align-items: center;
  justify-content: space-between;
  gap: 2px;
  padding: 4px;
  border-top: 1px solid var(--line);
  overflow-x: auto;
  scrollbar-width: none;
}
.bar[hidden], .zoom[hidden], .size[hidden] { display: none; }
.zoom[inert], .size[inert] { visibility: hidden; }
.tools, .commands { display: flex; gap: inherit; }
.tool {
  display: inline-flex;
  flex: none;
  align-items: center;
  justify-content: center;
  gap: 0.375rem;
  min-width: 44px;
  min-height: 44px;
  padding: 0 10px;
  border: 0;
  border-radius: 8px;
  white-space: nowrap;
  background: transparent;
  cursor: pointer;
}
.tool[hidden] { display: none; }
.zoom .tool { border-radius: 0; padding: 0; }
/* A finger leaves the state behind, and a chosen tool is not to lose its color. */
@media (hover: hover) {
  .tool:hover:not(:disabled, [aria-checked='true'], [aria-pressed='true']) { background: var(--raised); }
}
.tool[aria-checked='true'] { background: var(--accent); color: var(--on-accent); }
.tool:disabled { color: var(--muted); opacity: 0.55; cursor: default; }
.tool:focus-visible, .chip:focus-visible { outline: 3px solid var(--accent); outline-offset: -3px; }
.tool[aria-checked='true']:focus-visible { outline-color: var(--on-accent); }
.tool .word { font-size: 0.875rem; }
.word[data-key]::after {
  content: attr(data-key);
  margin-inline-start: 0.3rem;
  padding: 0 0.3rem;
  border: 1px solid currentColor;
  border-radius: 4px;
  font: 0.75rem/1 ui-monospace, monospace;
}
@media (hover: none) { .word[data-key]::after { content: none; } }
@container (max-width: 68rem) {
  .tool { min-width: 48px; min-height: 50px; padding: 0 4px; }
  .bar .tool { flex-direction: column; gap: 2px; }
  .tool .word { font-size: 0.6875rem; line-height: 1.2; }
  .word[data-key]::after { padding: 0 0.2rem; font-size: 0.625rem; }
}
/* The tools in a row of their own, of two lines where one is too short, and the zoom buttons beside the
   commands. */
@container (max-width: 40rem) {
  .base {
    grid: 'frame frame' minmax(10rem, 1fr) 'tools tools' auto 'commands zoom' auto 'masks masks' auto
      / minmax(0, 1fr) auto;
  }
  .bar:not([hidden]) { display: contents; }
  .tools {
    grid-area: tools;
    display: grid;
    grid-template-columns: repeat(8, minmax(44px, 1fr));
    padding: 2px 4px;
    border-top: 1px solid var(--line);
  }
  .tools .tool { min-width: 44px; padding: 0; }
  .commands {
    grid-area: commands;
    overflow-x: auto;
    padding: 0 4px 2px;
    scrollbar-width: none;
  }
  .commands .tool { min-width: 44px; }
  .zoom {
    grid-area: zoom;
    place-self: center end;
    grid-template-rows: auto;
    margin: 0;
    border: 0;
    border-radius: 0;
    box-shadow: none;
  }
  .zoom .tool { min-width: 44px; min-height: 44px; }
}
@container (max-width: 23.5rem) { .tools { grid-template-columns: repeat(4, minmax(44px, 1fr)); } }
@container (max-width: 40rem) {
  :host([nokeep]) .tools { grid-template-columns: repeat(6, minmax(44px, 1fr)); }
}
@container (max-width: 22.5rem) { .zoom .tool:last-child { display: none; } }
.icon {
  width: 20px;
  height: 20px;
  flex: none;
  fill: none;
  stroke: currentColor;
  stroke-width: 1.8;
  stroke-linecap: round;
  stroke-linejoin: round;
}

.masks, .no-masks { grid-area: masks; }
.masks {
  display: flex;
  gap: 6px;
  margin: 0;
  padding: 6px 8px;
  list-style: none;
  overflow-x: auto;
  border-top: 1px solid var(--line);
  scrollbar-width: thin;
}
.masks[hidden], .no-masks[hidden] { display: none; }
.masks, .no-masks { min-height: 57px; }
.no-masks {
  display: flex;
  align-items: center;
  margin: 0;
  padding: 6px 14px;
  border-top: 1px solid var(--line);
  color: var(--muted);
  font-size: 0.875rem;
}
.chip {
  display: inline-flex;
  flex: none;
  align-items: center;
  gap: 0.5rem;
  min-height: 44px;
  max-width: 15rem;
  padding: 0 0.875rem;
  border-radius: 22px;
  border: 1px solid var(--line);
  background: transparent;
  cursor: pointer;
  white-space: nowrap;
}
.chip .name { overflow: hidden; text-overflow: ellipsis; }
.chip .cut { flex: none; color: var(--muted); font-size: 0.8125rem; }
.chip.hovered { background: var(--raised); border-color: var(--edge); }
.chip[aria-selected='true'] {
  border-color: var(--accent);
  box-shadow: inset 0 0 0 1px var(--accent);
  background: var(--raised);
}
.swatch {
  flex: none;
  width: 14px;
  height: 14px;
  border-radius: 4px;
  box-shadow: inset 0 0 0 1px #0005;
  background: var(--swatch, var(--muted));
}

.notice {
  position: absolute;
  inset: 0;
  display: grid;
  place-content: center;
  justify-items: center;
  gap: 0.75rem;
  padding: 1.5rem;
  text-align: center;
  background: var(--stage);
  color: var(--text);
}
.notice[hidden] { display: none; }
.notice .icon { width: 36px; height: 36px; color: var(--muted); }
.notice p { margin: 0; max-width: 32rem; text-wrap: balance; overflow-wrap: anywhere; }
.progress {
  position: absolute;
  left: 50%;
  top: 12px;
  translate: -50% 0;
  display: flex;
  align-items: center;
  gap: 0.625rem;
  width: max-content;
  max-width: calc(100% - 24px);
  padding: 0.375rem 0.875rem;
  border-radius: 20px;
  background: var(--surface);
  border: 1px solid var(--line);
  box-shadow: 0 1px 6px #0003;
  font-size: 0.875rem;
  pointer-events: none;
}
.progress[hidden], .hint[hidden], .turned[hidden] { display: none; }
.turned {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  gap: 0.25rem 0.5rem;
  padding: 0.375rem 0.75rem;
  border-top: 1px solid var(--line);
  font-size: 0.875rem;
}
.turned .tool[aria-pressed='true'] { background: var(--accent); color: var(--on-accent); }
.hint {
  position: absolute;
  left: 12px;
  bottom: 12px;
  max-width: min(24rem, calc(100% - 128px));
  margin: 0;
  padding: 0.375rem 0.75rem;
  border-radius: 10px;
  background: var(--surface);
  border: 1px solid var(--line);
  font-size: 0.875rem;
  overflow-wrap: anywhere;
  pointer-events: none;
}
@container (max-width: 40rem) { .hint { max-width: calc(100% - 24px); } }
.progress .cancel {
  padding: 0.125rem 0.5rem;
  border: 1px solid var(--line);
  border-radius: 8px;
  background: var(--raised);
  color: inherit;
  font: inherit;
  cursor: pointer;
  pointer-events: auto;
}
.progress .cancel[hidden] { display: none; }
.progress progress { width: 4.5rem; accent-color: var(--accent); }
.spinner {
  flex: none;
  width: 16px;
  height: 16px;
  border-radius: 50%;
  border: 2.5px solid var(--line);
  border-top-color: var(--accent);
  animation: turn 0.8s linear infinite;
}
@keyframes turn { to { rotate: 1turn; } }
.unseen {
  position: absolute;
  width: 1px;
  height: 1px;
  margin: -1px;
  overflow: hidden;
  clip-path: inset(50%);
  white-space: nowrap;
}

@media (prefers-reduced-motion: reduce) {
  .pulse { animation: none; scale: 0.7; }
  .spinner { animation-duration: 3s; }
}
@media print {
  .marks, .bar, .zoom, .size { display: none; }
  .swatch { print-color-adjust: exact; }
}
@media (forced-colors: active) {
  .tool[aria-checked='true'], .chip[aria-selected='true'] {
  outline: 3px solid Highlight;
  outline-offset: -3px;
}
  .swatch, .point, .crosshair::before, .crosshair::after { forced-color-adjust: none; }
  .label { border: 1px solid CanvasText; background: Canvas; color: CanvasText; }
}
`;

/** @type {CSSStyleSheet | undefined} */
let sheet;

/** One sheet, shared by all viewers of a document. */
export function styles() {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(TEXT);
  }
  return sheet;
}
