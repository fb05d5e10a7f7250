/**
 * @file The element by itself, as other pages embed it: properties before the upgrade, files that
 * are wrong, focus, names and announcements.
 */

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, test } from 'node:test';
import {
  FIXTURES,
  annotationFile,
  annotationRecord,
  elementPage,
  imageRecord,
} from './fixtures.mjs';
import {
  freePort,
  keepErrors,
  newPage,
  openPage,
  PATIENCE,
  serve,
  startSite,
  until,
  withoutIndex,
} from './support.mjs';

/** A file of `count` images that are all called after a number. */
const annotationsOf = (...numbers) =>
  annotationFile(
    numbers.map((n) => imageRecord(`p${n}`, `${n}%.bmp`)),
    numbers.map((n) => annotationRecord(`a${n}`, `p${n}`)),
  );

const HEBREW = 'תפוז (פרי) שנמצא על השולחן ליד החלון';
/**
 * Names too long for where they stand, of masks in the last column and the last row of 8 by 6
 * pixels.
 */
const NAMES = JSON.stringify({
  images: [{ id: 't', file_name: 'tiny.bmp', width: 8, height: 6 }],
  categories: [
    { id: 'Q1', name: 'A name that is too long for the room beside its mask' },
    { id: 'Q2', name: HEBREW },
  ],
  annotations: [
    {
      id: 'a',
      image_id: 't',
      category_id: 'Q1',
      segmentation: [{ size: [6, 8], counts: [42, 6] }],
    },
    {
      id: 'b',
      image_id: 't',
      category_id: 'Q2',
      segmentation: [{ size: [6, 8], counts: [29, 1, 18] }],
    },
  ],
});

const { server, browser } = await startSite({
  ...FIXTURES,
  '/one.html': elementPage('<mask-viewer src="tiny.bmp" controls></mask-viewer>'),
  '/nokeep.html': elementPage(
    '<mask-viewer src="tiny.bmp" annotations="tiny.json" controls nokeep></mask-viewer>',
  ),
  '/pick.html': elementPage('<mask-viewer src="tiny.bmp" tool="pick"></mask-viewer>'),
  '/early.html': elementPage(
    '<mask-viewer></mask-viewer>',
    `Object.assign(document.querySelector('mask-viewer'),
      { src: 'tiny.bmp', annotations: 'tiny.json', controls: true, tool: 'box', token: 'secret',
        endpoint: 'https://early.example/', model: 'mine', view: { x: 3, y: 2, scale: 50 } })`,
  ),
  '/flex.html': elementPage(
    '<div style="display: flex; width: 500px">' +
      '<mask-viewer style="height: auto" src="tiny.bmp" controls></mask-viewer></div>',
  ),
  '/own.html': elementPage(
    '<mask-viewer style="height: auto" src="tiny.bmp" annotations="tiny.json" controls></mask-viewer>',
  ),
  '/names.html': elementPage(
    '<mask-viewer style="width: 320px; height: 500px" ' +
      'src="tiny.bmp" annotations="names.json" controls></mask-viewer>',
  ),
  '/names.json': NAMES,
  '/broken.html': elementPage(
    '<mask-viewer src="tiny.bmp" annotations="broken.json" controls></mask-viewer>',
  ),
  '/percent.html': elementPage(
    '<mask-viewer src="1%.bmp" annotations="numbers.json" controls></mask-viewer>',
  ),
  '/numbers.json': annotationsOf(1, 2, 3),
  '/others.json': annotationsOf(7, 8, 9),
  ...Object.fromEntries([1, 2, 3, 7, 8, 9].map((n) => [`/${n}%.bmp`, FIXTURES['/tiny.bmp']])),
});

/** A page that notes the viewer's errors. */
async function open(path, condition = 'snapshot.image') {
  const opened = await newPage(browser);
  const reported = await keepErrors(opened.page);
  await opened.page.goto(server.address + path);
  await until(opened.page, condition);
  return { ...opened, reported };
}

test('properties set before the element is defined are applied', async () => {
  const { page, errors, close } = await open('early.html', 'snapshot.shown.length === 1');
  const found = await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    const { tool, token, endpoint, model, controls, src } = viewer;
    const settings = [viewer.settings.endpoint, viewer.settings.model];
    return {
      own: Object.keys(viewer),
      tool,
      token,
      endpoint,
      model,
      controls,
      src,
      settings,
      view: viewer.view,
    };
  });
  assert.deepEqual(found.settings, ['https://early.example/', 'mine']);
  assert.equal(found.view?.scale, 50);
  assert.deepEqual(
    { ...found, settings: undefined, view: undefined },
    {
      own: [],
      tool: 'box',
      token: 'secret',
      endpoint: 'https://early.example/',
      model: 'mine',
      controls: true,
      src: 'tiny.bmp',
      settings: undefined,
      view: undefined,
    },
  );
  assert.deepEqual(errors, []);
  await close();
});

