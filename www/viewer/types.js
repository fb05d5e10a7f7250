/**
 * @file The plain data that crosses between the page and the WebAssembly module; `src/app` defines it.
 *
 * @typedef {{ size: [number, number], counts: string }} MaskJson COCO's compressed RLE; `size` is
 *   height, then width.
 *
 * @typedef {'select' | 'pick' | 'add' | 'remove' | 'box' | 'pan'} Tool
 *
 * @typedef {object} Settings
 * @property {string | null} endpoint
 * @property {string | null} model
 * @property {number} opacity
 * @property {'entity' | 'mask'} colorMode
 * @property {boolean} patterns
 * @property {boolean} labels
 * @property {boolean} boxes
 * @property {'auto' | 'cpu'} renderer
 *
 * @typedef {{ size: [number, number], boundaries: number[] }} BoundariesJson Column-major run boundaries.
 *
 * @typedef {object} ShownMask
 * @property {string} id
 * @property {MaskJson | BoundariesJson} mask
 * @property {string} [title]
 * @property {string | null} [qid]
 *
 * @typedef {{ code: string, message: string }} Failure
 *
 * @typedef {object} Evidence
 * @property {string} annotation
 * @property {string} image Its address, relative to the page.
 * @property {[number, number, number, number]} box x1, y1, x2, y2 in pixels of that image.
 * @property {number} similarity
 *
 * @typedef {object} Entity
 * @property {string} qid
 * @property {string} title
 * @property {string} [description]
 * @property {number} score
 * @property {string} [url]
 * @property {string} [thumbnail]
 * @property {Evidence[]} evidence
 *
 * @typedef {{ known: boolean, probability: number }} InIndex Whether the index holds what a mask shows.
 *
 * @typedef {{ entities: Entity[], in_index?: InIndex, model?: any, timing_ms?: any }} LinkAnswer
 *
 * @typedef {{ mask: MaskJson, answer: LinkAnswer }} RecordedAnswer
 *
 * @typedef {{ phase: 'idle' } | { phase: 'asking', ticket: number, source: 'endpoint' | 'page',
 *   failures: Failure[] } | { phase: 'answered', answer: LinkAnswer, source: 'endpoint' | 'page' |
 *   'recorded', failures: Failure[] } | { phase: 'failed', failures: Failure[] }} Linking
 *
 * @typedef {{ type: 'point', x: number, y: number, positive: boolean }
 *   | { type: 'box', x1: number, y1: number, x2: number, y2: number }} Prompt
 *
 * @typedef {{ area: number, share: number, bbox: [number, number, number, number] | null, runs:
 *   number, components: number }} Facts
 *
 * @typedef {{ id: string, title: string, qid: string | null }} ShownSummary
 *
 * @typedef {object} Snapshot
 * @property {string | null} image
 * @property {[number, number] | null} size
 * @property {Tool} tool
 * @property {ShownSummary[]} shown
 * @property {number | null} hovered
 * @property {number | null} selected
 * @property {Prompt[]} prompts
 * @property {boolean} segmenting
 * @property {number[]} candidates
 * @property {number} chosen
 * @property {Failure | null} segmentFailure
 * @property {MaskJson | null} mask
 * @property {Facts | null} facts
 * @property {Linking} linking
 * @property {'likely' | 'possible' | 'unsure' | 'unknown' | 'nothing' | null} verdict
 * @property {Settings} settings
 *
 * @typedef {object} Opened What is open, to be opened again by another renderer.
 * @property {string | Blob | null} source
 * @property {{ key: string, size: [number, number] | undefined }} options
 * @property {ShownMask[]} masks
 * @property {RecordedAnswer[]} recordings
 *
 * @typedef {object} SegmentRequest
 * @property {number} ticket
 * @property {string} image
 * @property {[number, number, number][]} points x, y, label.
 * @property {[number, number, number, number] | null} box x1, y1, x2, y2.
 * @property {[number, number] | null} refine
 *
 * @typedef {{ type: 'changed' } | { type: 'announce', text: string }
 *   | ({ type: 'segment' } & SegmentRequest) | { type: 'cancelSegment', ticket: number }
 *   | { type: 'link', ticket: number, image: string, mask: MaskJson, endpoint: string }
 *   | { type: 'linkInPage', ticket: number, image: string, mask: MaskJson }
 *   | { type: 'cancelLink', ticket: number }
 *   | { type: 'notify', name: string, detail: unknown }
 *   | { type: 'drawMasks' } | { type: 'drawStyle' }} Effect
 */
export {};
