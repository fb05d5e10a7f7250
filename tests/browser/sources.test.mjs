/** @file Addresses of a dataset's images. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { underAddress } from '../../www/demo/sources.js';

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
  const own = 'http://own.example/04/b%20c.jpg?size=1';
  assert.equal(find(image(null, own)), 'https://example.org/images/04/b%20c.jpg');
});

test('without an address, only images with their own address are found', () => {
  const find = underAddress('');
  assert.equal(find(image('04/a.jpg')), null);
  assert.equal(find(image(null, 'javascript:alert(1)')), null);
  assert.equal(find(image('04/a.jpg', 'http://example.org/a.jpg')), 'http://example.org/a.jpg');
});
