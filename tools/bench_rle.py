#!/usr/bin/env python3
"""Compares masklink's reading of COCO's strings with hotcoco and pycocotools, on the same strings in one run.

Needs `pip install hotcoco pycocotools`, the example built by
`cargo build --release --no-default-features --example rle_speed`, and for `--wasm` the module that
`./build.sh build` makes.

The kinds of work:

- `runs`: from a string to the runs in memory (hotcoco: `rle_from_string`; pycocotools has no such call);
- `area`: from a string to the number of pixels set (hotcoco adds up without keeping runs; masklink makes the
  runs first);
- `bitmap`: from a string to a column-major bitmap;
- `union`: from two strings to the string of their union.

The other packages are called as their users call them, from Python, one mask a call, or all in one call where
they accept a list (`area of a list`). The rounds of all take turns, so that load on the machine affects all
alike. Prints strings a second, median over the rounds.
"""

from __future__ import annotations

import argparse
import importlib
import json
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "file",
        type=Path,
        help='JSON lines, each {"size":[h,w],"counts":"…"}, also below a key "in"',
    )
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument(
        "--example", type=Path, default=ROOT / "target/release/examples/rle_speed"
    )
    parser.add_argument("--wasm", action="store_true", help="also under Node")
    args = parser.parse_args()

    lines = [json.loads(line) for line in args.file.read_text().splitlines()]
    masks = [
        {"size": mask["size"], "counts": mask["counts"]}
        for mask in (line.get("in", line) for line in lines)
    ]
    plain = args.file if "in" not in lines[0] else write_plain(masks)
    works = python_works(masks)
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(args.rounds):
        for name, per_round in masklink_round(
            args.example, plain, wasm=args.wasm
        ).items():
            seconds.setdefault(name, []).append(per_round)
        for name, work in works.items():
            started = time.perf_counter()
            work()
            seconds[name].append(time.perf_counter() - started)
    report(len(masks), seconds)


def masklink_round(example: Path, file: Path, *, wasm: bool) -> dict[str, float]:
    """The median of a few passes of each kind of work, in a process of its own."""
    kinds = {
        "string_to_area": "runs and area: masklink",
        "string_to_bitmap": "bitmap: masklink",
        "two_strings_to_union": "union: masklink",
    }
    times = output_of([str(example), str(file), "5"])
    result = {title: statistics.median(times[kind]) for kind, title in kinds.items()}
    if wasm:
        times = output_of(["node", str(ROOT / "benches/rle_wasm.mjs"), str(file), "5"])
        result["runs: masklink, wasm under Node"] = statistics.median(
            times["string_to_runs"]
        )
    return result


def output_of(command: list[str]) -> dict[str, Any]:
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def python_works(masks: list[dict[str, Any]]) -> dict[str, Callable[[], object]]:
    """Returns the work of the two packages in a round, by its name."""
    # pycocotools takes bytes without converting them first.
    binary = [{**mask, "counts": mask["counts"].encode()} for mask in masks]
    # By name, so that the tools of this project are checked without the two packages.
    hot = importlib.import_module("hotcoco.mask")
    coco = importlib.import_module("pycocotools.mask")

    def pairs(of: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
        return [
            [a, b] for a, b in zip(of, of[1:], strict=False) if a["size"] == b["size"]
        ]

    return {
        "runs: hotcoco": lambda: [
            hot.rle_from_string(mask["counts"], *mask["size"]) for mask in masks
        ],
        "area: hotcoco": lambda: [hot.area(mask) for mask in masks],
        "area of a list: hotcoco": lambda: hot.area(masks),
        "area: pycocotools": lambda: [coco.area(mask) for mask in binary],
        "bitmap: hotcoco": lambda: [hot.decode(mask) for mask in masks],
        "bitmap: pycocotools": lambda: [coco.decode(mask) for mask in binary],
        "union: hotcoco": lambda: [hot.merge(pair) for pair in pairs(masks)],
        "union: pycocotools": lambda: [coco.merge(pair) for pair in pairs(binary)],
    }


def write_plain(masks: list[dict[str, Any]]) -> Path:
    path = ROOT / "target/bench_rle.jsonl"
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(mask) + "\n" for mask in masks))
    return path


def report(strings: int, seconds: dict[str, list[float]]) -> None:
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    print(f"{strings} strings, {len(next(iter(seconds.values())))} rounds")
    for name in sorted(medians):
        rate = strings / medians[name]
        print(
            f"{name:36} {rate:12,.0f} strings/s   best round {strings / min(seconds[name]):12,.0f}"
        )
    ours = medians["runs and area: masklink"]
    for name in ("runs: hotcoco", "area of a list: hotcoco", "area: pycocotools"):
        print(f"masklink is {medians[name] / ours:.2f} times as fast as {name}")


if __name__ == "__main__":
    main()
