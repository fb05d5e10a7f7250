/**
 * @file Clicks and links under way: what becomes of them when a listener, the settings or the
 * pointer does something meanwhile.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FIXTURES, HOSTILE_ANSWER, elementPage } from './fixtures.mjs';
import { maskOf, snapshotOf } from './steps.mjs';
import { keepErrors, newPage, PATIENCE, startSite, until } from './support.mjs';

const { server, browser } = await startSite({
  ...FIXTURES,
  '/sample.html': elementPage(
    '<mask-viewer src="samples/images/world_001.jpg" tool="pick"></mask-viewer>',
  ),
});

/** Opens a page with a sample image, and collects the errors that its viewer reports. */
async function openSample() {
  const opened = await newPage(browser);
  const reported = await keepErrors(opened.page);
  await opened.page.goto(`${server.address}sample.html`);
  await until(opened.page, 'snapshot.image');
  return { ...opened, reported };
}

/**
 * Notes the messages that the page posts from now on, calls of the worker by their method, and returns
 * a function that gives them.
 */
async function postedMessages(page) {
  await page.evaluate(() => {
    const messages = (globalThis.posted = []);
    for (const { prototype } of [Worker, MessagePort]) {
      const post = prototype.postMessage;
      prototype.postMessage = function (message, transfer) {
        messages.push(message.method ?? message);
        post.call(this, message, transfer);
      };
    }
  });
  return () => page.evaluate(() => [...globalThis.posted]);
}

/**
 * Holds what matches back until it is released.
 */
async function hold(page, pattern) {
  let release = () => {};
  const released = new Promise((resolve) => {
    release = () => resolve(undefined);
  });
  let asked = false;
  await page.route(pattern, async (route) => {
    asked = true;
    await released;
    await route.continue();
  });
  const arrived = async () => {
    for (const end = Date.now() + PATIENCE; !asked; await page.waitForTimeout(20))
      assert.ok(Date.now() < end, `${pattern} was never asked for`);
  };
  return { release, arrived };
}

/**
 * Moves the pointer over the image, where a segmenting tool gets the model ready.
 */
async function hover(page) {
  const box = await page.locator('mask-viewer [part~=stage]').boundingBox();
  assert.ok(box);
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.mouse.move(box.x + box.width / 2 + 9, box.y + box.height / 2 + 9);
  await page.waitForTimeout(300);
}

/**
 * Clicks with a slow endpoint, and calls a function in the event that carries the mask.
 */
async function callOnSegment(page, call) {
  const asked = [];
  await page.route('**/v1/link', async (route) => {
    await page.waitForTimeout(300);
    await route.fulfill({ json: HOSTILE_ANSWER });
  });
  page.on('request', (request) => {
    if (request.url().endsWith('/v1/link')) asked.push(request.postDataJSON().mask.counts);
  });
  await page.evaluate(
    ([method, endpoint]) => {
      const viewer = document.querySelector('mask-viewer');
      viewer.configure({ endpoint });
      viewer.addEventListener(
        'segment',
        () => (method === 'clear' ? viewer.clear() : viewer.chooseCandidate(1)),
        { once: true },
      );
      // There the model offers two masks that differ.
      viewer.clickAt(480, 320);
    },
    [call, server.address],
  );
  return asked;
}

test('a listener that selects another candidate gets that one linked', async () => {
  const { page, errors, reported, close } = await openSample();
  const asked = await callOnSegment(page, 'chooseCandidate');
  const { snapshot, mask } = await maskOf(page);
  assert.equal(snapshot.chosen, 1);
  await until(page, "snapshot.linking.phase === 'answered'");
  assert.deepEqual(asked, [mask.counts]);
  assert.deepEqual(await reported(), []);
  assert.deepEqual(errors, []);
  await close();
});

test('a listener that undoes the click prevents linking', async () => {
  const { page, errors, reported, close } = await openSample();
  const posted = await postedMessages(page);
  const asked = await callOnSegment(page, 'clear');
  await until(page, '!snapshot.segmenting && snapshot.prompts.length === 0');
  const messages = await posted();
  assert.ok(messages.includes('segment'), messages.join());
  assert.ok(!messages.includes('link'), messages.join());
  assert.deepEqual(asked, []);
  assert.equal((await snapshotOf(page)).linking.phase, 'idle');
  assert.deepEqual(await reported(), []);
  assert.deepEqual(errors, []);
  await close();
});

test('a mask that is undone while it is linked cancels the worker’s call', async () => {
  const { page, errors, reported, close } = await openSample();
  const posted = await postedMessages(page);
  await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    const clear = () => setTimeout(() => viewer.clear());
    viewer.addEventListener('segment', clear, { once: true });
    viewer.clickAt(530, 300);
  });
  const linking = async () => {
    const messages = await posted();
    return messages.slice(messages.indexOf('link'));
  };
  for (const end = Date.now() + 30_000; !(await linking()).includes('cancel');)
    assert.ok(Date.now() < end, (await posted()).join());
  assert.deepEqual(await linking(), ['link', 'cancel']);
  assert.deepEqual(await reported(), []);
  assert.deepEqual(errors, []);
  await close();
});

