/** @file The element in a foreign page, in another folder than dist/ and under a strict policy. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clickInImage, maskOf } from './steps.mjs';
import { PATIENCE, launch, newPage, serve, until } from './support.mjs';

/** The content security policy that the README asks for. */
const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; " +
  "connect-src 'self'; img-src 'self'";
const PAGE = `<!doctype html><html lang="en"><title>embedded</title>
  <link rel="icon" href="../things/masklink/icon.svg">
  <mask-viewer src="../things/masklink/samples/images/world_001.jpg"
    annotations="../things/masklink/samples/annotations.json" tool="pick" controls></mask-viewer>
  <script type="module" src="../things/masklink/mask-viewer.js"></script></html>`;

test('an element served from another folder shows masks, segments and links', async (t) => {
  const site = await serve(
    { '/a/page.html': PAGE },
    { 'content-security-policy': POLICY },
    '/things/masklink/',
  );
  t.after(site.close);
  const browser = await launch();
  t.after(() => browser.close());
  const { page, errors } = await newPage(browser);
  const outside = [];
  page.on('request', (request) => {
    const { protocol, pathname } = new URL(request.url());
    if (protocol === 'http:' && !/^\/(a|things\/masklink)\//.test(pathname)) outside.push(pathname);
  });
  page.setDefaultTimeout(PATIENCE);
  await page.goto(`${site.address}a/page.html`);
  await until(page, 'snapshot.shown.length === 4');
  await clickInImage(page, { x: 500, y: 310 });
  await maskOf(page);
  await until(page, "snapshot.linking.phase === 'answered' && snapshot.linking.source === 'local'");
  assert.deepEqual(errors, []);
  assert.deepEqual(outside, []);
});
