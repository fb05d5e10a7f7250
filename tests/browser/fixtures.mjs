/**
 * @file Files that the page tests serve beside the page: two small viewers, an image for them, and
 * a hostile result.
 */

import { createHash } from 'node:crypto';

/** A title that would be markup if it were not text. */
export const HOSTILE = '<img src=x onerror="pwned=1">&amp;<script>pwned=2</script>';
/** An endpoint's result that tries to run scripts by every field. */
export const HOSTILE_ANSWER = {
  entities: [
    {
      qid: 'Q1',
      title: HOSTILE,
      description: HOSTILE,
      score: 0.12,
      url: 'javascript:pwned=3',
      thumbnail: 'javascript:pwned=4',
      evidence: [
        { annotation: 'a', image: 'javascript:pwned=5', box: [0, 0, 1, 1], similarity: 0.5 },
      ],
    },
    { qid: '"><b>', title: '', score: 0.01, evidence: [] },
  ],
  model: { encoder: 'e', encoder_sha256: '', index_sha256: '', entities: 2, exemplars: 2 },
  timing_ms: { queue: 0, encode: 0, pool: 0, search: 0, total: 0 },
};

/**
 * An uncompressed Windows bitmap of grey pixels.
 */
function bitmapFile(width, height) {
  const stride = Math.ceil((width * 3) / 4) * 4;
  const file = Buffer.alloc(54 + stride * height, 0x99);
  file.write('BM');
  file.writeUInt32LE(file.length, 2);
  file.writeUInt32LE(0, 6);
  file.writeUInt32LE(54, 10);
  file.writeUInt32LE(40, 14);
  file.writeInt32LE(width, 18);
  file.writeInt32LE(height, 22);
  file.writeUInt16LE(1, 26);
  file.writeUInt16LE(24, 28);
  file.fill(0, 30, 54);
  return file;
}

/** An image of 8 by 6 pixels in an annotation file. */
export const imageRecord = (id, file_name) => ({ id, file_name, width: 8, height: 6 });

/** An annotation of such an image, whose mask is its second and third column. */
export const annotationRecord = (id, image_id, more = {}) => ({
  id,
  image_id,
  category_id: 'Q1',
  bbox: [[1, 0, 3, 6]],
  segmentation: [{ size: [6, 8], counts: [6, 12, 30] }],
  ...more,
});

/** An annotation file of one entity. */
export const annotationFile = (images, annotations, name = 'Universe') =>
  JSON.stringify({ images, categories: [{ id: 'Q1', name }], annotations });

/**
 * An annotation file of two images: one is served, the other is not and has a box outside of it.
 */
export const ODD_DATASET = annotationFile(
  [imageRecord('t', '/tiny.bmp'), imageRecord('gone', '/missing.bmp')],
  [annotationRecord('a', 't'), annotationRecord('b', 'gone', { bbox: [[1, 0, 300, 6]] })],
);

/**
 * A page that loads the element.
 * @param {string} [script] Runs before the element is defined.
 */
export function elementPage(body, script = '') {
  return `<!doctype html><html lang="en"><title>test</title><link rel="icon" href="icon.svg">
    <style>mask-viewer { height: 400px }</style>
    ${body}<script>${script}</script><script type="module" src="mask-viewer.js"></script></html>`;
}

/** A page with two viewers, an image of 8 by 6 pixels and an annotation of it. */
export const FIXTURES = {
  '/two.html': `<!doctype html><html lang="en"><title>two</title><link rel="icon" href="icon.svg">
    <script type="module" src="mask-viewer.js"></script>
    <mask-viewer src="tiny.bmp" annotations="tiny.json" controls></mask-viewer>
    <mask-viewer src="tiny.bmp" annotations="tiny.json"></mask-viewer></html>`,
  '/tiny.bmp': bitmapFile(8, 6),
  '/tiny.json': annotationFile([imageRecord('t', 'tiny.bmp')], [annotationRecord('a', 't')]),
};

/** An image to drop or paste. */
export const PHOTO = { name: 'mine.bmp', type: 'image/bmp', content: FIXTURES['/tiny.bmp'] };

/** A result of entities of all kinds: one with a class, a broader one, one with an exemplar. */
export const MIXED_ANSWER = {
  ...HOSTILE_ANSWER,
  entities: [
    { qid: 'Q3736439', title: 'Duck', description: 'bird', score: 0.6, class_label: 'drake' },
    { qid: 'Q5113', title: 'Bird', description: 'class of animals', score: 0.3, broader: true },
    {
      qid: 'Q89',
      title: 'Apple',
      score: 0.05,
      class_label: 'apple',
      evidence: [{ annotation: 'a', image: 'tiny.bmp', box: [0, 0, 4, 4], similarity: 0.5 }],
    },
    { qid: 'Q503', title: 'Banana', score: 0.01 },
  ],
  model: { ...HOSTILE_ANSWER.model, entities: 4, exemplars: 1, prototypes: 2 },
};

/**
 * An index as far as the page reads it to list what it knows: a header and a list of entities.
 * @param {object[]} entities
 * @param {{ title: string, entities: number }[]} [sources]
 */
export function indexFiles(entities, sources) {
  const parts = { entities: { file: 'entities-0.jsonl' } };
  return {
    '/index/index.json': JSON.stringify({ entities: entities.length, sources, parts }),
    '/index/entities-0.jsonl': entities.map((entity) => `${JSON.stringify(entity)}\n`).join(''),
  };
}

/**
 * The header of an index as its file, with the hash of that file in it.
 * @param {object} header
 */
export function indexHeader(header) {
  const none = '0'.repeat(64);
  const text = `${JSON.stringify({ ...header, header_sha256: none }, null, 2)}\n`;
  const hash = createHash('sha256').update(text).digest('hex');
  return text.replace(`"header_sha256": "${none}"`, `"header_sha256": "${hash}"`);
}
