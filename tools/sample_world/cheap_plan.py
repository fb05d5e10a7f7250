"""Plans of the cheap training pictures: random arrangements of seen things, or of made-up objects."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from random import Random

from catalogue import MADE_UP, THINGS
from plan import SEED, Picture

SEEN_PREFIX, MADE_PREFIX = "cheap_", "made_"
TABLES = ("oak", "walnut", "white", "linen", "counter", "desk", "night", "garden", "alcove")
SEEN = tuple(key for key, thing in THINGS.items() if not thing.unseen)
BIG = ("pumpkin", "bucket", "umbrella", "suitcase")
SMALL = tuple(
    key
    for key in SEEN
    if THINGS[key].model.startswith(("fruit.", "vegetables.", "bakery.", "kitchen.", "desk."))
    and key not in BIG
)
MADE = tuple(f"{MADE_UP}{number}" for number in range(160))
"""Objects that no entity stands for."""


@dataclass(frozen=True)
class Group:
    """Things that may stand together, where, how far apart in metres, and how many at most."""

    things: tuple[str, ...]
    places: tuple[str, ...]
    gap: tuple[float, float]
    most: int
    elevation: tuple[float, float] = (8, 58)
    exposure: float = 0.0


GROUPS = (
    Group(
        (*SMALL, "tennis ball", "baseball"),
        (*TABLES, *TABLES, *TABLES, "lawn", "beach", "pavement"),
        (0.003, 0.03),
        6,
    ),
    Group(
        ("tennis ball", "baseball", "basketball", "volleyball", "football", "orange", "lemon"),
        ("court", "lawn", "beach", "pavement", "road", "pond", "rain"),
        (0.003, 0.08),
        4,
    ),
    Group(
        ("chair", "suitcase", "guitar", "umbrella", "bucket", "pumpkin", "basketball", "ladder"),
        ("room", "room", "field", "pavement", "beach"),
        (0.02, 0.15),
        4,
    ),
    Group(
        ("traffic cone", "fire hydrant", "bucket", "suitcase", "pumpkin", "football"),
        ("road", "pavement", "field", "rain"),
        (0.02, 0.2),
        4,
    ),
    Group(
        ("traffic light", "stop sign", "traffic cone", "fire hydrant", "ladder"),
        ("road", "rain", "pavement", "field"),
        (0.05, 0.4),
        3,
        (2, 20),
    ),
    Group(("snowman", "bucket", "umbrella", "traffic cone", "chair"), ("snow",), (0.05, 0.2), 3, (3, 25)),
    Group(("great pyramid",), ("desert",), (0, 0), 1, (-4, 12)),
    Group(("eiffel tower",), ("park",), (0, 0), 1, (-8, 12)),
    Group(("lighthouse",), ("coast",), (0, 0), 1, (1, 18)),
    Group(("saturn",), ("space",), (0, 0), 1, (3, 30), -1.5),
    Group(("moon",), ("space",), (0, 0), 1, (-25, 25), -1.5),
    Group(("mars",), ("space",), (0, 0), 1, (-25, 25), -1.5),
)


def pictures(prefix: str, count: int) -> list[Picture]:
    """The first `count` pictures of one plan; a longer list begins with the shorter one."""
    rng = Random(f"{SEED}/{prefix}")
    shown: Counter[str] = Counter()
    one = of_made_up if prefix == MADE_PREFIX else of_seen
    return [one(f"{prefix}{number:05d}", rng, shown) for number in range(count)]


def is_cheap(name: str) -> bool:
    """Whether a picture's name is one of these plans'."""
    return name.startswith((SEEN_PREFIX, MADE_PREFIX))


def by_name(name: str) -> Picture:
    """The picture called `name`."""
    prefix, number = name.split("_")
    return pictures(f"{prefix}_", int(number) + 1)[-1]


def view(picture: Picture, number: int) -> tuple[Picture, tuple[int, ...]]:
    """View `number` of a picture, from 1: another camera, and which of `picture.things` it frames.

    A view costs a render, a picture its scene too.
    """
    rng = Random(f"{picture.seed}/{number}")
    few = rng.choice((1, 1, 2, len(picture.things)))
    framed = tuple(sorted(rng.sample(range(len(picture.things)), min(few, len(picture.things)))))
    elevation = next((g.elevation for g in GROUPS if set(picture.things) <= set(g.things)), (8, 58))
    return replace(
        picture,
        name=f"{picture.name}v{number}",
        elevation=rng.uniform(*elevation) or 1.0,
        azimuth=rng.uniform(-60, 60),
        lens=rng.choice((28, 35, 50, 65, 85)),
        fill=rng.uniform(0.4, 0.95),
        stop=rng.choice((2.8, 4.0, 5.6, 8.0, 11.0)),
        exposure=picture.exposure + rng.uniform(-0.4, 0.4),
    ), framed


def of_made_up(name: str, rng: Random, shown: Counter[str]) -> Picture:
    """The next picture of made-up objects, those shown least first, and now and then of a seen thing."""
    order = sorted(MADE, key=lambda key: (shown[key], rng.random()))
    things = order[: rng.randint(2, 5)]
    if rng.random() < 0.4:
        things.append(rng.choice(SMALL))
    shown.update(things)
    rng.shuffle(things)
    places = (*TABLES, *TABLES, "lawn", "beach", "pavement", "road", "room", "snow", "court")
    return arranged(name, tuple(things), rng.choice(places), (0.003, 0.04), (8, 58), 0.0, rng)


def of_seen(name: str, rng: Random, shown: Counter[str]) -> Picture:
    """The next picture of seen things: led by one that was `shown` least, with random neighbours."""
    lead = min(SEEN, key=lambda key: (shown[key], rng.random()))
    group = rng.choice([group for group in GROUPS if lead in group.things])
    things = [lead]
    for _ in range(rng.randint(min(2, group.most), group.most) - 1):
        few = sorted(rng.sample(group.things, 3), key=lambda key: shown[key] + 2 * things.count(key))
        things.append(few[0])
    shown.update(set(things))
    rng.shuffle(things)
    return arranged(
        name, tuple(things), rng.choice(group.places), group.gap, group.elevation, group.exposure, rng
    )


def arranged(
    name: str,
    things: tuple[str, ...],
    place: str,
    gap: tuple[float, float],
    elevation: tuple[float, float],
    exposure: float,
    rng: Random,
) -> Picture:
    """A picture of these things, all else drawn."""
    return Picture(
        name,
        "train",
        place,
        things,
        gap=rng.uniform(*gap),
        loose=rng.uniform(0.4, 1.6),
        elevation=rng.uniform(*elevation) or 1.0,
        azimuth=rng.uniform(-50, 50) if rng.random() < 0.5 else None,
        lens=rng.choice((28, 35, 50, 65, 85)),
        fill=rng.uniform(0.45, 1.05) if len(things) > 1 else rng.uniform(0.35, 0.85),
        stop=rng.choice((2.8, 4.0, 5.6, 8.0, 11.0)),
        exposure=exposure + rng.uniform(-0.5, 0.4),
    )
