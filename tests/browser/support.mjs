/**
 * @file Helpers of the browser tests: a server of dist/, a headless Chromium with WebGPU, and
 * pages that report their errors.
 */

import assert from 'node:assert/strict';
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { after } from 'node:test';
import { chromium } from 'playwright-core';

/**
 * How long a first drawing or mask may take here, in milliseconds: SwiftShader and ONNX Runtime
 * compile on a shared processor.
 */
export const PATIENCE = 120_000;

// The runner ends a file that takes too long by SIGTERM. Playwright has a handler of it, after which
// the process would go on.
process.once('SIGTERM', () => process.exit(1));

const DIST = join(import.meta.dirname, '../../dist');

/** WebGPU without a GPU, by Chromium's software renderer. */
const WITH_WEBGPU = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];
const WITHOUT_WEBGPU = ['--disable-features=WebGPU', '--disable-blink-features=WebGPU'];
const ALWAYS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const TYPES = new Map([
  ['.html', 'text/html; charset=utf-8'],
  ['.js', 'text/javascript'],
  ['.mjs', 'text/javascript'],
  ['.css', 'text/css'],
  ['.svg', 'image/svg+xml'],
  ['.json', 'application/json'],
  ['.bmp', 'image/bmp'],
  ['.wasm', 'application/wasm'],
  ['.jpg', 'image/jpeg'],
  ['.png', 'image/png'],
  ['.onnx', 'application/octet-stream'],
]);

/**
 * Serves dist/ below `mount` on a free port, and `extra` files (path to body) before it, all with
 * these headers.
 */
