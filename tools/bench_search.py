"""Times masklink's exact search beside other libraries, over the same made-up vectors, alternating.

Needs numpy, faiss-cpu, threadpoolctl and usearch. Usage:
bench_search.py PROGRAM FOLDER [ROWS DIMENSIONS [int8,flat,f16,numpy,usearch]]
bench_search.py --inputs FOLDER [ROWS DIMENSIONS]

PROGRAM is the benchmark `search_at_scale`, as `cargo bench --no-run --bench search_at_scale` names it;
FOLDER takes the vectors (2 bytes a number). Vectors lie around 20,000 normal centres, as those of things
of some kinds do; queries are noisy copies of some of them. Prints medians of ROUNDS alternating runs;
where other programs use the processor too, compare the processor time. `--inputs` writes the same vectors
for `masklink index --vectors vectors.npy --vector-qids qids.txt --titles titles.jsonl` instead.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import faiss
import numpy as np
from threadpoolctl import threadpool_limits
from usearch.index import Index as Graph

ROUNDS = 5
K = 10
CENTRES = 20_000
BLOCK = 1 << 16
MAX_QUERIES = 64
# A matrix of all similarities of one block of rows, as NumPy is asked for them.
NUMPY_BLOCK = 1 << 15
# Candidates that usearch compares a query with: its default is 64.
EXPANSIONS = (64, 256, 1024)


def unit(rows: np.ndarray) -> np.ndarray:
    """Scale rows to length 1."""
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def make(folder: Path, rows: int, dimensions: int) -> tuple[Path, Path]:
    """Write vectors and queries, unless they are there."""
    vectors, queries = (
        folder / f"{rows}x{dimensions}.f16",
        folder / f"queries-{rows}x{dimensions}.f32",
    )
    if queries.exists():
        return vectors, queries
    random = np.random.default_rng(1)
    centres = unit(random.standard_normal((CENTRES, dimensions), dtype=np.float32))
    scale = 1 / np.sqrt(np.float32(dimensions))
    with vectors.open("wb") as file:
        for start in range(0, rows, BLOCK):
            count = min(BLOCK, rows - start)
            noise = (
                random.standard_normal((count, dimensions), dtype=np.float32) * scale
            )
            block = unit(centres[random.integers(CENTRES, size=count)] + noise)
            block.astype(np.float16).tofile(file)
    stored = np.memmap(vectors, np.float16, "r", shape=(rows, dimensions))
    chosen = stored[np.sort(random.integers(rows, size=MAX_QUERIES))].astype(np.float32)
    noise = (
        random.standard_normal(chosen.shape, dtype=np.float32) * scale * np.float32(0.5)
    )
    unit(chosen + noise).tofile(queries)
    return vectors, queries


def write_inputs(folder: Path, vectors: Path, dimensions: int) -> None:
    """Write the vectors as `masklink index` reads them, with a made-up entity each."""
    stored = np.memmap(vectors, np.float16, "r").reshape(-1, dimensions)
    np.save(folder / "vectors.npy", stored)
    with (
        (folder / "qids.txt").open("w") as qids,
        (folder / "titles.jsonl").open("w") as titles,
    ):
        for row in range(len(stored)):
            title = {
                "wikidata_id": f"Q{row + 1}",
                "wikipedia_title": f"Made-up entity {row}",
            }
            qids.write(f"Q{row + 1}\n")
            titles.write(f"{json.dumps(title)}\n")


class Ours:
    """The benchmark program, one command a line."""

    def __init__(
        self, program: str, vectors: Path, dimensions: int, queries: Path
    ) -> None:
        """Start it."""
        command = [program, str(vectors), str(dimensions), str(queries)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, *words: object) -> tuple[float, np.ndarray]:
        """Return milliseconds and rows found."""
        assert self.process.stdin and self.process.stdout
        print(*words, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline().split()
        return float(answer[0]), np.array(answer[1:], dtype=np.int64)

    def processor(self) -> float:
        """Return the milliseconds of processor time so far, to 10 ms."""
        fields = (
            Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        )
        return (int(fields[11]) + int(fields[12])) * 1e3 / os.sysconf("SC_CLK_TCK")

    def memory(self) -> dict[str, int]:
        """Return its resident memory in kB, by kind."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return {
            line.split(":")[0]: int(line.split()[1])
            for line in lines
            if line.startswith("Rss")
        }


def fill(index: "faiss.Index", vectors: Path, dimensions: int) -> "faiss.Index":
    """Add all vectors to an index of faiss."""
    stored = np.memmap(vectors, np.float16, "r").reshape(-1, dimensions)
    for start in range(0, len(stored), BLOCK):
        index.add(stored[start : start + BLOCK].astype(np.float32))
    return index


def graph_of(vectors: Path, dimensions: int, threads: int) -> Graph:
    """Build usearch's graph (HNSW) over all vectors, with its own parameters."""
    stored = np.memmap(vectors, np.float16, "r").reshape(-1, dimensions)
    graph = Graph(ndim=dimensions, metric="ip", dtype="f16")
    started = time.perf_counter()
    for start in range(0, len(stored), BLOCK):
        block = stored[start : start + BLOCK]
        graph.add(np.arange(start, start + len(block)), block, threads=threads)
    seconds = time.perf_counter() - started
    print(f"usearch: built in {seconds:.0f} s, {graph.serialized_length / 1e6:.0f} MB")
    return graph


