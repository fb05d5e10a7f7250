/**
 * Writes the card of the default linking encoder: the default click model's own encoder, whose features are pooled
 * under a mask. Everything in it comes from the manifest of the click models.
 *
 * Usage: node tools/encoder_card.mjs MODELS.json CARD.json
 */
import { readFileSync, writeFileSync } from "node:fs";

const [manifestPath, cardPath] = process.argv.slice(2);
if (!manifestPath || !cardPath) throw new Error("usage: node tools/encoder_card.mjs MODELS.json CARD.json");
const manifest = JSON.parse(readFileSync(manifestPath, "utf8"));
const model = manifest.models.find((/** @type {{id: string}} */ { id }) => id === manifest.default);
if (!model) throw new Error(`${manifestPath} has no model ${manifest.default}`);
const { url, sha256, input, size, mean, std } = model.encoder;
const card = {
  id: `${model.id}-features`,
  file: url,
  sha256,
  input: { name: input, width: size, height: size, layout: "nchw", element: "f32", mean, std, resize: "pad" },
  output: { name: "image_embeddings", layout: "chw" },
  // A view of the crop around the mask, which costs a run for each mask, was measured on the sample pictures: no gain.
  views: ["image"],
};
writeFileSync(cardPath, `${JSON.stringify(card, null, 2)}\n`);
