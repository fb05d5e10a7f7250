"""Masks of one click each by a click model of models.json, to train with; `masklink eval link --click` measures."""

import argparse
import json
import sys
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from data import Image, Mask, load_regions

sys.path.append(str(Path(__file__).resolve().parent.parent / "train_segment"))
from clicks import interior_point, random_inside


class ClickModel:
    """The default model of the `sam1` family."""

    def __init__(self, manifest: Path, threads: int = 1) -> None:
        listed = json.loads(manifest.read_text())
        self.entry = next(model for model in listed["models"] if model["id"] == listed["default"])
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        self.encoder, self.decoder = (
            ort.InferenceSession(
                str(manifest.parent / self.entry[part]["url"]), options, providers=["CPUExecutionProvider"]
            )
            for part in ("encoder", "decoder")
        )
        self.size = (0, 0)
        self.embedding: NDArray[np.float32] | None = None

    def look(self, image: Image) -> None:
        """Takes the picture that the next clicks are on."""
        side = self.entry["encoder"]["size"]
        height, width = image.shape[:2]
        self.size = (height, width)
        scale = side / max(height, width)
        target = (round(width * scale), round(height * scale))
        pixels = cv2.resize(image, target, interpolation=cv2.INTER_LINEAR).astype(np.float32)
        mean, std = (np.array(self.entry["encoder"][key], np.float32) for key in ("mean", "std"))
        frame = np.zeros((1, 3, side, side), np.float32)
        frame[0, :, : target[1], : target[0]] = ((pixels - mean) / std).transpose(2, 0, 1)
        self.embedding = np.asarray(self.encoder.run(None, {self.entry["encoder"]["input"]: frame})[0])

    def mask_at(self, x: int, y: int) -> Mask:
        """The best candidate after a click at this pixel; the program would clean it up."""
        scale = self.entry["encoder"]["size"] / max(self.size)
        low = self.entry["decoder"]["low_res"]
        feed = {
            "image_embeddings": self.embedding,
            "point_coords": np.array([[((x + 0.5) * scale - 0.5, (y + 0.5) * scale - 0.5)]], np.float32),
            "point_labels": np.ones((1, 1), np.float32),
            "mask_input": np.zeros((1, 1, low, low), np.float32),
            "has_mask_input": np.zeros(1, np.float32),
            "orig_im_size": np.array(self.size, np.float32),
        }
        masks, expected = (np.asarray(out) for out in self.decoder.run(["masks", "iou_predictions"], feed))
        return (masks[0, int(np.argmax(expected[0]))] > 0).astype(np.uint8)


def main() -> None:
    """Writes JSON: for each annotation id the masks of an interior-most and of random clicks as COCO RLEs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of annotations.json and images/")
    parser.add_argument("--split", default="train")
    parser.add_argument("--model", type=Path, default=Path("www/models/models.json"))
    parser.add_argument("--clicks", type=int, default=2, help="the first at the interior-most point")
    parser.add_argument("--every", type=int, default=1, help="take every n-th picture only")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()

    cv2.setNumThreads(1)
    rng = np.random.default_rng(3)
    model = ClickModel(options.model)
    by_picture: dict[Path, list[int]] = {}
    regions = load_regions(options.data, options.split)
    for at, region in enumerate(regions):
        by_picture.setdefault(region.picture.path, []).append(at)
    clicked: dict[str, list[dict[str, object]]] = {}
    for group in list(by_picture.values())[:: options.every]:
        model.look(regions[group[0]].picture.image())
        for at in group:
            truth = regions[at].mask()
            points = [interior_point(truth), *(random_inside(truth, rng) for _ in range(options.clicks - 1))]
            masks = [model.mask_at(x, y) for x, y in points]
            rles = [coco_mask.encode(np.asfortranarray(mask)) for mask in masks if mask.any()]
            clicked[regions[at].identity] = [{**rle, "counts": rle["counts"].decode()} for rle in rles]
        regions[group[0]].picture.levels.clear()
    options.out.write_text(json.dumps(clicked))
    print(f"{len(clicked)} regions")


if __name__ == "__main__":
    main()
