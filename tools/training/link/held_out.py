"""Writes the annotations of photographs that the default index is calibrated to or measured with.

Categories become the QIDs of the table of kinds, as far as it knows them. `--known` leaves the others out.
Four COCO categories carry the QID of another thing of that name: with `--aliases` a file says what counts as
right for them, and for `masklink eval link`.
"""

import argparse
import json
from pathlib import Path

from .data import Kinds

ALIASES = {
    "Q127995": ["Q127956"],  # microwave oven
    "Q962758": ["Q192783"],  # doughnut
    "Q2751034": ["Q7987"],  # computer mouse
    "Q7799966": ["Q14125", "Q47524465"],  # bow tie, Windsor tie
}
"""QIDs of what an annotation of the key shows."""


def main() -> None:
    """Writes the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--annotations", type=Path, required=True)
    parser.add_argument("--kinds", type=Path, required=True, help="table of kinds")
    parser.add_argument("--split", default="", help="take annotations whose data_split contains this")
    parser.add_argument("--known", action="store_true", help="leave out categories that the table lacks")
    parser.add_argument("--max-masks", type=int, default=10**9, help="masks of a category")
    parser.add_argument("--out", type=Path, required=True, help="annotation file to write")
    parser.add_argument("--aliases", type=Path, help="file to write for --aliases of masklink eval link")
    options = parser.parse_args()

    kinds = Kinds.read(options.kinds)
    document = json.loads(options.annotations.read_text())
    names = {one["id"]: one["name"] for one in document["categories"]}
    taken, counts = [], dict[str, int]()
    for annotation in document["annotations"]:
        category = annotation["category_id"]
        if options.split not in annotation.get("data_split", ""):
            continue
        if category in kinds.categories:
            qid = kinds.qids[kinds.categories[category]]
        elif len(ALIASES.get(category, ())) == 1:
            (qid,) = ALIASES[category]
        else:
            qid = category
        if options.known and not kinds.rows.get(qid):
            continue
        counts[qid] = counts.get(qid, 0) + 1
        if counts[qid] <= options.max_masks:
            names.setdefault(qid, names[category])
            taken.append({**annotation, "category_id": qid})
    used = {one["category_id"] for one in taken}
    categories = [{"id": qid, "name": names[qid]} for qid in sorted(used)]
    options.out.write_text(json.dumps({**document, "annotations": taken, "categories": categories}))
    if options.aliases:
        options.aliases.write_text(json.dumps(ALIASES, indent=2) + "\n")
    print(f"{len(taken)} masks of {len(used)} categories")


if __name__ == "__main__":
    main()