test('the tool attribute sets the first active tool', async () => {
  const { page, reported, close } = await open('pick.html');
  await until(page, "snapshot.tool === 'pick'");
  await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    viewer.tool = 'pan';
  });
  await until(page, "snapshot.tool === 'pan'");
  await page.evaluate(() => document.querySelector('mask-viewer')?.removeAttribute('tool'));
  await until(page, "snapshot.tool === 'select'");
  assert.deepEqual(await reported(), []);
  await page.evaluate(() => document.querySelector('mask-viewer')?.setAttribute('tool', 'hammer'));
  await page.waitForFunction(() => globalThis.reported.some((words) => words.includes('hammer')));
  await close();
});

test('annotations that fail to load show an error and can be retried', async () => {
  const { page, reported, close } = await open('broken.html');
  const hint = page.locator('mask-viewer [part~=hint]');
  await hint.waitFor();
  assert.match(await hint.innerText(), /broken\.json could not be loaded: the server returned 404/);
  assert.equal(await page.locator('mask-viewer').getByText('no annotated masks').count(), 0);
  assert.equal((await reported()).length, 1);
  await page.route('**/broken.json', (route) =>
    route.fulfill({ contentType: 'application/json', body: FIXTURES['/tiny.json'] }),
  );
  await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    viewer.src = './tiny.bmp';
  });
  await until(page, 'snapshot.shown.length === 1');
  assert.equal(await hint.isVisible(), false);
  await close();
});

test('masks of the previous file disappear when the next one fails to load', async () => {
  const { page, close } = await open('own.html', 'snapshot.shown.length === 1');
  await page.evaluate(() => {
    document.querySelector('mask-viewer').annotations = 'broken.json';
  });
  const hint = page.locator('mask-viewer [part~=hint]');
  await hint.waitFor();
  assert.match(await hint.innerText(), /broken\.json could not be loaded/);
  await until(page, 'snapshot.shown.length === 0');
  assert.match(await hint.innerText(), /broken\.json could not be loaded/);
  await close();
});

test('without controls, tools and zoom buttons are hidden', async () => {
  const { page, close } = await open('pick.html');
  for (const part of ['tools', 'zoom', 'masks'])
    assert.equal(await page.locator(`mask-viewer [part~=${part}]`).isVisible(), false, part);
  await close();
});

/** The background of a tool of the first viewer. */
const background = (tool) => tool.evaluate((node) => getComputedStyle(node).backgroundColor);

test('the chosen tool keeps its color under the pointer', async () => {
  const { page, close } = await open('one.html');
  const [chosen, other] = ['box', 'pan'].map((name) => page.locator(`button[data-tool=${name}]`));
  await chosen.click();
  await page.mouse.move(0, 0);
  const accent = await background(chosen);
  await chosen.hover();
  assert.equal(await background(chosen), accent);
  const plain = await background(other);
  await other.hover();
  assert.notEqual(await background(other), plain, 'another tool shows that the pointer is on it');
  await close();
});

test('a tap leaves no color of the pointer on a tool', async () => {
  const { page, close } = await newPage(browser, { hasTouch: true, isMobile: true });
  await page.goto(`${server.address}one.html`);
  await until(page, 'snapshot.image');
  const [tapped, other] = ['box', 'pan'].map((name) => page.locator(`button[data-tool=${name}]`));
  await tapped.tap();
  await until(page, "snapshot.tool === 'box'");
  await page.evaluate(() => {
    document.querySelector('mask-viewer').tool = 'select';
  });
  await until(page, "snapshot.tool === 'select'");
  assert.equal(await background(tapped), await background(other));
  await close();
});

