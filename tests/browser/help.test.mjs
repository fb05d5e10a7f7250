/** @file The help with all keys, and the hint of the first visit. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FIXTURES } from './fixtures.mjs';
import { openPage, startSite, until } from './support.mjs';
import { openSettings, violations } from './steps.mjs';

const { server, browser } = await startSite(FIXTURES);
/** All keys that write a character, and those that may do something on an image. */
const KEYS = [
  ...Array.from({ length: 95 }, (_, at) => String.fromCharCode(32 + at)),
  ...['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'Enter', 'Escape', 'Tab', 'Home', 'End'],
  ...['Delete', 'Backspace', 'Insert', 'PageUp', 'PageDown', 'F1', 'F2'],
];

test('the help lists the keys that work, and no others', async () => {
  const { page, errors, close } = await openPage(browser, server.address);
  await page.getByRole('application').focus();
  await page.keyboard.press('?');
  const help = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
  await help.waitFor();
  assert.deepEqual(await violations(page), []);
  const listed = await help.evaluate((dialog) =>
    [...dialog.querySelectorAll('tr')].flatMap((row) =>
      [...row.querySelectorAll('[data-key]')].map((node) => ({
        key: node.dataset.key,
        control: row.hasAttribute('data-control'),
      })),
    ),
  );
  await page.keyboard.press('Escape');
  for (const control of [false, true]) {
    const taken = await page.evaluate(
      ({ keys, ctrlKey }) => {
        const stage = document.querySelector('mask-viewer').shadowRoot.querySelector('.stage');
        return keys.filter((key) => {
          // Escape does nothing where there is nothing to give up.
          if (key === 'Escape')
            stage.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowLeft', bubbles: true }));
          const options = { key, ctrlKey, bubbles: true, composed: true, cancelable: true };
          const isTaken = !stage.dispatchEvent(new KeyboardEvent('keydown', options));
          document.querySelector('dialog[open]')?.close();
          return isTaken;
        });
      },
      { keys: KEYS, ctrlKey: control },
    );
    const lower = (key) => (key.length === 1 ? key.toLowerCase() : key);
    const expected = listed.filter((one) => one.control === control).map(({ key }) => key);
    assert.deepEqual([...new Set(taken.map(lower))].sort(), expected.sort(), `control: ${control}`);
  }
  assert.deepEqual(errors, []);
  await close();
});

test('a question mark in a field opens no help', async () => {
  const { page, close } = await openPage(browser, server.address);
  await openSettings(page);
  await page.getByRole('textbox', { name: 'Address' }).focus();
  await page.keyboard.press('?');
  assert.equal(await page.locator('#help').evaluate((dialog) => dialog.open), false);
  await close();
});

test('the hint of the first visit is gone after the first click, and for good', async () => {
  const { page, errors, close } = await openPage(browser, server.address);
  const hint = page.getByText('Click a thing in the image to see what it is.');
  await hint.waitFor();
  await page.reload();
  await until(page, 'snapshot.shown.length > 0');
  await hint.waitFor();
  const select = (at) =>
    page.evaluate((index) => document.querySelector('mask-viewer').selectMask(index), at);
  await select(0);
  await hint.waitFor({ state: 'hidden' });
  await select(null);
  await hint.waitFor();
  await page.evaluate(() => document.querySelector('mask-viewer').clickAt(100, 100));
  await hint.waitFor({ state: 'detached' });
  await page.reload();
  await until(page, 'snapshot.shown.length > 0');
  assert.equal(await hint.count(), 0);
  assert.deepEqual(errors, []);
  await close();
});
