"""Checks and regenerates `www/models/kinds.jsonl`: what the classifier can tell, as Wikipedia entities.

Written by hand in the table itself: descriptions, the members of broader entities, and the kinds from
photographs. Everything else comes from the tables of `--kb`: `imagenet_qid.tsv` (index, wnid, label, qid,
title, confidence, description), `qid_title.tsv` (qid, title) and `coco_imagenet.tsv` (COCO kind, rows of
ImageNet). `--annotations` files are in Mask-OVEN-Wiki's shape; the names of their categories are titles too,
and the kinds from photographs need masks there.

    python -m training.link.kinds --kb FOLDER --annotations FILE --annotations FILE [--write]
"""

import argparse
import csv
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Line = dict[str, Any]
"""One line of the table: with `row` a class or a kind from photographs, with `members` a broader entity."""

TABLE = Path(__file__).parents[3] / "www/models/kinds.jsonl"
USABLE = ("high", "medium")
"""Confidences of `imagenet_qid.tsv` with which a row enters the table."""
IMAGENET, PHOTOGRAPHS = "ImageNet", "photographs"
FIRST_PHOTOGRAPHS_ROW = 1000
"""Rows from here on are kinds that ImageNet lacks."""
MIN_BROADER = 110
MIN_MASKS = 6
WORDS = range(2, 7)
"""Number of words of a description."""
COPIED_WORDS = 3
"""Number of words in a row that a description may not share with the table's WordNet gloss."""
FIELDS = (
    "row",
    "qid",
    "title",
    "class_label",
    "description",
    "members",
    "category",
    "source",
)

KEPT_SUFFIXES = {
    "Ball (association football)",
    "Baseball (ball)",
    "Basketball (ball)",
    "Chest (furniture)",
    "Crane (bird)",
    "Crane (machine)",
    "Cricket (insect)",
    "English Toy Terrier (Black & Tan)",
    "Muzzle (mouth guard)",
    "Nail (fastener)",
    "Packet (container)",
    "Passenger car (rail)",
    "Pitcher (container)",
    "Plane (tool)",
    "Vault (architecture)",
    "Volleyball (ball)",
}
"""Titles that would not be clear without the part in parentheses."""

CORRECTED_TITLES = {
    82: "Ruffed grouse",
    123: "Spiny lobster",
    605: "iPod",
    899: "Water jug",
}
"""Titles by row where `imagenet_qid.tsv` has that of another row, or a wrong capital.

82: `inat_bird_qid.tsv` gives the QID to the ruffed grouse, and Partridge is row 86. 123: Crayfish is row 124.
899: Jug is row 901.
"""

MISTAKEN = {"Q127995", "Q962758", "Q2751034", "Q7799966"}
"""QIDs of other things that share the name of a COCO category (microwave, donut, mouse, tie).

The annotation files use them for the category; `held_out.py` corrects them.
"""

SUFFIX = re.compile(r" \([^()]*\)$")


@dataclass
class Tables:
    """Facts about the kinds from elsewhere."""

    rows: dict[int, dict[str, str]]
    """Rows of `imagenet_qid.tsv` by index."""
    titles: dict[str, set[str]]
    """Titles of each QID, from all tables."""
    coco: dict[str, list[int]]
    """Rows of ImageNet that count as right, by the name of the COCO kind."""
    categories: dict[str, str] = field(default_factory=dict)
    """QIDs of categories that have one, by name; COCO's where the files differ."""
    masks: Counter[str] = field(default_factory=Counter)
    """Number of masks by the id of the category, the largest of one file."""

    @classmethod
    def read(cls, kb: Path, annotations: Iterable[Path]) -> "Tables":
        rows = {int(row["index"]): row for row in tab_separated(kb / "imagenet_qid.tsv")}
        titles: dict[str, set[str]] = {}
        for line in (kb / "qid_title.tsv").read_text("utf-8").splitlines():
            qid, title = line.split("\t")[:2]
            titles.setdefault(qid, set()).add(title)
        for index, row in rows.items():
            titles.setdefault(row["qid"], set()).add(title_of(index, row["title"]))
        coco = {
            row["coco_name"]: [int(index) for index in (row["imagenet_indices"] or "").split(",") if index]
            for row in tab_separated(kb / "coco_imagenet.tsv")
        }
        tables = cls(rows, titles, coco)
        for path in annotations:
            tables.add_categories(json.loads(path.read_text("utf-8")))
        return tables

    def add_categories(self, document: dict[str, Any]) -> None:
        """Adds the names and the numbers of masks of an annotation file."""
        for category in document["categories"]:
            qid, name = category["id"], category["name"]
            if is_qid(qid):
                self.categories.setdefault(name, qid)
                self.titles.setdefault(qid, set()).add(name[:1].upper() + name[1:])
        self.masks |= Counter(annotation["category_id"] for annotation in document["annotations"])

    def usable(self) -> dict[int, dict[str, str]]:
        """Returns the rows of ImageNet that belong in the table."""
        return {index: row for index, row in self.rows.items() if row["confidence"].split(":")[0] in USABLE}