test('with nokeep no tool and no key keeps, paints or erases', async () => {
  const { page, errors, close } = await open('nokeep.html', 'snapshot.shown.length === 1');
  const buttons = () =>
    page
      .locator('mask-viewer .bar .tool:visible .word')
      .evaluateAll((all) => all.map((node) => node.textContent));
  const words = ['Select', 'Object', 'Add', 'Remove', 'Box', 'Move', 'Undo', 'Redo', 'Clear'];
  assert.deepEqual(await buttons(), words);
  await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    viewer.selectMask(0);
    viewer.focus();
  });
  await until(page, 'snapshot.canKeep');
  for (const key of ['k', 'd', 'e']) await page.keyboard.press(key);
  const { kept, tool } = await page.evaluate(() => document.querySelector('mask-viewer').snapshot);
  assert.deepEqual([kept.length, tool], [0, 'select']);
  assert.doesNotMatch(await page.locator('mask-viewer #keys').textContent(), /keep|paint|erase/i);
  await page.locator('button[data-tool=box]').focus();
  await page.keyboard.press('ArrowRight');
  await until(page, "snapshot.tool === 'pan'");
  await page.evaluate(() => {
    document.querySelector('mask-viewer').noKeep = false;
  });
  assert.ok((await buttons()).includes('Keep'));
  await page.keyboard.press('k');
  await until(page, 'snapshot.kept.length === 1');
  assert.deepEqual(errors, []);
  await close();
});

test('a viewer with its own height shows all its zoom buttons', async () => {
  const { page, close } = await open('own.html');
  const [frame, zoom] = [
    await page.locator('mask-viewer [part~=frame]').boundingBox(),
    await page.locator('mask-viewer [part~=zoom]').boundingBox(),
  ];
  assert.ok(
    frame && zoom && zoom.y >= frame.y && zoom.y + zoom.height <= frame.y + frame.height,
    JSON.stringify({ frame, zoom }),
  );
  await close();
});

test('a resized stage does not stretch the image', async () => {
  const { page, close } = await open('one.html');
  assert.equal(
    await page
      .locator('mask-viewer [part~=canvas]')
      .evaluate((node) => getComputedStyle(node).objectFit),
    'contain',
  );
  await close();
});

test('a long address wraps within its message', async () => {
  const { page, close } = await open('names.html');
  const overflow = (selector) =>
    page.locator(`mask-viewer ${selector}`).evaluate((node) => node.scrollWidth - node.clientWidth);
  const long = `${'long_name_'.repeat(20)}x`;
  await page.evaluate((name) => {
    document.querySelector('mask-viewer').annotations = `${name}.json`;
  }, long);
  await page.locator('mask-viewer [part~=hint]').getByText(long).waitFor();
  assert.equal(await overflow('[part~=hint]'), 0);
  await page.evaluate((name) => {
    document.querySelector('mask-viewer').src = `${name}.bmp`;
  }, long);
  await page.locator('mask-viewer [part~=notice]').getByText(long).waitFor();
  assert.equal(await overflow('[part~=notice] p'), 0);
  await close();
});

test('labels stay inside the image and align with the direction of their script', async () => {
  const { page, errors, close } = await open('names.html', 'snapshot.shown.length === 2');
  await page.evaluate(() => document.querySelector('mask-viewer').configure({ labels: true }));
  await until(page, 'snapshot.settings.labels');
  const labels = page.locator('mask-viewer .label');
  await labels.nth(1).waitFor();
  const stage = await page.locator('mask-viewer [part~=stage]').boundingBox();
  for (const label of await labels.all()) {
    const box = await label.boundingBox();
    assert.ok(
      stage && box && box.x >= stage.x && box.x + box.width <= stage.x + stage.width,
      JSON.stringify({ stage, box }),
    );
    assert.ok(
      box.y >= stage.y && box.y + box.height <= stage.y + stage.height,
      JSON.stringify({ stage, box }),
    );
  }
  const direction = (name) => name.evaluate((node) => getComputedStyle(node).direction);
  assert.equal(await direction(labels.getByText(HEBREW)), 'rtl');
  assert.equal(await direction(page.locator('mask-viewer .chip .name').getByText(HEBREW)), 'rtl');
  // The last column is moved out of sight, and its name with it.
  await page.evaluate(() => {
    document.querySelector('mask-viewer').view = {
      x: 1,
      y: 3,
      scale: 100,
    };
  });
  await page.waitForFunction(
    () =>
      document.querySelector('mask-viewer')?.shadowRoot?.querySelectorAll('.label').length === 0,
  );
  assert.deepEqual(errors, []);
  await close();
});