test('a failure among the effects of an event is reported, and the other effects run', async () => {
  const { page, errors, reported, close } = await openSample();
  await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    viewer.showMasks([
      { id: 'm', title: 'Mine', mask: { size: [640, 960], boundaries: [0, 6400] } },
    ]);
  });
  await until(page, 'snapshot.shown.length === 1');
  await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    const dispatch = viewer.dispatchEvent;
    viewer.dispatchEvent = (event) => {
      if (event.type === 'mask-select') throw new Error('broken by the test');
      return dispatch.call(viewer, event);
    };
    viewer.selectMask(0);
  });
  await until(page, 'snapshot.selected === 0');
  assert.match((await reported()).join(), /broken by the test/);
  await page.evaluate(() => document.querySelector('mask-viewer').selectMask(null));
  await until(page, 'snapshot.selected === null');
  assert.deepEqual(errors, []);
  await close();
});

test('masks from a listener that do not fit are reported as one failure', async () => {
  const { page, errors, reported, close } = await openSample();
  await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    const mask = {
      id: 'm',
      title: 'Mine',
      mask: { size: [640, 960], boundaries: [0, 6400] },
    };
    const misfit = {
      id: 'o',
      mask: { size: [6, 8], boundaries: [6, 18] },
    };
    viewer.showMasks([mask]);
    viewer.addEventListener('mask-select', () => viewer.showMasks([mask, misfit, misfit]), {
      once: true,
    });
    viewer.selectMask(0);
  });
  await until(page, 'snapshot.selected === null && snapshot.shown.length === 1');
  assert.equal((await reported()).length, 1);
  assert.match((await reported()).join(), /2 of 3 masks cannot be used/);
  assert.deepEqual(errors, []);
  await close();
});

test('a listener can read the event’s mask as a PNG at once', async () => {
  const { page, errors, close } = await openSample();
  const found = await page.evaluate(async () => {
    const viewer = document.querySelector('mask-viewer');
    viewer.showMasks([
      { id: 'm', title: 'Mine', mask: { size: [640, 960], boundaries: [0, 6400] } },
    ]);
    const asked = [];
    viewer.addEventListener('mask-select', () => asked.push(viewer.maskPng()), { once: true });
    viewer.selectMask(0);
    viewer.tool = 'box';
    asked.push(viewer.maskPng());
    const { tool } = viewer;
    const images = await Promise.all(
      (await Promise.all(asked)).map((blob) => blob && createImageBitmap(blob)),
    );
    viewer.selectMask(null);
    return {
      tool,
      sizes: images.map((image) => [image?.width, image?.height]),
      none: await viewer.maskPng(),
    };
  });
  assert.deepEqual(found, {
    tool: 'box',
    sizes: [
      [960, 640],
      [960, 640],
    ],
    none: undefined,
  });
  assert.deepEqual(errors, []);
  await close();
});

test('a click completes while another model is set and the pointer moves', async () => {
  const { page, errors, reported, close } = await openSample();
  const encoder = await hold(page, '**/*.encoder.onnx');
  await page.evaluate(() => document.querySelector('mask-viewer').clickAt(530, 300));
  await encoder.arrived();
  await page.evaluate(() => {
    document.querySelector('mask-viewer').model = 'click-small';
  });
  await hover(page);
  assert.equal((await snapshotOf(page)).segmenting, true);
  encoder.release();
  await maskOf(page);
  assert.deepEqual(await reported(), []);
  assert.deepEqual(errors, []);
  await close();
});

test('a click completes while another model is set and its first mask is linked', async () => {
  const { page, errors, reported, close } = await openSample();
  const linked = page.evaluate(
    () =>
      new Promise((resolve) => {
        const viewer = document.querySelector('mask-viewer');
        let asked = false;
        viewer.addEventListener('update', () => {
          if (asked || !viewer.snapshot?.segmenting || viewer.snapshot.candidates.length === 0)
            return;
          asked = true;
          viewer.model = 'click-small';
          viewer.askLink();
        });
        viewer.addEventListener('segment', () => resolve(asked));
        viewer.addEventListener('error', (event) => resolve(event.detail.message));
        viewer.clickAt(530, 300);
      }),
  );
  assert.equal(await linked, true);
  await until(page, "snapshot.linking.phase === 'answered'");
  assert.deepEqual(await reported(), []);
  assert.deepEqual(errors, []);
  await close();
});

test('a link request completes while another model is set and the pointer moves', async () => {
  const { page, errors, reported, close } = await openSample();
  const index = await hold(page, '**/index/index.json');
  await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    viewer.showMasks([
      { id: 'm', title: 'Mine', mask: { size: [640, 960], boundaries: [0, 6400] } },
    ]);
    viewer.selectMask(0);
    viewer.askLink();
  });
  await index.arrived();
  await page.evaluate(() => {
    document.querySelector('mask-viewer').model = 'click-small';
  });
  await hover(page);
  assert.equal((await snapshotOf(page)).linking.phase, 'asking');
  index.release();
  await until(page, "snapshot.linking.phase === 'answered'");
  assert.deepEqual(await reported(), []);
  assert.deepEqual(errors, []);
  await close();
});
