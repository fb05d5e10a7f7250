"""Reads a pack with the tables' usual readers, and compares it with the JSON that it was made from.

Usage: check_pack.py PACK ANNOTATIONS.json [...]

pyarrow, pandas and DuckDB must give the same rows, and pycocotools must decode each mask to the pixels
that it decodes from the JSON.
"""

import json
import sys
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from pycocotools import mask as coco_mask


def rle_of(part: dict[str, Any]) -> dict[str, Any]:
    """Returns a mask as pycocotools takes it: lists of run lengths are compressed first."""
    height, width = (int(side) for side in part["size"])
    counts = part["counts"]
    if isinstance(counts, list):
        return dict(
            coco_mask.frPyObjects(
                {"size": [height, width], "counts": counts}, height, width
            )
        )
    return {"size": [height, width], "counts": counts.encode()}


def pixels(parts: list[dict[str, Any]]) -> list[np.ndarray]:
    """Decodes each mask of an annotation."""
    return [coco_mask.decode(rle_of(part)) for part in parts]


def published(files: list[str]) -> dict[str, dict[str, Any]]:
    """Returns the annotations of the JSON files by their ids, with the names of their categories."""
    annotations: dict[str, dict[str, Any]] = {}
    for file in files:
        content = json.loads(Path(file).read_text())
        names = {
            str(category["id"]): category["name"] for category in content["categories"]
        }
        for annotation in content["annotations"]:
            annotation["title"] = names.get(str(annotation["category_id"]))
            annotations[str(annotation["id"])] = annotation
    return annotations


def main() -> None:
    """Compares everything, and fails with the first difference."""
    pack, files = Path(sys.argv[1]), sys.argv[2:]
    expected = published(files)
    parts = sorted(str(path) for path in (pack / "annotations").glob("*.parquet"))
    rows: list[dict[str, Any]] = []
    for part in parts:
        file = pq.ParquetFile(part, page_checksum_verification=False)
        assert file.metadata.row_group(0).column(0).has_offset_index, "no offset index"
        rows += file.read().to_pylist()
    assert len(rows) == len(expected), (
        f"{len(rows)} rows for {len(expected)} annotations"
    )
    for row in rows:
        annotation = expected[row["id"]]
        assert row["image_id"] == str(annotation["image_id"])
        assert row["category_id"] == str(annotation["category_id"])
        assert row["title"] == annotation["title"]
        assert row["label"] == annotation.get("label", [])
        assert row["question"] == annotation.get("question")
        assert row["data_split"] == annotation.get("data_split")
        masks = pixels(row["segmentation"])
        published_masks = pixels(annotation["segmentation"])
        assert len(masks) == len(published_masks)
        for mask, published_mask in zip(masks, published_masks, strict=True):
            assert np.array_equal(mask, published_mask), row["id"]
        union = np.any(masks, axis=0) if masks else np.zeros((1, 1))
        assert row["area"] == int(union.sum()), row["id"]
    frame = pd.concat(pd.read_parquet(part) for part in parts)
    assert list(frame["id"]) == [row["id"] for row in rows]
    glob = str(pack / "annotations" / "*.parquet")
    query = f"select count(*), sum(area), sum(len(segmentation)) from '{glob}'"
    counts = duckdb.connect().execute(query).fetchall()[0]
    sums = (
        len(rows),
        sum(row["area"] for row in rows),
        sum(len(row["segmentation"]) for row in rows),
    )
    assert counts == sums, f"DuckDB gives {counts}, pyarrow {sums}"
    masks_read = sums[2]
    print(
        f"{pack}: {len(rows)} rows, {masks_read} masks agree in pyarrow, pandas, DuckDB and pycocotools"
    )


if __name__ == "__main__":
    main()
