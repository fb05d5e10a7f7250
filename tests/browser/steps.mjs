/**
 * @file Steps that journeys through the page share: a real server, real clicks, what the viewer
 * comes to.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { bitmapOf } from './masks.mjs';
import { until } from './support.mjs';

export const ROOT = join(import.meta.dirname, '../..');
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
export const TARGET = process.env.CARGO_TARGET_DIR ?? join(ROOT, 'target');

/** Servers that run, which must not outlive this process. */
const running = new Set();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/**
 * Starts the endpoint that serves the page and links.
 * @param {...string} more Options; `--root` serves another folder than dist/.
 */
export async function startServer(...more) {
  const root = more.includes('--root') ? [] : ['--root', join(ROOT, 'dist')];
  const child = spawn(
    process.env.MASKLINK ?? join(TARGET, 'release/masklink'),
    ['serve', ...root, '--index', join(TARGET, 'index'), '--port', '0', ...more],
    { cwd: ROOT },
  );
  running.add(child);
  child.on('exit', () => running.delete(child));
  let said = '';
  child.stderr.on('data', (bytes) => {
    said += bytes;
  });
  const address = await new Promise((resolve, reject) => {
    let printed = '';
    child.stdout.on('data', (bytes) => {
      printed += bytes;
      const found = /http:\/\/\S+/.exec(printed);
      if (found) resolve(found[0]);
    });
    child.on('exit', (status) => reject(new Error(`the server ended with ${status}: ${said}`)));
  });
  const ended = new Promise((resolve) => {
    child.on('exit', resolve);
  });
  return {
    address: address,
    kill: () => {
      child.kill('SIGKILL');
      return ended;
    },
  };
}

/**
 * Clicks with the real pointer at a point of the image.
 */
export async function clickInImage(page, point_in_image) {
  const at = await page.evaluate(({ x, y }) => {
    const viewer = document.querySelector('mask-viewer');
    viewer.tool = 'pick';
    viewer.fit();
    const canvas = viewer.shadowRoot?.querySelector('[part~=canvas]');
    const box = canvas.getBoundingClientRect();
    const [width = 1, height = 1] = viewer.snapshot?.size ?? [];
    const scale = Math.min(box.width / width, box.height / height);
    return {
      x: box.x + (box.width - width * scale) / 2 + x * scale,
      y: box.y + (box.height - height * scale) / 2 + y * scale,
    };
  }, point_in_image);
  await page.mouse.click(at.x, at.y);
}

/** Returns the snapshot once the model has returned masks. */
export async function maskOf(page) {
  await until(
    page,
    '!snapshot.segmenting && (snapshot.candidates.length > 0 || snapshot.segmentFailure)',
  );
  const snapshot = await snapshotOf(page);
  const { mask } = snapshot;
  assert.ok(mask && !snapshot.segmentFailure, JSON.stringify(snapshot.segmentFailure));
  return { snapshot, mask, bitmap: bitmapOf(mask) };
}

/**
 * An image of an annotation file with what is annotated in it.
 */
export function annotated(path, id) {
  const file = JSON.parse(readFileSync(path, 'utf8'));
  const image = file.images.find((one) => one.id === id);
  assert.ok(image, `${path} has no image ${id}`);
  return {
    image,
    annotations: file.annotations.filter((one) => one.image_id === id),
  };
}

/** Returns the viewer's snapshot with its current mask. */
export async function snapshotOf(page) {
  const [snapshot, mask] = await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    return [viewer.snapshot, viewer.maskRle()];
  });
  assert.ok(snapshot);
  return { ...snapshot, mask };
}

/** Selects one of the masks that are shown, and links it. */
export function askAbout(page, index) {
  return page.evaluate((at) => {
    const viewer = document.querySelector('mask-viewer');
    viewer.selectMask(at);
    viewer.askLink();
  }, index);
}

/** Opens the settings, and returns their dialog. */
export async function openSettings(page) {
  await page.getByRole('button', { name: 'Settings' }).first().click();
  return page.getByRole('dialog', { name: 'Settings' });
}

/** Returns the card of an entity. */
export const card = (page, title) =>
  page.locator('.card', { has: page.getByRole('heading', { name: title }) });

/**
 * Links the first mask by an endpoint that sends this result.
 */
export async function linkFirstMask(page, answer) {
  await page.route('**/elsewhere/v1/link', (route) =>
    route.fulfill({ status: 200, contentType: 'application/json', body: JSON.stringify(answer) }),
  );
  await page.evaluate(() =>
    document
      .querySelector('mask-viewer')
      .configure({ endpoint: new URL('elsewhere', document.baseURI).href }),
  );
  await askAbout(page, 0);
  await until(page, "snapshot.linking.phase === 'answered'");
}

/** Returns the violations that axe-core finds, as text. */
export async function violations(page) {
  // The page's own policy forbids the checker's injected script; it is put in past the policy.
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const axe = globalThis.axe;
    const { violations: found } = await axe.run(document, { resultTypes: ['violations'] });
    return found.flatMap(({ id, nodes }) =>
      nodes.map((node) => `${id}: ${node.target} ${node.failureSummary}`),
    );
  });
}
