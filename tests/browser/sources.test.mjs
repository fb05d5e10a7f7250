/** @file Sources of a dataset's images: below an address, and in a chosen folder. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inFolder, underAddress } from '../../www/demo/sources.js';

const image = (file, url = null) => ({
  id: 'p',
  file,
  url,
  size: null,
  findings: [],
  annotations: [],
});

test('each part of a path below an address is encoded separately', () => {
  const find = underAddress('https://example.org/images');
  assert.equal(find(image('04/a b#1.jpg')), 'https://example.org/images/04/a%20b%231.jpg');
  assert.equal(find(image('/04/a.jpg')), 'https://example.org/images/04/a.jpg');
  assert.equal(find(image(null, 'https://example.org/b.jpg')), 'https://example.org/b.jpg');
});

test('without an address, only images with their own address are found', () => {
  const find = underAddress('');
  assert.equal(find(image('04/a.jpg')), null);
  assert.equal(find(image(null, 'javascript:alert(1)')), null);
  assert.equal(find(image('04/a.jpg', 'http://example.org/a.jpg')), 'http://example.org/a.jpg');
});

test('in a folder, the file with the longest matching path is found', () => {
  const file = (path) =>
    Object.assign(new File([], path.split('/').at(-1) ?? ''), { webkitRelativePath: path });
  const [first, second, alone] = [
    file('chosen/images/04/a.jpg'),
    file('chosen/images/05/a.jpg'),
    file('chosen/c.jpg'),
  ];
  const find = inFolder([first, second, alone]);
  assert.equal(find(image('05/a.jpg')), second);
  assert.equal(find(image('/04/a.jpg')), first);
  assert.equal(find(image('07/c.jpg')), alone, 'the folder holds the file without its own folders');
  assert.equal(find(image('06/a.jpg')), null, 'which of two files of that name it is nobody knows');
  assert.equal(find(image('04/missing.jpg')), null);
  assert.equal(find(image(null)), null);
});
