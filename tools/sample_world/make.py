"""The one command: renders the plan, develops the pictures and writes the annotations.

`python make.py [--work DIR] [--samples N] [--develop] [NAME ...]` renders what www/samples lacks (or
NAMEs afresh), then writes www/samples and the contact sheet.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import annotate
import card
import contact_sheet
import develop
import plan
from catalogue import THINGS

HERE = Path(__file__).resolve().parent
SAMPLES = HERE.parent.parent / "www" / "samples"
JPEG_QUALITY = 88
JPEG_BYTES = 150_000
THUMBNAIL = (240, 160)
"""Twice the size of the page's strip."""
THUMBNAIL_QUALITY = 80
SCRIPT = ["--python-exit-code", "1", "-P", str(HERE / "render.py")]
"""Blender's options; without the exit code a script that fails would count as success."""
BATCH = 6
BOUNCES = 2


def main() -> None:
    """Parse the command line and run the steps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="pictures to render afresh")
    parser.add_argument("--work", type=Path, default=HERE / "work", help="where passes are kept")
    parser.add_argument("--samples", type=int, default=4, help="paths a pixel at most")
    parser.add_argument("--no-render", action="store_true", help="only use what is rendered")
    parser.add_argument("--develop", action="store_true", help="develop every picture again")
    options = parser.parse_args()
    kept = committed()
    if not options.no_render:
        ready = {file.parent.name for file in options.work.glob("*/index.npy")} | set(kept)
        names = options.names or [p.name for p in plan.PICTURES if p.name not in ready]
        for start in range(0, len(names), BATCH):
            render(names[start : start + BATCH], options.work, options.samples)
    passes = [p for p in plan.PICTURES if (options.work / p.name / "index.npy").exists()]
    done = [p for p in plan.PICTURES if p in passes or p.name in kept]
    write(done, kept, options.work, options.develop)
    contact_sheet.write(SAMPLES / "images", HERE / "contact_sheet.jpg")
    print(f"{len(done)} of {len(plan.PICTURES)} pictures in {SAMPLES}")


def committed() -> dict[str, list[dict[str, Any]]]:
    """The annotations that www/samples holds already, by picture."""
    path = SAMPLES / "annotations.json"
    if not path.exists():
        return {}
    world = json.loads(path.read_text())
    kept: dict[str, list[dict[str, Any]]] = {image["id"]: [] for image in world["images"]}
    for annotation in world["annotations"]:
        kept[annotation["image_id"]].append(annotation)
    return kept


def render(names: list[str], work: Path, samples: int) -> None:
    """Render a few pictures in one Blender."""
    command = ["blender", "-b", "--factory-startup", "-noaudio", *SCRIPT]
    command += ["--", str(work), str(samples), "100", str(BOUNCES), "0", *names]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def write(
    pictures: list[plan.Picture], kept: dict[str, list[dict[str, Any]]], work: Path, fresh: bool
) -> None:
    """Develop the pictures and write images/ and annotations.json; what has no passes here is `kept`."""
    images = SAMPLES / "images"
    images.mkdir(parents=True, exist_ok=True)
    found: list[dict[str, Any]] = []
    for picture in pictures:
        target = images / f"{picture.name}.jpg"
        passes = work / picture.name / "index.npy"
        if not passes.exists():
            found += kept[picture.name]
            continue
        if fresh or not target.exists() or target.stat().st_mtime < passes.stat().st_mtime:
            seed = int(picture.name.split("_")[1])
            pixels = develop.develop(work / picture.name, picture.exposure, seed)
            save(pixels, target)
        found += annotate.annotations_of(picture, np.load(passes)[..., 0])
    used = {a["category_id"] for a in found}
    world = {
        "images": [
            {"id": p.name, "file_name": f"/{p.name}.jpg", "height": plan.HEIGHT, "width": plan.WIDTH}
            for p in pictures
        ],
        "categories": categories(used),
        "annotations": found,
    }
    thumbnails(images, SAMPLES / "thumbnails")
    (SAMPLES / "annotations.json").write_text(json.dumps(world, indent=1) + "\n")
    names = {f"{p.name}.jpg" for p in pictures}
    for stray in [*images.iterdir(), *(SAMPLES / "thumbnails").iterdir()]:
        if stray.name not in names:
            stray.unlink()
    card.write(world, images, SAMPLES / "README.md")


def thumbnails(images: Path, folder: Path) -> None:
    """A small copy of each picture that is newer than the one there is."""
    folder.mkdir(exist_ok=True)
    for file in sorted(images.glob("*.jpg")):
        small = folder / file.name
        if small.exists() and small.stat().st_mtime >= file.stat().st_mtime:
            continue
        with Image.open(file) as picture:
            picture.resize(THUMBNAIL, Image.Resampling.LANCZOS).save(
                small, quality=THUMBNAIL_QUALITY, optimize=True
            )


def save(pixels: NDArray[np.uint8], target: Path) -> None:
    """A JPEG of at most JPEG_BYTES, at the best quality from JPEG_QUALITY down that allows it."""
    for quality in range(JPEG_QUALITY, 69, -3):
        Image.fromarray(pixels).save(target, quality=quality, optimize=True)
        if target.stat().st_size <= JPEG_BYTES:
            break


def categories(used: set[str]) -> list[dict[str, str]]:
    """Each used Wikidata item once, in the catalogue's order."""
    rows = {}
    for thing in THINGS.values():
        if thing.qid in used:
            rows[thing.qid] = {"id": thing.qid, "name": thing.title, "description": thing.description}
    return list(rows.values())


if __name__ == "__main__":
    main()
