"""Writes failures.md: the five surest wrong answers on the test split after one click, with small images."""

import argparse
import json
from pathlib import Path

import cv2
import numpy as np

from .data import Image, Mask, box_of, load_regions
from .encoder import CardEncoder
from .evaluate import Index, embed, labels_of, one_click

HERE = Path(__file__).resolve().parent
SIDE = 150
COUNT = 5
COLOUR = (255, 0, 200)
INTRODUCTION = (
    "The surest wrong answers on the test images of the sample world, "
    "the mask from one click of the default model.",
    "Left what was asked, then the view it was taken for, then the nearest view of what it is",
    "(blank: not in the index, so that it ought to have been called unknown).",
    "Made by `failures.py`.",
)


def panel(image: Image, mask: Mask) -> Image:
    """A mask in its surroundings, outlined."""
    x, y, width, height = box_of(mask)
    margin = max(width, height) // 4
    left, top = max(x - margin, 0), max(y - margin, 0)
    columns, rows = (
        min(x + width + margin, image.shape[1]) - left,
        min(y + height + margin, image.shape[0]) - top,
    )
    pixels = np.ascontiguousarray(image[top : top + rows, left : left + columns])
    scale = SIDE / max(columns, rows)
    size = (max(round(columns * scale), 1), max(round(rows * scale), 1))
    shrunk = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    part = cv2.resize(mask[top : top + rows, left : left + columns], size, interpolation=cv2.INTER_NEAREST)
    outlines, _ = cv2.findContours(part, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(shrunk, outlines, -1, COLOUR, 1)
    framed = np.full((SIDE, SIDE, 3), 255, np.uint8)
    framed[: size[1], : size[0]] = shrunk
    return framed


def main() -> None:
    """Draws each beside the view it was taken for and the nearest view of what it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--card", type=Path, required=True)
    parser.add_argument("--world", type=Path, required=True)
    parser.add_argument(
        "--clicked", type=Path, required=True, help="by masklink eval segment --clicks 1 --masks"
    )
    options = parser.parse_args()

    titles = {
        entry["id"]: entry["name"]
        for entry in json.loads((options.world / "annotations.json").read_text())["categories"]
    }
    encoder = CardEncoder.open(options.card)
    train, test = load_regions(options.world, "train"), load_regions(options.world, "_test_")
    index = Index.build(embed(encoder, train), labels_of(train))
    masks, _ = one_click(options.clicked, test)
    cosines = index.cosines(embed(encoder, test, masks))
    nearest = cosines.argmax(1)
    wrong = [at for at, view in enumerate(nearest) if train[view].label != test[at].label]
    known = set(index.labels)
    wrong.sort(key=lambda at: -float(cosines[at, nearest[at]]))
    lines = ["# Five failures", "", *INTRODUCTION, ""]
    (HERE / "failures").mkdir(exist_ok=True)
    for place, at in enumerate(wrong[:COUNT], 1):
        taken, own = train[nearest[at]], test[at]
        panels = [panel(own.file.image(), masks[at]), panel(taken.file.image(), taken.mask())]
        text = f"{titles[own.label]}, taken for {titles[taken.label]} (cosine {cosines[at, nearest[at]]:.2f}"
        if own.label in known:
            views = np.flatnonzero(index.labels == own.label)
            view = views[cosines[at, views].argmax()]
            panels.append(panel(train[view].file.image(), train[view].mask()))
            text += f"; {titles[own.label]} has {cosines[at, view]:.2f}"
        else:
            panels.append(np.full((SIDE, SIDE, 3), 255, np.uint8))
        name = f"failures/{place}.jpg"
        strip = cv2.cvtColor(np.hstack(panels), cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(HERE / name), strip, [cv2.IMWRITE_JPEG_QUALITY, 88])
        lines += [f"{place}. {text}), `{own.identity}`", "", f"   ![{titles[own.label]}]({name})", ""]
    (HERE / "failures.md").write_text("\n".join(lines))
    print(f"{len(wrong)} of {len(test)} wrong")


if __name__ == "__main__":
    main()