test('a button that becomes disabled moves the focus to the image', async () => {
  const { page, errors, close } = await open('own.html', 'snapshot.shown.length === 1');
  const focused = () =>
    page.evaluate(() =>
      document.querySelector('mask-viewer')?.shadowRoot?.activeElement?.getAttribute('part'),
    );
  await page.evaluate(() => document.querySelector('mask-viewer').selectMask(0));
  await until(page, 'snapshot.selected === 0');
  await page.getByRole('button', { name: 'Clear the clicks' }).press('Enter');
  await until(page, 'snapshot.selected === null');
  assert.equal(await focused(), 'stage');
  await page.evaluate(() => document.querySelector('mask-viewer').drawBox([1, 1], [5, 5]));
  await until(page, 'snapshot.prompts.length === 1');
  await page.getByRole('button', { name: 'Undo', exact: true }).press('Enter');
  await until(page, 'snapshot.prompts.length === 0');
  assert.equal(await focused(), 'stage');
  assert.deepEqual(errors, []);
  await close();
});

test('keyboard shortcuts work while a button has the focus', async () => {
  const { page, errors, close } = await open('one.html');
  await page.getByRole('radio', { name: 'Select a mask' }).press('b');
  await until(page, "snapshot.tool === 'box'");
  await page.getByRole('button', { name: 'Zoom in' }).press('+');
  await page.waitForFunction(() => document.querySelector('mask-viewer').view !== null);
  await page.getByRole('button', { name: 'Zoom in' }).press('0');
  await page.waitForFunction(() => document.querySelector('mask-viewer').view === null);
  assert.deepEqual(errors, []);
  await close();
});

test('a viewer in a flex box has a width and does not overflow', async () => {
  const { page, errors, close } = await open('flex.html');
  const box = await page.locator('mask-viewer').boundingBox();
  assert.equal(box?.width, 500);
  assert.ok(box.height >= 256, `${box.height} px tall`);
  assert.deepEqual(errors, []);
  await close();
});

test('the README’s content security policy allows drawing and segmenting', async (t) => {
  const policy =
    "default-src 'none'; img-src 'self'; script-src 'self' 'wasm-unsafe-eval'; " +
    "worker-src 'self'; connect-src 'self'";
  const strict = await serve(
    {
      ...FIXTURES,
      '/strict.html': `<!doctype html><html lang="en"><title>strict</title>
      <link rel="icon" href="icon.svg"><script type="module" src="mask-viewer.js"></script>
      <mask-viewer src="tiny.bmp" annotations="tiny.json" controls></mask-viewer></html>`,
    },
    { 'content-security-policy': policy },
  );
  t.after(strict.close);
  const { page, errors, close } = await openPage(browser, `${strict.address}strict.html`);
  await page.evaluate(() => document.querySelector('mask-viewer').clickAt(4, 3, { add: true }));
  await until(
    page,
    '!snapshot.segmenting && (snapshot.candidates.length > 0 || snapshot.segmentFailure)',
  );
  assert.equal(
    await page.evaluate(() => document.querySelector('mask-viewer').snapshot?.segmentFailure),
    null,
  );
  // Here no index is published.
  assert.deepEqual(
    errors.filter((text) => !/index\.json/.test(text)),
    [],
  );
  await close();
});

test('an image with too large a content-length is refused before its download', async (t) => {
  const endless = createServer((_, response) => {
    response.writeHead(200, {
      'content-type': 'image/bmp',
      'content-length': String(65 * 2 ** 20),
      'access-control-allow-origin': '*',
    });
    // The rest never comes.
    response.write(FIXTURES['/tiny.bmp']);
  });
  await new Promise((resolve) => {
    endless.listen(0, '127.0.0.1', () => resolve(undefined));
  });
  t.after(() => {
    endless.close();
    endless.closeAllConnections();
  });
  const { port } = endless.address();
  const { page, close } = await open('one.html');
  const code = await page.evaluate(
    (address) =>
      new Promise((resolve) => {
        const viewer = document.querySelector('mask-viewer');
        viewer.addEventListener('error', (event) => resolve(event.detail.code));
        setTimeout(() => resolve('none'), 20_000);
        viewer.src = address;
      }),
    `http://127.0.0.1:${port}/large.bmp`,
  );
  assert.equal(code, 'image-too-large');
  await close();
});

test('an image address with an invalid escape shows its masks', async () => {
  const { reported, errors, close } = await open('percent.html', 'snapshot.shown.length === 1');
  assert.deepEqual(await reported(), []);
  assert.deepEqual(errors, []);
  await close();
});

