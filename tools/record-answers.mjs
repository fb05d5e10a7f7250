/**
 * Records a linking endpoint's answers about the sample pictures' masks, for when no endpoint answers the page.
 *
 * Usage: node tools/record-answers.mjs ENDPOINT SAMPLES   (while `masklink serve --rate 0` runs)
 * Reads SAMPLES/annotations.json and SAMPLES/images/, writes SAMPLES/recorded.json: by picture, each mask with its answer.
 */
import { createHash } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Entities kept of an answer, and known masks kept of an entity: what a person looks at. */
const ENTITIES = 5;
const EVIDENCE = 4;

const [endpoint, samples] = process.argv.slice(2);
if (!endpoint || !samples) throw new Error("usage: node tools/record-answers.mjs ENDPOINT SAMPLES");
const base = endpoint.replace(/\/+$/, "");

/** Sends a request and fails with what the endpoint says unless it succeeds. @param {string} path @param {RequestInit} init */
async function ask(path, init) {
  const response = await fetch(base + path, init);
  if (!response.ok) throw new Error(`${init.method} ${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

const { images, annotations } = JSON.parse(readFileSync(join(samples, "annotations.json"), "utf8"));
/** @type {Record<string, { mask: object, answer: object }[]>} */
const recorded = {};
for (const { id, file_name: file } of images) {
  const bytes = readFileSync(join(samples, "images", file));
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  await ask(`/v1/images/${sha256}`, { method: "PUT", body: bytes, headers: { "content-type": "application/octet-stream" } });
  recorded[id] = [];
  for (const { id: annotation, image_id: image, segmentation } of annotations) {
    if (image !== id) continue;
    const [mask, ...more] = segmentation;
    // The protocol asks about one mask; a thing that is seen in parts has several.
    if (more.length > 0 || typeof mask?.counts !== "string") {
      console.warn(`${annotation} has not one compressed mask, so it is left out`);
      continue;
    }
    const body = JSON.stringify({ image: { sha256 }, mask, top_k: ENTITIES });
    const { entities, in_index } = await ask("/v1/link", { method: "POST", body, headers: { "content-type": "application/json" } });
    for (const entity of entities) entity.evidence = entity.evidence.slice(0, EVIDENCE);
    recorded[id].push({ mask, answer: { entities, in_index } });
  }
}

const target = join(samples, "recorded.json");
writeFileSync(`${target}.part`, `${JSON.stringify(recorded)}\n`);
renameSync(`${target}.part`, target);
console.log(`${Object.values(recorded).flat().length} answers about ${images.length} pictures in ${target}`);
