/** @file Where the pictures of a dataset are found: below an address, and in a chosen folder. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inFolder, underAddress } from '../../www/page/sources.js';

/** @param {string | null} file @param {string | null} [url] */
const picture = (file, url = null) => ({ id: 'p', file, url, size: null, findings: [], annotations: [] });

test('below an address, each step of a path is encoded by itself', () => {
  const find = underAddress('https://example.org/pictures');
  assert.equal(find(picture('04/a b#1.jpg')), 'https://example.org/pictures/04/a%20b%231.jpg');
  assert.equal(find(picture('/04/a.jpg')), 'https://example.org/pictures/04/a.jpg');
  assert.equal(find(picture(null, 'https://example.org/b.jpg')), 'https://example.org/b.jpg');
});

test('without an address only pictures with one of their own are found', () => {
  const find = underAddress('');
  assert.equal(find(picture('04/a.jpg')), null);
  assert.equal(find(picture(null, 'javascript:alert(1)')), null);
  assert.equal(find(picture('04/a.jpg', 'http://example.org/a.jpg')), 'http://example.org/a.jpg');
});

test('in a folder, the longest end of the path that some file has decides', () => {
  const file = (/** @type {string} */ path) => Object.assign(new File([], path.split('/').at(-1) ?? ''), { webkitRelativePath: path });
  const [first, second, alone] = [file('chosen/images/04/a.jpg'), file('chosen/images/05/a.jpg'), file('chosen/c.jpg')];
  const find = inFolder(/** @type {File[]} */ ([first, second, alone]));
  assert.equal(find(picture('05/a.jpg')), second);
  assert.equal(find(picture('/04/a.jpg')), first);
  assert.equal(find(picture('07/c.jpg')), alone, 'the folder holds the file without its own folders');
  assert.equal(find(picture('06/a.jpg')), null, 'which of two files of that name it is nobody knows');
  assert.equal(find(picture('04/missing.jpg')), null);
  assert.equal(find(picture(null)), null);
});