test('annotations and image set in turn match, and the last of many images wins', async () => {
  const { page, reported, errors, close } = await open(
    'percent.html',
    'snapshot.shown.length === 1',
  );
  await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    viewer.annotations = 'others.json';
    viewer.src = '7%.bmp';
  });
  await until(page, "snapshot.image === '7%.bmp' && snapshot.shown[0]?.id === 'a7'");
  await page.evaluate(async () => {
    const viewer = document.querySelector('mask-viewer');
    for (const src of ['8%.bmp', '9%.bmp', '7%.bmp', '8%.bmp', '9%.bmp']) {
      viewer.src = src;
      await new Promise((resolve) => {
        setTimeout(resolve, 3);
      });
    }
  });
  await until(page, "snapshot.image === '9%.bmp' && snapshot.shown[0]?.id === 'a9'");
  assert.deepEqual(await reported(), []);
  assert.deepEqual(errors, []);
  await close();
});

test('removing a viewer stops reading its annotations', async () => {
  const { page, errors, close } = await open('one.html');
  await page.evaluate(() => {
    const ended = globalThis;
    ended.workers = ended.ended = 0;
    const [post, terminate] = [Worker.prototype.postMessage, Worker.prototype.terminate];
    // The worker is never asked, so it never answers.
    Worker.prototype.postMessage = function (message, transfer) {
      if (message.method === 'open') ended.workers += 1;
      else post.call(this, message, transfer);
    };
    Worker.prototype.terminate = function () {
      ended.ended += 1;
      return terminate.call(this);
    };
    document.querySelector('mask-viewer').annotations = 'tiny.json';
  });
  await page.waitForFunction(() => globalThis.workers === 1);
  await page.evaluate(() => document.querySelector('mask-viewer')?.remove());
  await page.waitForFunction(() => globalThis.ended === 1, null, {
    timeout: PATIENCE,
  });
  assert.deepEqual(errors, []);
  await close();
});

test('a missing model is requested once on pointer moves and again on a click', async () => {
  const { page, close } = await open('one.html');
  let asked = 0;
  await page.route('**/models/models.json', (route) => {
    asked += 1;
    return route.abort();
  });
  await page.getByRole('radio', { name: 'Click an object' }).click();
  await until(page, "snapshot.tool === 'pick'");
  const box = await page.locator('mask-viewer [part~=stage]').boundingBox();
  assert.ok(box);
  for (let step = 0; step < 40; step += 1) {
    await page.mouse.move(box.x + box.width / 2 + step, box.y + box.height / 2);
    await page.waitForTimeout(20);
  }
  await page.waitForTimeout(500);
  assert.equal(asked, 1);
  await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
  await until(page, 'snapshot.segmentFailure');
  assert.equal(asked, 2);
  await close();
});

test('a viewer without its module shows a message and throws nothing', async () => {
  const { page, errors, close } = await newPage(browser);
  await page.route('**/*.wasm', (route) => route.abort());
  await page.goto(`${server.address}two.html`);
  await page
    .locator('mask-viewer')
    .first()
    .getByText(/could not be loaded/)
    .first()
    .waitFor();
  await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    viewer.src = './tiny.bmp';
  });
  await page.waitForTimeout(500);
  assert.deepEqual(
    errors.filter((text) => !/ERR_FAILED/.test(text)),
    [],
  );
  await close();
});

test('a pointer move without a change draws no frame', async () => {
  const { page, errors, close } = await open('two.html', 'snapshot.shown.length === 1');
  const box = await page.locator('mask-viewer').first().locator('[part~=stage]').boundingBox();
  assert.ok(box);
  await page.evaluate(() => {
    globalThis.frames = 0;
    const request = globalThis.requestAnimationFrame;
    globalThis.requestAnimationFrame = (callback) => {
      globalThis.frames += 1;
      return request(callback);
    };
  });
  const frames = () => page.evaluate(() => globalThis.frames);
  await page.mouse.move(box.x + 4, box.y + 4);
  // On a busy machine the opening still draws.
  let before = -1;
  for (
    const end = Date.now() + PATIENCE;
    before !== (await frames()) && Date.now() < end;
    await page.waitForTimeout(1500)
  )
    before = await frames();
  for (let step = 0; step < 20; step += 1) await page.mouse.move(box.x + 4 + (step % 3), box.y + 4);
  await page.waitForTimeout(200);
  assert.equal(await frames(), before);
  assert.deepEqual(errors, []);
  await close();
});

