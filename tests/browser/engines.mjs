/** @file Starts Firefox and WebKitGTK where a machine has them, each with a page to drive. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import puppeteer from 'puppeteer-core';
import { freePort } from './support.mjs';

const FIREFOX = process.env.FIREFOX ?? '/usr/bin/firefox-esr';
const WEBKIT_DRIVER = process.env.WEBKIT_DRIVER ?? '/usr/bin/WebKitWebDriver';
const XVFB = '/usr/bin/Xvfb';
/** Milliseconds in which a driver must listen. */
const START = 30_000;
const WIDTH = 1280;
const HEIGHT = 900;

/**
 * One page of an engine.
 * @typedef {object} EnginePage
 * @property {(address: string) => Promise<void>} goto
 * @property {(expression: string) => Promise<any>} evaluate The JSON value of an expression.
 * @property {(x: number, y: number) => Promise<void>} click With the pointer, in CSS pixels of the viewport.
 * @property {() => Promise<Buffer>} screenshot A PNG.
 * @property {() => Promise<void>} close Ends the engine.
 */

/** The engines, with the programs that each needs. */
export const ENGINES = [
  { name: 'Firefox', needs: [FIREFOX], start: startFirefox },
  { name: 'WebKitGTK', needs: [WEBKIT_DRIVER, XVFB], start: startWebkit },
];

/** The programs that an engine lacks here. @param {{ needs: string[] }} engine */
export function missingOf({ needs }) {
  return needs.filter((program) => !existsSync(program));
}

/** Starts Firefox, driven by WebDriver BiDi. @returns {Promise<EnginePage>} */
async function startFirefox() {
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath: FIREFOX,
    headless: true,
    defaultViewport: { width: WIDTH, height: HEIGHT },
  });
  const page = await browser.newPage();
  return {
    goto: async (address) => {
      await page.goto(address);
    },
    evaluate: (expression) => page.evaluate(expression),
    click: (x, y) => page.mouse.click(x, y),
    screenshot: async () => Buffer.from(await page.screenshot()),
    close: () => browser.close(),
  };
}

/**
 * Starts WebKitGTK's small browser in a virtual screen, driven by WebDriver.
 * @returns {Promise<EnginePage>}
 */
async function startWebkit() {
  const [screen, port] = [`:${100 + (process.pid % 400)}`, await freePort()];
  const size = `${WIDTH}x${HEIGHT + 100}x24`;
  const xvfb = spawn(XVFB, [screen, '-screen', '0', size], { stdio: 'ignore' });
  const driver = spawn(WEBKIT_DRIVER, [`--port=${port}`], {
    stdio: 'ignore',
    // A container forbids the engine's own sandbox; the pages are our own.
    env: { ...process.env, DISPLAY: screen, WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: '1' },
  });
  const address = `http://127.0.0.1:${port}/session`;
  const end = async () => {
    driver.kill();
    xvfb.kill();
  };
  process.once('exit', end);
  try {
    const capabilities = { alwaysMatch: { browserName: 'MiniBrowser' } };
    const { sessionId } = await untilListening(() => ask(address, { capabilities }));
    const session = `${address}/${sessionId}`;
    await ask(`${session}/timeouts`, { script: 120_000, pageLoad: 120_000 });
    await ask(`${session}/window/rect`, { width: WIDTH, height: HEIGHT });
    return {
      goto: (url) => ask(`${session}/url`, { url }),
      evaluate: (expression) =>
        ask(`${session}/execute/sync`, { script: `return (${expression});`, args: [] }),
      click: (x, y) => ask(`${session}/actions`, { actions: [pressAt(x, y)] }),
      screenshot: async () => {
        const response = await fetch(`${session}/screenshot`);
        return Buffer.from((await response.json()).value, 'base64');
      },
      close: async () => {
        await fetch(session, { method: 'DELETE' });
        await end();
      },
    };
  } catch (thrown) {
    await end();
    throw thrown;
  }
}

/** The actions of a click, as WebDriver takes them. @param {number} x @param {number} y */
function pressAt(x, y) {
  return {
    type: 'pointer',
    id: 'mouse',
    parameters: { pointerType: 'mouse' },
    actions: [
      { type: 'pointerMove', duration: 0, x: Math.round(x), y: Math.round(y) },
      { type: 'pointerDown', button: 0 },
      { type: 'pointerUp', button: 0 },
    ],
  };
}

/** The value of a WebDriver command. @param {string} address @param {object} body */
async function ask(address, body) {
  const response = await fetch(address, { method: 'POST', body: JSON.stringify(body) });
  const { value } = await response.json();
  assert.ok(response.ok, `${address}: ${JSON.stringify(value)}`);
  return value;
}

/**
 * Repeats a request until the driver listens.
 * @template T
 * @param {() => Promise<T>} request
 */
async function untilListening(request) {
  for (const end = Date.now() + START; ;) {
    try {
      return await request();
    } catch (thrown) {
      if (!(thrown instanceof TypeError) || Date.now() > end) throw thrown;
      await pause(100);
    }
  }
}