export async function serve(extra = {}, headers = {}, mount = '/') {
  const server = createServer((request, response) => {
    const path = unescaped(new URL(request.url ?? '/', 'http://host').pathname);
    const name = path.endsWith('/') ? `${path}index.html` : path;
    const type = TYPES.get(extname(name)) ?? 'application/octet-stream';
    const file = name.startsWith(mount) ? join(DIST, normalize(name.slice(mount.length))) : '';
    const body = extra[path];
    if (body !== undefined) {
      sendPart(request, response, Buffer.from(body), { ...headers, 'content-type': type });
    } else if (file.startsWith(DIST) && existsSync(file) && statSync(file).isFile()) {
      response.writeHead(200, { ...headers, 'content-type': type });
      createReadStream(file).pipe(response);
    } else {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('not here');
    }
  });
  await new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(undefined));
  });
  const { port } = server.address();
  return {
    address: `http://127.0.0.1:${port}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
}

/**
 * Returns a port of this machine that nothing listens on.
 * @returns {Promise<number>}
 */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createTcpServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
      server.close(() => resolve(port));
    });
  });
}

/** Sends a body, or the range of it that is asked for. */
function sendPart(request, response, body, headers) {
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
  if (!range) return response.writeHead(200, headers).end(body);
  const [start, end] = [Number(range[1]), Math.min(Number(range[2]) + 1, body.length)];
  const total = { 'content-range': `bytes ${start}-${end - 1}/${body.length}` };
  return response.writeHead(206, { ...headers, ...total }).end(body.subarray(start, end));
}

/** A path as files are called; one with a bare % as it stands. */
function unescaped(path) {
  return /%(?![0-9a-f]{2})/i.test(path) ? path : decodeURIComponent(path);
}

/**
 * Serves `dist/` with these files and starts a browser, for the tests of one file; both end with them.
 */
export async function startSite(files) {
  const server = await serve(files);
  after(server.close);
  const browser = await launch();
  after(() => browser.close());
  return { server, browser };
}

/**
 * Starts a browser, and another one where the first ends before it has started: Chromium can crash
 * then, whatever it is to show.
 */
export async function launch({ webgpu = true } = {}) {
  const options = {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [...ALWAYS, ...(webgpu ? WITH_WEBGPU : WITHOUT_WEBGPU)],
  };
  try {
    return await chromium.launch(options);
  } catch (error) {
    console.error(`The browser did not start, another one is tried: ${error}`);
    return chromium.launch(options);
  }
}

/**
 * A page that collects what its console and its exceptions say is wrong.
 */
export async function newPage(browser, { prefetches = false, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  // Else each page would download the models as soon as it is idle.
  if (!prefetches) await saveData(context);
  const errors = [];
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(`${message.text()} (${message.location().url})`);
  });
  page.on('pageerror', (error) => errors.push(String(error)));
  return { page, errors, close: () => context.close() };
}

/** Makes the pages of a context those of a visitor who saves data. */
function saveData(context) {
  return context.addInitScript(() => {
    Object.defineProperty(navigator, 'connection', { value: { saveData: true } });
  });
}

/**
 * A page whose first viewer shows masks.
 */
export async function openPage(browser, address, options = {}) {
  const opened = await newPage(browser, options);
  await opened.page.goto(address);
  await until(opened.page, 'snapshot.shown.length > 0');
  // The state has the masks before a renderer draws them.
  await until(opened.page, 'viewer.status.renderer');
  return opened;
}

/**
 * Waits until the first viewer's snapshot fulfils a condition.
 * @param {string} condition An expression of `snapshot` and `viewer`.
 */
export async function until(page, condition) {
  const end = Date.now() + PATIENCE;
  // The page's own policy forbids the evaluation that waitForFunction does in the page.
  while (
    !(await page.evaluate(
      `((viewer, snapshot = viewer?.snapshot) => Boolean(snapshot && (${condition})))(
        document.querySelector('mask-viewer'))`,
    ))
  ) {
    const snapshot = await page.evaluate('document.querySelector("mask-viewer")?.snapshot');
    assert.ok(Date.now() < end, `never: ${condition}; ${JSON.stringify(snapshot)}`);
    await page.waitForTimeout(50);
  }
}

/**
 * Keeps the GPU devices that a page will ask for in its global `devices`.
 */
export function keepDevices(page) {
  return page.addInitScript(() => {
    const devices = (globalThis.devices = []);
    const request = GPUAdapter.prototype.requestDevice;
    GPUAdapter.prototype.requestDevice = async function (...options) {
      const device = await request.apply(this, options);
      devices.push(device);
      return device;
    };
  });
}

/**
 * Has the first viewer draw by WebGPU, which is a software adapter here and not used unless chosen.
 */
export async function drawByWebGpu(page) {
  await page.evaluate(() =>
    document.querySelector('mask-viewer').configure({ renderer: 'webgpu' }),
  );
  await page.waitForFunction(
    () => document.querySelector('mask-viewer').status.renderer?.kind === 'webgpu',
    null,
    { timeout: PATIENCE },
  );
}

/**
 * Has the newest of them refuse work from now on, as a GPU does that is out of memory.
 */
export function failDevices(page) {
  return page.evaluate(() => {
    setInterval(() => globalThis.devices.at(-1).createBuffer({ size: 16, usage: 0xffff_ffff }), 50);
  });
}

/**
 * Collects the messages of viewers' `error` events in the page's global `reported`.
 * @returns {Promise<() => Promise<string[]>>} Reads it.
 */
export async function keepErrors(page) {
  await page.addInitScript(() => {
    const reported = (globalThis.reported = []);
    addEventListener('error', (event) => {
      if (event instanceof CustomEvent) reported.push(event.detail.message);
    });
  });
  return () => page.evaluate(() => globalThis.reported);
}

/**
 * Takes the index away with which a page links by itself; what is asked then is answered at once.
 */
export function withoutIndex(page) {
  return page.route('**/index/index.json', (route) => route.fulfill({ status: 404, body: '' }));
}

/**
 * Lets files be dropped on the page together, or pasted into it.
 * @param {{ name: string, type?: string, content: string | Buffer }[]} files
 */
export function bring(page, files, gesture = 'drop') {
  const sent = files.map(({ name, type = '', content }) => ({
    name,
    type,
    base64: Buffer.from(content).toString('base64'),
  }));
  return page.evaluate(
    ({ all, kind }) => {
      const data = new DataTransfer();
      for (const { name, type, base64 } of all) {
        const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
        data.items.add(new File([bytes], name, { type }));
      }
      const event =
        kind === 'drop'
          ? new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true })
          : new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true });
      document.body.dispatchEvent(event);
      if (!event.defaultPrevented) throw new Error('the page left the file to the browser');
    },
    { all: sent, kind: gesture },
  );
}
