/** @file The part of the address after `#`: what it keeps, and what is left out of it. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAddress, parseAddress } from '../../www/demo/address.js';

const NOTHING = { set: null, photo: null, image: null, view: null, mask: null };

test('an address is read back as it was written', () => {
  for (const address of [
    NOTHING,
    { ...NOTHING, image: 'world_001' },
    { ...NOTHING, photo: 'my photo.jpg' },
    { ...NOTHING, set: 'a/b.json', image: '3' },
    { ...NOTHING, image: 'a/ü&b=c +%.jpg', view: { x: 480, y: -3.5, scale: 0.0001 }, mask: 'm,1#' },
  ])
    assert.deepEqual(parseAddress(`#${formatAddress(address)}`), address);
});

test('folders and numbers are not percent-encoded', () => {
  assert.equal(
    formatAddress({
      ...NOTHING,
      image: '04/a b.jpg',
      view: { x: 1.25, y: 2, scale: 1 / 3 },
      mask: 'm',
    }),
    'image=04/a%20b.jpg&view=1.3,2.0,0.3333&mask=m',
  );
});

test('malformed parts are ignored', () => {
  for (const view of [
    '',
    '1,2',
    '1,2,3,4',
    '1,,1',
    'a,2,1',
    '1,2,0',
    '1,2,20000',
    '1,2,NaN',
    'Infinity,2,1',
  ])
    assert.equal(parseAddress(`#view=${view}`).view, null, view);
  assert.deepEqual(parseAddress('#image=100%&other=1'), { ...NOTHING, image: '100%' });
  assert.deepEqual(parseAddress('#%=%&&=&image&mask='), NOTHING);
});
