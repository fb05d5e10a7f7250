"""Computes the optional distillation targets: an image classifier's dense features of each training image.

The click model's encoder is trained from scratch on few images.
Predicting a classifier's features, through a layer that is dropped afterwards, teaches it grouping sooner.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from .data import Record, load_records

WINDOW = 224
STEP = 128
CELLS = 11  # Two windows of 7 cells, 4 cells apart, along each axis.
DIMS = 64


def dense_features(session: ort.InferenceSession, image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Features of the whole image, stretched to f32[11, 11, channels]: the mean where windows overlap."""
    side = WINDOW + STEP
    stretched = cv2.resize(image, (side, side), interpolation=cv2.INTER_LINEAR)
    name = session.get_inputs()[0].name
    total: NDArray[np.float32] | None = None
    count = np.zeros((CELLS, CELLS, 1), np.float32)
    for row in (0, 4):
        for column in (0, 4):
            y, x = row * 32, column * 32
            tile = stretched[None, y : y + WINDOW, x : x + WINDOW]
            cells = np.moveaxis(np.asarray(session.run(None, {name: tile})[0][0], np.float32), 0, -1)
            if total is None:
                total = np.zeros((CELLS, CELLS, cells.shape[-1]), np.float32)
            total[row : row + 7, column : column + 7] += cells
            count[row : row + 7, column : column + 7] += 1
    assert total is not None
    return total / count


def whitening(cells: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Returns the mean and the projection onto leading principal directions, divided by the fourth root."""
    mean = cells.mean(0)
    centred = cells - mean
    values, vectors = np.linalg.eigh(centred.T @ centred / len(cells))
    leading = vectors[:, ::-1][:, :DIMS]
    spread = np.sqrt(np.maximum(values[::-1][:DIMS], 1e-6))
    return mean, (leading / np.sqrt(spread * spread[0])).astype(np.float32)


def main() -> None:
    """Writes an .npz with one f16[11, 11, 64] array an image, keyed by image id."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--annotations", type=Path, required=True)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--encoder", type=Path, required=True, help="ONNX, u8[1,224,224,3] -> f32[1,C,7,7]")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()

    threads = ort.SessionOptions()
    threads.intra_op_num_threads = 2
    session = ort.InferenceSession(str(options.encoder), threads, providers=["CPUExecutionProvider"])
    records: list[Record] = load_records(options.annotations, options.images, "train")
    features = {
        record.image_id: dense_features(session, record.image()).astype(np.float16) for record in records
    }
    sample = np.concatenate([f[::2, ::2].reshape(-1, f.shape[-1]) for f in features.values()]).astype(
        np.float32
    )
    mean, projection = whitening(sample)
    reduced = {
        key: ((f.astype(np.float32) - mean) @ projection).astype(np.float16) for key, f in features.items()
    }
    scale = float(np.std(np.concatenate([f.reshape(-1) for f in reduced.values()]).astype(np.float32)))
    np.savez(
        options.out, allow_pickle=False, **{key: (f / scale).astype(np.float16) for key, f in reduced.items()}
    )
    print(f"{len(reduced)} images, {projection.shape[0]} -> {projection.shape[1]} dimensions")


if __name__ == "__main__":
    main()
