/** @file Steps that the tests of the explorer share. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { annotationRecord, imageRecord } from './fixtures.mjs';
import { ROOT } from './steps.mjs';
import { newPage, PATIENCE } from './support.mjs';

/** The annotations that the explorer opens by itself. */
export const SAMPLES = JSON.parse(readFileSync(join(ROOT, 'www/samples/annotations.json'), 'utf8'));

/** Returns the sample annotations that fulfil a condition. */
export function samplesWhere(condition) {
  return SAMPLES.annotations.filter(condition);
}

/** Waits until the number of selected masks is stated in these words. */
export async function counted(page, words) {
  await page
    .locator('#count', { hasText: words })
    .waitFor({ state: 'attached', timeout: PATIENCE });
}

/** Opens the explorer at a place, and waits for its number of masks. */
export async function openExplorer(browser, address, hash = '', words = /mask/, options = {}) {
  const opened = await newPage(browser, options);
  await opened.page.goto(`${address}explore.html${hash && `#${hash}`}`);
  await counted(opened.page, words);
  return opened;
}

/** Waits until a record is open and its mask is selected in the viewer. */
export async function recordOpen(page, id) {
  const end = Date.now() + PATIENCE;
  const state = () =>
    page.evaluate(() => {
      const { shown = [], selected } = document.querySelector('mask-viewer')?.snapshot ?? {};
      return {
        id: shown[selected ?? -1]?.id,
        place: new URLSearchParams(location.hash.slice(1)).get('record'),
      };
    });
  for (
    let { id: shown, place } = await state();
    shown !== id;
    { id: shown, place } = await state()
  ) {
    assert.ok(Date.now() < end, `never ${id}; the mask is ${shown}, the place ${place}`);
    await page.waitForTimeout(50);
  }
}

/** The place that the address names, once it has come to rest. */
export async function placeOf(page) {
  await page.waitForTimeout(450);
  return Object.fromEntries(new URLSearchParams(new URL(page.url()).hash.slice(1)));
}

/** The visible masks of the gallery, by their names for screen readers. */
export function options(page) {
  return page.locator('#gallery-options [role=option]');
}

/** The name of the mask that the keys are at. */
export function active(page) {
  return page.evaluate(() => {
    const id = document.getElementById('gallery')?.getAttribute('aria-activedescendant');
    return document.getElementById(id ?? '')?.getAttribute('aria-posinset');
  });
}

/** A number of annotations on one image of 8 by 6 pixels, as a file. */
export function manyAnnotations(count) {
  const annotations = Array.from({ length: count }, (_, index) =>
    annotationRecord(`m${index}`, 't', { category_id: index % 2 ? 'Q1' : 'Q2' }),
  );
  return JSON.stringify({
    images: [imageRecord('t', 'tiny.bmp')],
    categories: [
      { id: 'Q1', name: 'Universe' },
      { id: 'Q2', name: 'Earth' },
    ],
    annotations,
  });
}

/** Saves what a click downloads, and returns its text. */
export async function downloaded(page, click) {
  const [download] = await Promise.all([page.waitForEvent('download'), click()]);
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}
