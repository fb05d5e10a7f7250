/**
 * @file The settings: what is kept and what not, what an address must be, and the renderer that is
 * asked for.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FIXTURES, PHOTO } from './fixtures.mjs';
import { askAbout, openSettings } from './steps.mjs';
import {
  bring,
  drawByWebGpu,
  newPage,
  openPage,
  PATIENCE,
  startSite,
  until,
  withoutIndex,
} from './support.mjs';

// A host with an endpoint of its own, as the server that comes with the page is.
const { server, browser } = await startSite({
  ...FIXTURES,
  '/endpoint.json': '{ "endpoint": "." }',
});

const kept = (page) =>
  page.evaluate(() => JSON.parse(localStorage.getItem('masklink.settings') ?? '{}').settings);
const settingsOf = (page) => page.evaluate(() => document.querySelector('mask-viewer').settings);

test('only settings that differ from the defaults are stored', async () => {
  const { page, errors, close } = await openPage(browser, server.address);
  const dialog = await openSettings(page);
  await dialog.getByLabel('Boxes around masks').check();
  assert.deepEqual(await kept(page), { boxes: true });
  assert.equal((await settingsOf(page)).model, null);
  await dialog.getByLabel('Boxes around masks').uncheck();
  assert.deepEqual(await kept(page), {});
  await dialog.getByRole('textbox', { name: 'Address' }).fill('');
  await dialog.getByRole('textbox', { name: 'Token', exact: true }).focus();
  assert.deepEqual(await kept(page), { endpoint: null }, 'nothing is to be sent');
  assert.deepEqual(errors, []);
  await close();
});

test('the focused field stays visible above the button at the bottom', async () => {
  const { page, errors, close } = await openPage(browser, server.address, {
    viewport: { width: 1280, height: 600 },
  });
  const dialog = await openSettings(page);
  const done = await dialog.locator('.dialog-actions').boundingBox();
  const fields = await dialog.locator('input, select').count();
  for (let step = 0; step < fields; step += 1) {
    const box = await dialog.locator(':focus').boundingBox();
    assert.ok(
      done && box && box.y + box.height <= done.y,
      `field ${step}: ${JSON.stringify({ box, done })}`,
    );
    await page.keyboard.press('Tab');
  }
  assert.deepEqual(errors, []);
  await close();
});

test('a stored model that is no longer listed is replaced by the default', async () => {
  const { page, errors, close } = await newPage(browser);
  await page.addInitScript(() =>
    localStorage.setItem(
      'masklink.settings',
      JSON.stringify({ settings: { model: 'gone', labels: true } }),
    ),
  );
  await page.goto(server.address);
  await until(
    page,
    'snapshot.shown.length > 0 && snapshot.settings.model === null && snapshot.settings.labels',
  );
  const dialog = await openSettings(page);
  assert.equal(await dialog.getByRole('combobox', { name: 'Model' }).inputValue(), '');
  assert.notEqual(
    await dialog.getByRole('combobox', { name: 'Model' }).locator('option:checked').innerText(),
    '',
  );
  assert.deepEqual(errors, []);
  await close();
});

test('an invalid address is refused, and the other settings are applied', async () => {
  const { page, errors, close } = await openPage(browser, server.address);
  const before = (await settingsOf(page)).endpoint;
  const dialog = await openSettings(page);
  const address = dialog.getByRole('textbox', { name: 'Address' });
  await address.fill('localhost:8080');
  await dialog.getByLabel('Boxes around masks').check();
  assert.equal(await address.evaluate((node) => node.validity.patternMismatch), true);
  const settings = await settingsOf(page);
  assert.equal(settings.endpoint, before, 'a scheme called localhost is no endpoint');
  assert.equal(settings.boxes, true);
  assert.deepEqual(await kept(page), { boxes: true });
  assert.deepEqual(errors, []);
  await close();
});

test('the token of one endpoint is not sent to another', async () => {
  const { page, errors, close } = await openPage(browser, server.address);
  const dialog = await openSettings(page);
  const token = () => page.evaluate(() => document.querySelector('mask-viewer').token);
  await dialog.getByRole('textbox', { name: 'Token', exact: true }).fill('secret');
  await dialog.getByRole('textbox', { name: 'Address' }).focus();
  assert.equal(await token(), 'secret');
  await dialog.getByLabel('Boxes around masks').check();
  assert.equal(await token(), 'secret', 'the same endpoint keeps it');
  await dialog.getByRole('textbox', { name: 'Address' }).fill('https://other.example/');
  await dialog.getByRole('textbox', { name: 'Token', exact: true }).focus();
  assert.equal((await settingsOf(page)).endpoint, 'https://other.example/');
  assert.equal(await token(), null);
  assert.equal(await dialog.getByRole('textbox', { name: 'Token', exact: true }).inputValue(), '');
  assert.deepEqual(errors, []);
  await close();
});

test('the chosen renderer still draws after a reload, and the image survives the change', async () => {
  const { page, errors, close } = await openPage(browser, server.address);
  const drawnBy = (words) =>
    page.locator('#status').getByText(words).first().waitFor({ timeout: PATIENCE });
  // The adapter here is software, slower than the CPU renderer.
  await drawnBy(/^the CPU \(WebGPU has no graphics card/);
  const choice = (await openSettings(page)).getByRole('combobox', { name: 'Drawn by' });
  await choice.selectOption('cpu');
  await drawnBy(/^the CPU \(chosen in the settings/);
  await choice.selectOption('webgpu');
  await drawnBy(/^WebGPU/);
  await until(page, 'snapshot.shown.length > 0');
  await page.reload();
  await until(page, "snapshot.shown.length > 0 && snapshot.settings.renderer === 'webgpu'");
  await drawnBy(/^WebGPU/);
  assert.deepEqual(errors, []);
  await close();
});

test('a changed renderer keeps a frame without an image, its masks and its cached answers', async () => {
  const { page, close } = await newPage(browser);
  await withoutIndex(page);
  await page.goto(`${server.address}two.html`);
  await until(page, 'snapshot.shown.length > 0');
  const mask = await page.evaluate(async () => {
    const viewer = document.querySelector('mask-viewer');
    const masks = [
      {
        id: 'm',
        title: 'Mine',
        mask: { size: [6, 8], boundaries: [6, 18] },
      },
    ];
    await viewer.openImage(null, { key: 'frame', size: [8, 6] });
    viewer.showMasks(masks);
    viewer.selectMask(0);
    await new Promise((resolve) => {
      viewer.addEventListener('update', resolve, { once: true });
    });
    const mask = viewer.maskRle();
    if (!mask) throw new Error('no mask is selected');
    viewer.useCachedAnswers([
      { mask, answer: { entities: [{ qid: 'Q1', title: 'Universe', score: 0.9, evidence: [] }] } },
    ]);
    return mask;
  });
  await drawByWebGpu(page);
  await until(
    page,
    "snapshot.image === 'frame' && snapshot.shown.length === 1 && snapshot.shown[0].id === 'm'",
  );
  await askAbout(page, 0);
  await until(
    page,
    "snapshot.linking.phase === 'answered' && snapshot.linking.source === 'cached'",
  );
  assert.deepEqual(mask.size, [6, 8]);
  await close();
});

test('a renderer changed while a photo opens shows that photo', async () => {
  const { page, errors, close } = await openPage(browser, server.address);
  await bring(page, [PHOTO]);
  await drawByWebGpu(page);
  await until(page, "snapshot.image === 'mine.bmp'");
  assert.deepEqual(errors, []);
  await close();
});

test('both pages have the same settings', async () => {
  const { page, errors, close } = await openPage(browser, server.address);
  const fields = async () =>
    (await openSettings(page)).evaluate((dialog) =>
      [...dialog.querySelectorAll('input, option')].map(
        (node) => `${node.getAttribute('name') ?? ''} ${node.textContent}`,
      ),
    );
  await page.waitForFunction(() => document.querySelector('#settings [name=model] option'));
  const inPage = await fields();
  await page.getByRole('dialog').getByLabel('Theme').selectOption('dark');
  await page.goto(`${server.address}explore.html`);
  await page.waitForFunction(() => document.querySelector('#settings [name=model] option'));
  assert.deepEqual(await fields(), inPage);
  assert.equal(await page.getByRole('dialog').getByLabel('Theme').inputValue(), 'dark');
  assert.equal((await settingsOf(page)).endpoint, server.address);
  assert.deepEqual(errors, []);
  await close();
});
