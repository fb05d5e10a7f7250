"""Writes the data card of www/samples from what is there."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import plan

TEXT = """# Sample images

{images} images of {categories} things with {annotations} annotations ({parts} visible parts),
made by [`tools/sample_world`](../../tools/sample_world) with Blender's path tracer from seed
{seed}. Nothing in them comes from elsewhere: models, textures and skies are procedural.

- Licence: Apache-2.0, as the rest of this repository.
- Size: {width} x {height} pixels, JPEG, {megabytes:.1f} MB in all.
- `annotations.json` has the shape of Mask-OVEN-Wiki: `category_id` is a Wikidata item, its
  `name` the English Wikipedia title; `segmentation` a list of compressed COCO RLEs, one for
  each visible part; `bbox` their x1, y1, x2, y2 (x2 and y2 exclusive); `label` carries the
  score 1.0, because the labels are exact. `file_name` is relative to `images/`.
- Masks are exact: they are rendered as object numbers.
- `cached-answers.json` holds an endpoint's answers for them, made by `masklink eval link --cache-answers`;
  the page shows one if neither an endpoint nor its index can be used.
- The build writes a list of the images, and a file of annotations and one of cached answers for each.

| split | images | annotations, seen things | annotations, unseen things |
| --- | ---: | ---: | ---: |
{rows}

The split is by image. Things that do not occur in train: {unseen}.
Entity annotations ask what a thing is, query annotations which sport is played with a ball or
which game a piece belongs to: {entity} and {query} of them.

| things | item | annotations |
| --- | --- | ---: |
{things}
"""


def write(world: dict[str, Any], images: Path, target: Path) -> None:
    """Write the card of a world whose pictures lie in `images`."""
    splits = {picture.name: picture.split for picture in plan.PICTURES}
    found = world["annotations"]
    names = {category["id"]: category["name"] for category in world["categories"]}
    rows = []
    for split in ("train", "val", "test"):
        pictures = sum(splits[image["id"]] == split for image in world["images"])
        seen, unseen = (
            sum(a["data_split"].endswith(f"{split}_{k}") for a in found) for k in ("seen", "unseen")
        )
        rows.append(f"| {split} | {pictures} | {seen} | {unseen} |")
    count = Counter(a["category_id"] for a in found)
    new = sorted({names[a["category_id"]] for a in found if a["data_split"].endswith("unseen")})
    target.write_text(
        TEXT.format(
            images=len(world["images"]),
            categories=len(names),
            annotations=len(found),
            parts=sum(len(a["segmentation"]) for a in found),
            seed=plan.SEED,
            width=plan.WIDTH,
            height=plan.HEIGHT,
            megabytes=sum(file.stat().st_size for file in images.iterdir()) / 1e6,
            rows="\n".join(rows),
            unseen=", ".join(new) or "none",
            entity=sum(a["data_split"].startswith("entity") for a in found),
            query=sum(a["data_split"].startswith("query") for a in found),
            things="\n".join(
                f"| {names[q]} | {q} | {count[q]} |" for q in sorted(names, key=lambda q: names[q])
            ),
        )
    )