test('the keyboard crosshair is announced, and Alt with an arrow is left to the browser', async () => {
  const { page, errors, close } = await open('two.html', 'snapshot.shown.length === 1');
  await page.getByRole('application').first().focus();
  const said = () => page.locator('mask-viewer').first().getByRole('status').innerText();
  await page.keyboard.press('ArrowLeft');
  assert.match(await said(), /\b[1-8] of 8, [1-6] of 6/);
  // The mask covers the second and third of eight columns.
  for (let step = 0; step < 30 && !/Universe/.test(await said()); step += 1)
    await page.keyboard.press('ArrowLeft');
  assert.match(await said(), /^Universe/);
  const prevented = await page.evaluate(() => {
    const stage = document.querySelector('mask-viewer')?.shadowRoot?.querySelector('[part~=stage]');
    const press = (init) => {
      const event = new KeyboardEvent('keydown', { bubbles: true, cancelable: true, ...init });
      stage?.dispatchEvent(event);
      return event.defaultPrevented;
    };
    return [press({ key: 'ArrowLeft', altKey: true }), press({ key: 'Enter', altKey: true })];
  });
  assert.deepEqual(prevented, [false, true]);
  assert.deepEqual(errors, []);
  await close();
});

test('each tool’s accessible name contains its visible word', async () => {
  const { page, close } = await open('one.html');
  const names = await page
    .getByRole('radiogroup', { name: 'Tools' })
    .getByRole('radio')
    .evaluateAll((nodes) =>
      nodes.map((node) => [node.getAttribute('aria-label') ?? '', node.textContent?.trim() ?? '']),
    );
  assert.equal(names.length, 8);
  for (const [name = '', word = ''] of names)
    assert.ok(
      word && name.toLowerCase().includes(word.toLowerCase()),
      `${word} is not in "${name}"`,
    );
  await close();
});

test('the list of masks keeps focus, tab stop and scroll position on updates', async () => {
  const { page, errors, close } = await openPage(browser, `${server.address}#image=world_001`);
  await withoutIndex(page);
  await page.evaluate(() => {
    const viewer = document.querySelector('mask-viewer');
    // A mask of one's own.
    viewer.clickAt(10, 10);
  });
  const focused = () =>
    page.evaluate(() => {
      const chip = document.querySelector('mask-viewer')?.shadowRoot?.activeElement;
      return chip ? [chip.dataset.index, chip.tabIndex, chip.isConnected] : null;
    });
  await until(page, '!snapshot.segmenting && snapshot.candidates.length > 0');
  const masks = page.getByRole('listbox', { name: /^Masks/ }).getByRole('option');
  await masks.first().focus();
  await page.keyboard.press('ArrowRight');
  await page.evaluate(() => document.querySelector('mask-viewer').configure({ patterns: true }));
  await until(page, 'snapshot.settings.patterns');
  assert.deepEqual(await focused(), ['1', 0, true], 'an update leaves the tab stop');
  await page.keyboard.press('Enter');
  await until(page, 'snapshot.selected === 1');
  assert.deepEqual(
    await focused(),
    ['1', 0, true],
    'choosing a mask after a click leaves the focus',
  );
  assert.deepEqual(
    errors.filter((text) => !/index\.json/.test(text)),
    [],
  );
  await close();
});

test('the panel keeps the focus when its focused button disappears', async () => {
  const { page, close } = await openPage(browser, server.address);
  await withoutIndex(page);
  await page.evaluate(
    (endpoint) => {
      const viewer = document.querySelector('mask-viewer');
      viewer.configure({ endpoint });
      viewer.selectMask(0);
    },
    `http://127.0.0.1:${await freePort()}/`,
  );
  await page.getByRole('button', { name: 'Compare it with the index' }).focus();
  await page.keyboard.press('Enter');
  await until(page, "['asking', 'failed', 'answered'].includes(snapshot.linking.phase)");
  const focused = () =>
    page.evaluate(
      () =>
        document.activeElement?.closest('#entities') !== null && document.activeElement?.tagName,
    );
  assert.ok(await focused(), 'the focus is in the section');
  await until(page, "snapshot.linking.phase === 'failed' || snapshot.linking.phase === 'answered'");
  await page.getByRole('button', { name: 'Try again' }).focus();
  await page.keyboard.press('Enter');
  await until(page, "snapshot.linking.phase === 'failed' || snapshot.linking.phase === 'answered'");
  assert.ok(await focused(), 'the focus is still in the section');
  await close();
});