def tab_separated(path: Path) -> Iterator[dict[str, str]]:
    """Reads a table with a line of column names; quotes are plain characters."""
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)


def is_qid(text: str) -> bool:
    """Returns whether the text is a Wikidata item's id."""
    return re.fullmatch(r"Q[1-9][0-9]*", text) is not None


def number(qid: str) -> int:
    """Returns the number of a QID, by which QIDs are sorted."""
    return int(qid[1:])


def title_of(row: int, title: str) -> str:
    """Returns the title of a row of ImageNet as the table states it."""
    title = CORRECTED_TITLES.get(row, title)
    return title if title in KEPT_SUFFIXES else SUFFIX.sub("", title)


def read_lines(path: Path) -> list[Line]:
    """Reads the table."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def serialized(lines: Iterable[Line]) -> str:
    """Returns the table's text."""
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def regenerated(lines: list[Line], tables: Tables) -> list[Line]:
    """Returns the table with everything mechanical as the tables have it, in order.

    A row that is new in the tables gets an empty description, which `problems` reports.
    """
    descriptions = {line["row"]: line["description"] for line in lines if "row" in line}
    classes = []
    for index, row in sorted(tables.usable().items()):
        line: Line = {"row": index, "qid": row["qid"], "title": title_of(index, row["title"])}
        line["description"] = descriptions.get(index, "")
        if "broader" in row["confidence"]:
            line["class_label"] = row["label"].split(",")[0]
        classes.append({**line, "source": IMAGENET})
    photographed = sorted(
        (line for line in lines if line.get("row", -1) >= FIRST_PHOTOGRAPHS_ROW), key=lambda line: line["row"]
    )
    broader = [
        {**line, "members": sorted(set(line["members"]), key=number)} for line in lines if "row" not in line
    ]
    return classes + photographed + sorted(broader, key=lambda line: number(line["qid"]))


def problems(lines: list[Line], tables: Tables) -> Iterator[str]:
    """Returns what is wrong with the table."""
    rows = [line for line in lines if "row" in line]
    broader = [line for line in lines if "row" not in line]
    for line in lines:
        yield from problems_of_line(line, tables)
    for what, values in [
        ("row", [line["row"] for line in rows]),
        ("broader entity", [line["qid"] for line in broader]),
        ("QID from photographs", [line["qid"] for line in rows if line["source"] == PHOTOGRAPHS]),
    ]:
        yield from (
            f"{what} {value} is there {count} times" for value, count in Counter(values).items() if count > 1
        )
    by_qid: dict[str, set[tuple[str, str]]] = {}
    for line in lines:
        by_qid.setdefault(line["qid"], set()).add((line["title"], line["description"]))
    yield from (f"{qid}: its lines differ: {sorted(both)}" for qid, both in by_qid.items() if len(both) > 1)

    known = {line["qid"] for line in rows}
    coco = {tables.categories[kind] for kind in tables.coco if kind in tables.categories}
    for line in broader:
        yield from problems_of_members(line, known, len(line["members"]) >= 2 or line["qid"] in coco)
    if len(broader) < MIN_BROADER:
        yield f"{len(broader)} broader entities, at least {MIN_BROADER}"
    yield from problems_of_coco(broader, tables)


