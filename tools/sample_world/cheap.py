"""Renders small quick pictures of random arrangements, with exact masks, to train models on.

`python cheap.py --out DIR [--count N] [--made M] [--views V]` writes DIR/images and
DIR/annotations.json, in the shape of www/samples and all of it train; a run goes on where the last
one ended.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import annotate
import cheap_plan
import develop
from make import SCRIPT, categories
from plan import HEIGHT, WIDTH, Picture

SAMPLES = 3
BOUNCES = 1
BATCH = 15
SMALLEST_THING = 60


def main() -> None:
    """Parse the command line and render batch by batch."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="a folder outside the repository")
    parser.add_argument("--count", type=int, default=400, help="pictures of seen things in all")
    parser.add_argument("--made", type=int, default=0, help="pictures of made-up objects in all")
    parser.add_argument("--views", type=int, default=0, help="further views of each new picture")
    parser.add_argument("--percent", type=int, default=32, help="of the sample pictures' sides")
    parser.add_argument("--threads", type=int, default=0, help="Blender's; 0 takes all cores")
    options = parser.parse_args()
    (options.out / "images").mkdir(parents=True, exist_ok=True)
    path = options.out / "annotations.json"
    world: dict[str, Any] = {"images": [], "categories": [], "annotations": []}
    if path.exists():
        world = json.loads(path.read_text())
    done = {image["id"] for image in world["images"]}
    planned = cheap_plan.pictures(cheap_plan.SEEN_PREFIX, options.count)
    planned += cheap_plan.pictures(cheap_plan.MADE_PREFIX, options.made)
    missing = [picture for picture in planned if picture.name not in done]
    for start in range(0, len(missing), BATCH):
        with tempfile.TemporaryDirectory() as work:
            batch = missing[start : start + BATCH]
            render([picture.name for picture in batch], Path(work), options)
            for picture in batch:
                add(picture, Path(work), options, world)
                for number in range(1, options.views + 1):
                    add(cheap_plan.view(picture, number)[0], Path(work), options, world)
        publish(world, path)
        print(f"{len(world['images'])} pictures, {len(world['annotations'])} annotations", flush=True)


def render(names: list[str], work: Path, options: argparse.Namespace) -> None:
    """Render a batch in one Blender."""
    command = ["blender", "-b", "--factory-startup", "-noaudio", "-t", str(options.threads)]
    command += [*SCRIPT, "--", str(work)]
    command += [str(number) for number in (SAMPLES, options.percent, BOUNCES, options.views)]
    command += names
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def add(picture: Picture, work: Path, options: argparse.Namespace, world: dict[str, Any]) -> None:
    """Develop one picture and append it and what is seen in it to `world`."""
    index = np.load(work / picture.name / "index.npy")[..., 0]
    found = annotate.annotations_of(picture, index, SMALLEST_THING)
    seed = int(picture.name.split("_")[1].replace("v", "0000"))
    pixels = develop.develop(work / picture.name, picture.exposure, seed)
    Image.fromarray(pixels).save(options.out / "images" / f"{picture.name}.jpg", quality=90)
    height, width = HEIGHT * options.percent // 100, WIDTH * options.percent // 100
    entry = {"id": picture.name, "file_name": f"/{picture.name}.jpg", "height": height, "width": width}
    world["images"].append(entry)
    world["annotations"] += found


def publish(world: dict[str, Any], path: Path) -> None:
    """Replace the annotations at once, so that a reader never sees half of them."""
    used = {a["category_id"] for a in world["annotations"]}
    world["categories"] = categories(used)
    made = sorted(used - {row["id"] for row in world["categories"]})
    world["categories"] += [{"id": name, "name": name, "description": "a made-up object"} for name in made]
    fresh = path.with_suffix(".part")
    fresh.write_text(json.dumps(world) + "\n")
    os.replace(fresh, path)


if __name__ == "__main__":
    main()