def graph_search(
    graph: Graph, queries: np.ndarray, threads: int, expansion: int
) -> np.ndarray:
    """Return about the K nearest rows of each query."""
    graph.expansion_search = expansion
    return graph.search(queries, K, threads=threads).keys.astype(np.int64)


def numpy_search(rows: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """Return the K nearest rows of each query, by matrix products of blocks."""
    found: list[tuple[np.ndarray, np.ndarray]] = []
    for start in range(0, len(rows), NUMPY_BLOCK):
        scores = queries @ rows[start : start + NUMPY_BLOCK].T
        best = np.argpartition(scores, -K, axis=1)[:, -K:]
        found.append((np.take_along_axis(scores, best, 1), best + start))
    scores, at = (np.concatenate(parts, axis=1) for parts in zip(*found, strict=True))
    order = np.argsort(-scores, axis=1, kind="stable")[:, :K]
    return np.take_along_axis(at, order, 1)


Timed = tuple[float, float, np.ndarray]


def timed(run: Callable[[], np.ndarray]) -> Timed:
    """Return the milliseconds of a call, those of processor time, and its result."""
    started, used = time.perf_counter(), time.process_time()
    found = run()
    return (
        (time.perf_counter() - started) * 1e3,
        (time.process_time() - used) * 1e3,
        found,
    )


def asked_of(ours: Ours, *words: object) -> Timed:
    """Return the milliseconds of a command, those of processor time, and its result."""
    used = ours.processor()
    millis, found = ours.ask(*words)
    return millis, ours.processor() - used, found


def main() -> None:
    """Run all sizes and print a table."""
    program, folder = sys.argv[1], Path(sys.argv[2])
    rows, dimensions = (
        (int(word) for word in sys.argv[3:5]) if len(sys.argv) > 4 else (2_032_340, 512)
    )
    kinds = (
        sys.argv[5].split(",")
        if len(sys.argv) > 5
        else ["int8", "flat", "f16", "numpy"]
    )
    vectors, queries_file = make(folder, rows, dimensions)
    if program == "--inputs":
        write_inputs(folder, vectors, dimensions)
        return
    queries = np.fromfile(queries_file, np.float32).reshape(-1, dimensions)
    ours = Ours(program, vectors, dimensions, queries_file)
    flat = (
        fill(faiss.IndexFlatIP(dimensions), vectors, dimensions)
        if "flat" in kinds
        else None
    )
    half = None
    if "f16" in kinds:
        kind = faiss.ScalarQuantizer.QT_fp16
        half = faiss.IndexScalarQuantizer(dimensions, kind, faiss.METRIC_INNER_PRODUCT)
        fill(half, vectors, dimensions)
    graph = graph_of(vectors, dimensions, 2) if "usearch" in kinds else None
    matrix = (
        faiss.rev_swig_ptr(flat.get_xb(), rows * dimensions).reshape(rows, dimensions)
        if flat
        else None
    )
    print("| queries | threads | way | median ms | lowest | processor ms | recall@10 |")
    print("|---|---|---|---|---|---|---|")
    for threads in (1, 2):
        faiss.omp_set_num_threads(threads)
        threadpool_limits(threads)
        for count in (1, 8, 64):
            asked = queries[:count]
            times: dict[str, list[tuple[float, float]]] = defaultdict(list)
            found: dict[str, np.ndarray] = {}

            def record(way: str, result: Timed) -> None:
                times[way].append(result[:2])
                if len(result[2]):
                    found[way] = result[2].reshape(-1, K)

            for _ in range(ROUNDS):
                record("read once", asked_of(ours, "read", threads))
                record("ours, exact", asked_of(ours, "exact", count, threads, K))
                if "int8" in kinds:
                    record("ours, int8", asked_of(ours, "int8", count, threads, K))
                if flat is not None:
                    record("faiss IndexFlatIP", timed(lambda: flat.search(asked, K)[1]))
                if half is not None:
                    record("faiss f16", timed(lambda: half.search(asked, K)[1]))
                for expansion in EXPANSIONS if graph is not None else ():
                    result = timed(
                        lambda: graph_search(graph, asked, threads, expansion)
                    )
                    record(f"usearch, {expansion}", result)
                if "numpy" in kinds and matrix is not None:
                    record("numpy", timed(lambda: numpy_search(matrix, asked)))
            for way, took in times.items():
                recall = ""
                if way in found:
                    exact = found["ours, exact"]
                    same = [
                        len(set(a) & set(b)) / K
                        for a, b in zip(found[way], exact, strict=True)
                    ]
                    recall = f"{statistics.mean(same):.4f}"
                millis, used = zip(*took, strict=True)
                figures = [
                    statistics.median(millis),
                    min(millis),
                    statistics.median(used),
                ]
                shown = " | ".join(f"{figure:.3g}" for figure in figures)
                print(
                    f"| {count} | {threads} | {way} | {shown} | {recall} |", flush=True
                )
    print(
        f"vectors: {vectors.stat().st_size / 1e6:.0f} MB; memory in kB: {ours.memory()}"
    )


if __name__ == "__main__":
    main()