def problems_of_line(line: Line, tables: Tables) -> Iterator[str]:
    """Returns what is wrong with a line by itself."""
    qid, title, description = line["qid"], line["title"], line["description"]
    name = f"{line.get('row', 'broader')} {title}"
    yield from (f"{name}: unknown field {key}" for key in line if key not in FIELDS)
    if title not in tables.titles.get(qid, set()):
        yield f"{name}: {qid} is {sorted(tables.titles.get(qid, set()))} in the tables"
    if qid in MISTAKEN:
        yield f"{name}: {qid} is another thing of that name"
    words = description.split()
    if len(words) not in WORDS:
        yield f"{name}: the description has {len(words)} words"
    if description != description.lower():
        yield f"{name}: the description has capitals"
    if title.lower() == description or f" {title.lower()} " in f" {description} ":
        yield f"{name}: the description repeats the title"
    row = tables.rows.get(line.get("row", -1))
    if row is not None and is_copied(description, row["description"]):
        yield f"{name}: the description is from the gloss: {row['description']}"
    if line.get("row", -1) >= FIRST_PHOTOGRAPHS_ROW:
        if line.get("source") != PHOTOGRAPHS or tables.masks[line["category"]] < MIN_MASKS:
            yield f"{name}: category {line.get('category')} has fewer than {MIN_MASKS} masks"
        if qid in {row["qid"] for row in tables.usable().values()}:
            yield f"{name}: ImageNet has it"


def is_copied(description: str, gloss: str) -> bool:
    """Returns whether a description has too many words in a row from a gloss, or is its beginning."""
    words, source = (re.findall(r"[a-z0-9]+", text.lower()) for text in (description, gloss))
    runs = {tuple(source[at : at + COPIED_WORDS]) for at in range(len(source) - COPIED_WORDS + 1)}
    starts = range(len(words) - COPIED_WORDS + 1)
    return words == source[: len(words)] or any(tuple(words[at : at + COPIED_WORDS]) in runs for at in starts)


def problems_of_members(line: Line, known: set[str], are_enough: bool) -> Iterator[str]:
    """Returns what is wrong with the members of a broader entity.

    An entity that has rows of its own is its own member.
    """
    name, members = f"broader {line['title']}", line["members"]
    yield from (f"{name}: no row has {member}" for member in members if member not in known)
    if not members or not are_enough:
        yield f"{name}: {len(members)} members, at least 2"
    if line["qid"] in known and line["qid"] not in members:
        yield f"{name}: it has rows and is not its own member"


def problems_of_coco(broader: list[Line], tables: Tables) -> Iterator[str]:
    """Returns the COCO kinds that an evaluation could not find: those with rows of other QIDs only."""
    members = {line["qid"]: set(line["members"]) for line in broader}
    usable = tables.usable()
    for kind, indices in tables.coco.items():
        qid, rows = (
            tables.categories.get(kind),
            {usable[index]["qid"] for index in indices if index in usable},
        )
        if qid is not None and qid not in MISTAKEN and rows - {qid} and not rows <= members.get(qid, set()):
            yield f"COCO's {kind}: {qid} lacks members {sorted(rows - members.get(qid, set()))}"


def main() -> None:
    """Prints problems and counts; the exit status is 1 where there are problems."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kb", type=Path, required=True, help="folder of the tables")
    parser.add_argument(
        "--annotations", type=Path, action="append", default=[], help="annotation file, COCO's first"
    )
    parser.add_argument("--table", type=Path, default=TABLE)
    parser.add_argument("--write", action="store_true", help="write the table as regenerated")
    options = parser.parse_args()

    tables = Tables.read(options.kb, options.annotations)
    before = options.table.read_text("utf-8")
    lines = regenerated(read_lines(options.table), tables)
    found = list(problems(lines, tables))
    after = serialized(lines)
    if options.write:
        options.table.write_text(after, "utf-8")
    elif after != before:
        found.append("the table differs from the regenerated one; --write writes it")
    for problem in found:
        print(problem)
    rows = Counter(line["source"] for line in lines if "row" in line)
    print(f"{dict(rows)} rows, {len(lines) - rows.total()} broader entities, {len(found)} problems")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
