"""Converts annotations to Parquet as one would in Python, to compare with `masklink pack`.

Usage: bench_pack.py ANNOTATIONS.json OUTPUT.parquet

Reads the file with `json`, joins images and names, sorts by entity, and writes zstd-compressed Parquet with
pyarrow. It computes nothing of the masks. Prints seconds, MB of JSON a second, and the peak memory.
"""

import json
import resource
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def main() -> None:
    """Converts the file and prints the figures."""
    source, output = Path(sys.argv[1]), sys.argv[2]
    started = time.perf_counter()
    with source.open() as file:
        content = json.load(file)
    names = {category["id"]: category["name"] for category in content["categories"]}
    images = {image["id"]: image for image in content["images"]}
    rows = content["annotations"]
    rows.sort(key=lambda row: (row["category_id"], row["image_id"]))
    for row in rows:
        image = images[row["image_id"]]
        row["file_name"], row["width"], row["height"] = (
            image["file_name"],
            image["width"],
            image["height"],
        )
        row["title"] = names[row["category_id"]]
    pq.write_table(
        pa.Table.from_pylist(rows), output, compression="zstd", row_group_size=32_768
    )
    seconds = time.perf_counter() - started
    rate = source.stat().st_size / 1e6 / seconds
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{len(rows)} rows in {seconds:.1f} s, {rate:.0f} MB/s, {peak:.2f} GiB at most"
    )


if __name__ == "__main__":
    main()
