/** @file The test of an endpoint in the settings, and their reset. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { FIXTURES } from './fixtures.mjs';
import { openSettings, startServer, TARGET } from './steps.mjs';
import { freePort, openPage, PATIENCE, serve, startSite } from './support.mjs';

const { server, browser } = await startSite({
  ...FIXTURES,
  '/endpoint.json': '{ "endpoint": "." }',
  '/index/index.json': JSON.stringify({ entities: 1234, encoder: { id: 'e' } }),
});
const HEADER = JSON.parse(readFileSync(join(TARGET, 'index/index.json'), 'utf8'));
const [entities, masks, classes] = ['entities', 'exemplars', 'prototypes'].map((name) =>
  HEADER[name].toLocaleString('en'),
);
const origin = new URL(server.address).origin;
const [open, closed, guarded, plain] = await Promise.all([
  startServer('--allow-origin', origin),
  startServer(),
  startServer('--allow-origin', origin, '--token', 'secret'),
  // A host of files that lets every page read them.
  serve(
    { '/v1/link': '{}' },
    { 'access-control-allow-origin': '*', 'access-control-allow-headers': '*' },
  ),
]);
after(() => Promise.all([open.kill(), closed.kill(), guarded.kill(), plain.close()]));

/** Opens the page and its settings. */
async function openInSettings() {
  const opened = await openPage(browser, server.address);
  return { ...opened, dialog: await openSettings(opened.page) };
}

for (const [name, address, token, expected] of [
  [
    'an endpoint',
    open.address,
    '',
    [
      /^Reached in \d+ ms/,
      /may read its responses \(CORS\)/,
      /version 1\.0\.0/,
      new RegExp(
        `index [0-9a-f]{8} .*: ${entities} entities by ${masks} masks and ${classes} classes`,
      ),
    ],
  ],
  [
    'an endpoint of another origin',
    closed.address,
    '',
    [new RegExp(`Reached, but .*CORS.*--allow-origin ${origin}`)],
  ],
  [
    'an address that refuses connections',
    `http://127.0.0.1:${await freePort()}/`,
    '',
    [/^Not reached/],
  ],
  [
    'an endpoint that needs a token',
    guarded.address,
    '',
    [/Reached/, /CORS/, /1\.0\.0/, /Needs a token/],
  ],
  ['a wrong token', guarded.address, 'wrong', [/Reached/, /CORS/, /1\.0\.0/, /Refuses this token/]],
  [
    'the right token',
    guarded.address,
    'secret',
    [/Reached/, /CORS/, /1\.0\.0/, new RegExp(`${entities} entities`)],
  ],
  ['no endpoint', '', '', [/No endpoint/, /1,234 entities, encoder e/]],
])
  test(`the test in the settings reports ${name}`, async () => {
    const { dialog, close } = await openInSettings();
    await dialog.getByRole('textbox', { name: 'Address' }).fill(address);
    await dialog.getByRole('textbox', { name: 'Token', exact: true }).focus();
    await dialog.getByRole('textbox', { name: 'Token', exact: true }).fill(token);
    await dialog.getByRole('button', { name: 'Test' }).click();
    await dialog
      .locator('#test-results li')
      .filter({ hasNotText: /^Testing$/ })
      .first()
      .waitFor({ timeout: PATIENCE });
    const lines = await dialog.locator('#test-results li').allInnerTexts();
    assert.equal(lines.length, expected.length, lines.join('\n'));
    for (const [at, pattern] of expected.entries()) assert.match(lines[at], pattern);
    await close();
  });

test('a server of something else is no endpoint', async () => {
  const { dialog, close } = await openInSettings();
  await dialog.getByRole('textbox', { name: 'Address' }).fill(plain.address);
  await dialog.getByRole('button', { name: 'Test' }).click();
  await dialog.getByText(/not a response of the linking protocol/).waitFor();
  await close();
});

test('all settings are reset to the defaults', async () => {
  const { page, dialog, errors, close } = await openInSettings();
  const settingsOf = () => page.evaluate(() => document.querySelector('mask-viewer').settings);
  const initial = await settingsOf();
  assert.equal(new URL(initial.endpoint, server.address).href, server.address);
  await dialog.getByRole('textbox', { name: 'Address' }).fill('https://other.example/');
  await dialog.getByLabel('Boxes around masks').check();
  await dialog.getByLabel('Theme').selectOption('dark');
  await dialog.getByLabel('A sentence and an image on each card').check();
  await dialog.getByRole('textbox', { name: 'Token', exact: true }).fill('secret');
  await dialog.getByRole('textbox', { name: 'Address' }).focus();
  assert.equal((await settingsOf()).boxes, true);
  await dialog.getByRole('button', { name: 'Reset all' }).click();
  assert.deepEqual(await settingsOf(), initial);
  assert.equal(await dialog.getByLabel('Boxes around masks').isChecked(), false);
  assert.equal(await dialog.getByLabel('Theme').inputValue(), 'auto');
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), undefined);
  assert.equal(await page.evaluate(() => document.querySelector('mask-viewer').token), null);
  const kept = await page.evaluate(() => JSON.parse(localStorage.getItem('masklink.settings')));
  assert.deepEqual(kept, { settings: {}, theme: 'auto' });
  assert.deepEqual(errors, []);
  await close();
});
