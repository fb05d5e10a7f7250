"""Measures a click model, or a baseline, by the standard interactive protocol.

The first click is the interior-most point of the object (the image's border counts as outside), each next
one that of the largest error region. The model gets all clicks so far and its last low-res mask, and the
candidate with the highest expected IoU counts. `masklink eval segment` measures the program, which also runs
refinement passes and cleans the masks up; this measures the graphs alone, and the baselines.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from .clicks import Region, next_click
from .data import Image, Record, load_records

Click = tuple[int, int, int]
"""x, y in pixels of the image, and 1 (in the object) or 0 (outside)."""

NOC_LEVELS = (80, 85, 90)


class Method(Protocol):
    """Something that answers clicks on an image with a mask."""

    def look(self, image: Image) -> None:
        """Takes the image that the next clicks are on."""

    def answer(self, clicks: list[Click]) -> Region:
        """The mask after all the clicks of one object, the last one new."""


class GraphModel:
    """A model of the `sam1` family from models.json."""

    def __init__(self, manifest: Path, identity: str | None, threads: int) -> None:
        listed = json.loads(manifest.read_text())
        wanted = identity or listed["default"]
        self.entry: dict[str, Any] = next(model for model in listed["models"] if model["id"] == wanted)
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        self.encoder, self.decoder = (
            ort.InferenceSession(
                str(manifest.parent / self.entry[part]["url"]), options, providers=["CPUExecutionProvider"]
            )
            for part in ("encoder", "decoder")
        )
        self.embedding: NDArray[np.float32] | None = None
        self.size = (0, 0)
        self.low_res: NDArray[np.float32] | None = None
        self.spent = {"encoder": 0.0, "decoder": 0.0}
        self.runs = {"encoder": 0, "decoder": 0}

    def look(self, image: Image) -> None:
        side = self.entry["encoder"]["size"]
        height, width = image.shape[:2]
        self.size = (height, width)
        scale = side / max(height, width)
        target = (round(width * scale), round(height * scale))
        resized = cv2.resize(image, target, interpolation=cv2.INTER_LINEAR).astype(np.float32)
        mean = np.array(self.entry["encoder"]["mean"], np.float32)
        std = np.array(self.entry["encoder"]["std"], np.float32)
        frame = np.zeros((1, 3, side, side), np.float32)
        frame[0, :, : target[1], : target[0]] = ((resized - mean) / std).transpose(2, 0, 1)
        started = time.perf_counter()
        self.embedding = np.asarray(self.encoder.run(None, {self.entry["encoder"]["input"]: frame})[0])
        self.spent["encoder"] += time.perf_counter() - started
        self.runs["encoder"] += 1

    def answer(self, clicks: list[Click]) -> Region:
        if len(clicks) == 1:
            self.low_res = None
        scale = self.entry["encoder"]["size"] / max(self.size)
        low = self.entry["decoder"]["low_res"]
        feed = {
            "image_embeddings": self.embedding,
            "point_coords": np.array(
                [[((x + 0.5) * scale - 0.5, (y + 0.5) * scale - 0.5) for x, y, _ in clicks]], np.float32
            ),
            "point_labels": np.array([[label for _, _, label in clicks]], np.float32),
            "mask_input": np.zeros((1, 1, low, low), np.float32) if self.low_res is None else self.low_res,
            "has_mask_input": np.array([self.low_res is not None], np.float32),
            "orig_im_size": np.array(self.size, np.float32),
        }
        started = time.perf_counter()
        names = ["masks", "iou_predictions", "low_res_masks"]
        masks, expected, low_res = (np.asarray(output) for output in self.decoder.run(names, feed))
        self.spent["decoder"] += time.perf_counter() - started
        self.runs["decoder"] += 1
        best = int(np.argmax(expected[0]))
        self.low_res = low_res[:, best : best + 1]
        return (masks[0, best] > 0).astype(np.uint8)


def play(method: Method, record: Record, index: int, clicks: int) -> list[float]:
    """IoU after each click on one object; once nothing is wrong the last IoU stands for the rest."""
    truth = record.mask(index)
    answer = np.zeros_like(truth)
    given: list[Click] = []
    reached: list[float] = []
    while len(reached) < clicks:
        click = next_click(truth, answer)
        if click is None:
            reached.append(1.0)
            continue
        given.append(click)
        answer = method.answer(given)
        union = int((truth | answer).sum())
        reached.append(int((truth & answer).sum()) / union if union else 1.0)
    return reached


def evaluate(method: Method, records: list[Record], clicks: int) -> dict[str, Any]:
    """Returns the mean IoU after each click and the clicks to 80, 85 and 90 % (`clicks` if never)."""
    rows: list[list[float]] = []
    sources: list[str] = []
    for record in records:
        method.look(record.image())
        for index in range(len(record.segmentations)):
            rows.append(play(method, record, index, clicks))
            sources.append(record.source)
    table = np.array(rows)
    by_source = {
        source: [round(float(value), 4) for value in table[np.array(sources) == source].mean(0)]
        for source in sorted(set(sources))
    }
    return {
        "n": len(rows),
        "miou": [round(float(value), 4) for value in table.mean(0)],
        "noc": {str(level): round(float(clicks_to(table, level / 100)), 3) for level in NOC_LEVELS},
        "by_source": by_source if len(by_source) < 20 else {},
    }


def clicks_to(table: NDArray[np.float64], level: float) -> float:
    """Mean number of the first click at which a row reaches `level`."""
    reached = table >= level
    first = np.where(reached.any(1), reached.argmax(1) + 1, table.shape[1])
    return float(first.mean())


def methods(options: argparse.Namespace) -> dict[str, Callable[[], Method]]:
    """Returns the methods by their names for `--method`."""
    from .baselines import Disc, Flood, GrabCut

    return {
        "model": lambda: GraphModel(options.model, options.id, options.threads),
        "flood": Flood,
        "disc": Disc,
        "grabcut": GrabCut,
    }


def main() -> None:
    """Prints one JSON object, in the shape of `masklink eval segment --json` and more."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--annotations", type=Path, required=True)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--split", default="", help="only annotations whose data_split contains this")
    parser.add_argument("--method", default="model", choices=["model", "flood", "disc", "grabcut"])
    parser.add_argument("--model", type=Path, default=Path("www/models/models.json"))
    parser.add_argument("--id", help="the manifest's entry; its default when left out")
    parser.add_argument("--clicks", type=int, default=5)
    parser.add_argument("--every", type=int, default=1, help="take every n-th image only")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()

    cv2.setNumThreads(1)
    records = load_records(options.annotations, options.images, options.split)[:: options.every]
    if not records:
        raise SystemExit(f"no annotation has {options.split!r} in its data_split")
    method = methods(options)[options.method]()
    result = evaluate(method, records, options.clicks)
    if isinstance(method, GraphModel):
        result["ms"] = {
            part: round(1000 * method.spent[part] / method.runs[part], 2) for part in method.spent
        }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
