/** @file Clicks whose image the endpoint encodes, for devices that are too weak for it. */

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { iou } from './masks.mjs';
import { clickInImage, maskOf, openSettings, startServer } from './steps.mjs';
import { launch, openPage, PATIENCE } from './support.mjs';

const server = await startServer('--click-model', 'www/models/models.json');
const plain = await startServer();
const browser = await launch();
after(() => Promise.all([server.kill(), plain.kill(), browser.close()]));

/** Opens the page and clicks in the middle of its first image. */
async function clicked(address, isRemote) {
  const { page, errors, close } = await openPage(browser, address);
  const asked = [];
  page.on('request', (request) => asked.push(`${request.method()} ${request.url()}`));
  if (isRemote) {
    const dialog = await openSettings(page);
    await dialog.getByRole('checkbox', { name: /endpoint reads the image/ }).check();
    await dialog.getByRole('button', { name: 'Done' }).click();
  }
  const size = await page.evaluate(() => document.querySelector('mask-viewer').snapshot.size);
  await clickInImage(page, { x: size[0] / 2, y: size[1] / 2 });
  const count = (pattern) => asked.filter((line) => pattern.test(line)).length;
  return { page, errors, count, close };
}

test('the endpoint encodes the image where the person chose it, with the same mask', async () => {
  const own = await clicked(server.address, false);
  const expected = await maskOf(own.page);
  assert.deepEqual(
    [own.count(/click-small\.encoder\.onnx/), own.count(/v1\/embed/)],
    [1, 0],
    'this device encodes by default',
  );
  assert.deepEqual(own.errors, []);
  await own.close();
  const weak = await clicked(server.address, true);
  const received = await maskOf(weak.page);
  assert.equal(weak.count(/click-small\.encoder\.onnx/), 0, 'the encoder is not downloaded');
  assert.equal(weak.count(/click-small\.decoder\.onnx/), 1);
  assert.ok(weak.count(/POST .*\/v1\/embed/) >= 1);
  const same = iou(received.bitmap, expected.bitmap);
  assert.ok(same > 0.95, `IoU ${same}`);
  const kept = await weak.page.evaluate(() => localStorage.getItem('masklink.settings'));
  assert.match(kept ?? '', /"encoder":"endpoint"/);
  assert.deepEqual(weak.errors, []);
  await weak.close();
});

test('an endpoint that does not encode images gives an error with advice', async () => {
  const { page, close } = await clicked(plain.address, true);
  const alert = page.getByRole('paragraph').filter({ hasText: 'let this device encode it' });
  await alert.waitFor({ timeout: PATIENCE });
  assert.match(await alert.innerText(), /--click-model|encodes no images/);
  await page.evaluate(() => document.querySelector('mask-viewer').configure({ encoder: 'device' }));
  const size = await page.evaluate(() => document.querySelector('mask-viewer').snapshot.size);
  await clickInImage(page, { x: size[0] / 2, y: size[1] / 2 });
  await maskOf(page);
  await close();
});
