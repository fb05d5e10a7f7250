"""Indoor places: tables, counters and floors with a blurred room behind them."""

from __future__ import annotations

import math
from random import Random
from typing import Any

from mathutils import Vector, noise

import light
from materials import Graph, cloth, glaze, glow, marble, metal, plain, wood
from mesh import box, cylinder, join, lathe, mesh_object, place, spline, tube

WALLS = ("#cfc8bb", "#b9c2c4", "#d8d2c6", "#a8b0a0", "#c4a898", "#8d9aa6", "#dcd6cf", "#6f7f86")


def oak_table(rng: Random) -> None:
    """An oak table by a window."""
    top = wood("oak", rng, "#c0935c", "#7a4c25", 0.38, rng.choice((0.0, 0.11, 0.14)))
    table(top, rng)
    shelf_wall(rng)
    daylight(rng)


def walnut_table(rng: Random) -> None:
    """A dark walnut table with sun through window bars."""
    table(wood("walnut", rng, "#7a4f33", "#2f1a10", 0.3, rng.choice((0.0, 0.16))), rng)
    shelf_wall(rng)
    side = rng.choice((-1, 1))
    light.sunbeam(rng, side, 5.5)
    light.window(rng, side, 22)
    light.room(0.22)


def white_table(rng: Random) -> None:
    """A white painted table in a bright room."""
    table(plain("white paint", "#d9d6d0", 0.32, speckle=0.05), rng)
    shelf_wall(rng)
    daylight(rng, 1.1)


def linen_table(rng: Random) -> None:
    """A table under a striped or plain cloth with soft folds."""
    base, stripe = rng.choice(
        (("#d8d0c0", "#5a7594"), ("#c9c2b2", None), ("#e0dace", "#a8433a"), ("#7c8c92", None))
    )
    fabric = cloth("linen", base, stripe, width=rng.uniform(0.012, 0.04))
    seed = rng.uniform(-50, 50)
    count, wide = 180, 2.2
    vertices = []
    for i in range(count + 1):
        for j in range(count + 1):
            x, y = (i / count - 0.5) * wide, (j / count - 0.5) * wide
            ridge = abs(noise.noise(Vector((x * 1.7 + seed, y * 2.2, 0))))
            lift = 0.012 * max(0.0, 0.12 - ridge) / 0.12
            vertices.append((x, y, lift - 0.012 + 0.003 * noise.noise(Vector((x * 5, y * 5, seed)))))
    mesh_object("cloth", vertices, grid_faces(count, count), fabric)
    shelf_wall(rng)
    daylight(rng, 0.9)


def counter(rng: Random) -> None:
    """A marble kitchen counter before a tiled wall."""
    pairs = (("#e4e0da", "#77716b"), ("#33343a", "#a8a49c"), ("#c9bfae", "#8a7258"), ("#d6d8d6", "#5f6a70"))
    base, vein = rng.choice(pairs)
    top = box((3.2, 0.95, 0.04), marble("counter", rng, base, vein), (0, 0.1, -0.02), 0.006)
    top.name = "counter"
    tiles(rng, 0.58)
    pots(rng, 0.44)
    side = rng.choice((-1, 1))
    light.window(rng, side, 34)
    light.area((0, 0.1, 1.7), (0, 0, 0), (1.6, 0.4), 12, "#ffe0b8")
    light.room(0.24)


def desk(rng: Random) -> None:
    """A desk by day with papers behind."""
    top = rng.choice(
        (
            wood("birch", rng, "#d8b98a", "#b48a58", 0.34),
            wood("cherry", rng, "#a8683c", "#6a351c", 0.3),
            plain("desk top", "#3a3d42", 0.42, speckle=0.15),
        )
    )
    table(top, rng)
    papers(rng)
    shelf_wall(rng)
    daylight(rng)


def night_desk(rng: Random) -> None:
    """A desk at night under a warm lamp, a dim blue room behind."""
    table(wood("mahogany", rng, "#8a4f2c", "#43200f", 0.3), rng)
    papers(rng)
    shelf_wall(rng, bright=0.6)
    light.night_lamp(rng, (rng.choice((-1, 1)) * rng.uniform(0.3, 0.42), rng.uniform(0.18, 0.34), 0))
    light.fairy_lights(rng, 26, 1.3, (0, 1.75, 0.55))
    light.room(0.05, "#4a6aa8")


def alcove(rng: Random) -> None:
    """A shelf close to a plastered wall, in hard light from one side."""
    g = Graph("plaster")
    tone = rng.choice(("#b8a48a", "#7f9a94", "#c98a6a", "#8a94b0", "#d8cdb8", "#9aa67a"))
    mottle = g.noise(5, 7, 0.65, 0.4)
    colour = g.mix(g.fit(mottle, 0.35, 0.7, 0, 0.22), tone, "#5a4a3a")
    height = g.math("ADD", g.noise(40, 6, 0.7), g.math("MULTIPLY", mottle, 2.0))
    wall = g.finish(Base_Color=colour, Roughness=0.9, Normal=g.bump(height, 0.0025))
    box((6, 0.1, 4), wall, (0, rng.uniform(0.42, 0.55), 0.8))
    light_, dark = rng.choice((("#c0935c", "#7a4c25"), ("#d8c8ac", "#a89070"), ("#6a4630", "#2f1a10")))
    shelf = box((3.2, 1.1, 0.04), wood("shelf", rng, light_, dark, 0.4, 0.18), (0, 0, -0.02), 0.004)
    shelf.name = "shelf"
    box((8, 8, 0.02), wood("floor", rng, "#7a5a3a", "#3f2a1a", 0.5), (0, 0, -1.1))
    side = rng.choice((-1, 1))
    light.sunbeam(rng, side, 4.5, bars=rng.random() < 0.4, back=rng.uniform(-0.9, -0.3))
    light.room(0.3)


def court(rng: Random) -> None:
    """A sports hall floor: varnished boards and painted lines."""
    floor = box((16, 16, 0.02), wood("court", rng, "#d09a58", "#a06a30", 0.2, 0.07), (0, 0, -0.01))
    floor.rotation_euler = (0, 0, rng.uniform(0, 3))
    for colour, turn, shift in (("#e8e8e4", 0.3, 0.12), ("#1d4f9a", 0.3 + math.pi / 2, -0.4)):
        stripe = box((12, 0.05, 0.001), plain("line", colour, 0.3), (0, shift, 0.0002))
        stripe.rotation_euler = (0, 0, turn + rng.uniform(-0.2, 0.2))
    wall = box(
        (22, 0.1, 6), plain("hall wall", rng.choice(("#7f8c94", "#a89a80", "#56707a")), 0.7), (0, 7.5, 3)
    )
    wall.name = "wall"
    for k in range(5):
        box((3.4, 0.3, 0.35), plain("bench", "#5a3a22", 0.5), (-8 + 4 * k, 6.6, 0.42))
    for x in (-2.2, 2.2):
        light.area((x, -0.5, 5), (x * 0.6, 0, 0), (0.5, 5), 190, "#fff4e0")
    light.room(0.35)


def floor_room(rng: Random) -> None:
    """A living-room floor with a rug, for bigger things."""
    box((7, 7, 0.02), wood("floor", rng, "#a8763f", "#5e3a1c", 0.32, 0.12), (0, 0, -0.01))
    base, stripe = rng.choice((("#7a3f38", "#c9a878"), ("#5a6a78", "#c8c2b4"), ("#b8a888", None)))
    rug = box(
        (2.6, 1.9, 0.012), cloth("rug", base, stripe, 260, 0.12), (rng.uniform(-0.2, 0.2), 0.1, -0.003), 0.004
    )
    rug.rotation_euler = (0, 0, rng.uniform(-0.2, 0.2))
    wall = plain("wall", rng.choice(WALLS), 0.85, speckle=0.03)
    box((8, 0.1, 3), wall, (0, 2.2, 1.5))
    box((8, 0.03, 0.11), plain("skirting", "#e4e0d8", 0.4), (0, 2.14, 0.055), 0.006)
    cabinet = wood("cabinet", rng, "#8a5a32", "#4f2f18", 0.4)
    box((1.5, 0.4, 0.62), cabinet, (rng.choice((-1, 1)) * 1.4, 1.92, 0.4), 0.01)
    side = rng.choice((-1, 1))
    for z in (0.9, 1.7):
        light.area((side * 2.6, 0.3, z), (0, 0.1, 0.2), (1.5, 0.75), 46, "#eaf2ff")
    light.room(0.3)


def table(top: Any, rng: Random) -> None:
    """A wide table top with the floor of the room far below."""
    slab = box((2.6, 1.5, 0.035), top, (0, 0.15, -0.0175), 0.004)
    slab.name = "table"
    box((8, 8, 0.02), wood("floor", rng, "#7a5a3a", "#3f2a1a", 0.5), (0, 2, -0.8))


def daylight(rng: Random, level: float = 1.0) -> None:
    """A window on one side, now and then with a little sun."""
    side = rng.choice((-1, 1))
    light.window(rng, side, 48 * level, rng.choice(("#e6f0ff", "#fff2e0", "#f4f4ff")))
    if rng.random() < 0.4:
        light.sunbeam(rng, side, 2.6)
    light.room(0.26 * level)


def shelf_wall(rng: Random, bright: float = 1.0) -> None:
    """A wall 1.9 m away with shelves, jars, a picture frame and a plant, all out of focus."""
    box((7, 0.06, 4), plain("wall", rng.choice(WALLS), 0.9, speckle=0.03), (0, 2.2, 0.6))
    board = wood("shelf", rng, "#9a6a3c", "#5a3418", 0.5)
    for level in (0.28, 0.72):
        box((2.6, 0.26, 0.03), board, (rng.uniform(-0.7, 0.7), 2.04, level))
        x = -1.4
        while x < 1.4:
            x += rng.uniform(0.12, 0.3)
            tone = rng.choice(
                ("#a8402c", "#d9c9a4", "#39606e", "#77804a", "#d08a30", "#e4e0d8", "#333a44", "#8a5a7a")
            )
            if rng.random() < 0.5:
                cylinder(
                    rng.uniform(0.04, 0.08),
                    rng.uniform(0.1, 0.24),
                    glaze("jar", tone),
                    (x, 2.02, level + 0.015),
                )
            else:
                box(
                    (rng.uniform(0.03, 0.14), 0.16, rng.uniform(0.1, 0.26)),
                    plain("tin", tone, 0.5),
                    (x, 2.02, level + 0.12),
                )
    plant(rng, (rng.choice((-1, 1)) * rng.uniform(0.8, 1.3), 1.5, -0.1))
    frame = rng.uniform(-1.2, 1.2)
    box((0.5, 0.03, 0.62), plain("frame", "#2b2420", 0.4), (frame, 2.15, 1.25))
    box(
        (0.42, 0.03, 0.54),
        plain("print", rng.choice(("#c8b898", "#8aa0b0", "#b87a60")), 0.8),
        (frame, 2.14, 1.25),
    )


def plant(rng: Random, at: tuple[float, float, float]) -> None:
    """A potted plant far behind."""
    cylinder(0.13, 0.24, plain("pot", "#9a5a3a", 0.8), at)
    green = plain("plant", "#2f5a28", 0.5, speckle=0.3)
    for _ in range(34):
        a, rise = rng.uniform(0, math.tau), rng.uniform(0.25, 0.6)
        tip = (at[0] + 0.32 * math.cos(a) * rng.random(), at[1] + 0.3 * math.sin(a), at[2] + 0.2 + rise)
        path = spline(
            [
                (at[0], at[1], at[2] + 0.2),
                ((at[0] + tip[0]) / 2, (at[1] + tip[1]) / 2, at[2] + 0.3 + rise * 0.7),
                tip,
            ],
            5,
        )
        tube(path, lambda t: 0.004 + 0.02 * math.sin(math.pi * t) ** 2, green, 6)


def tiles(rng: Random, distance: float) -> None:
    """A wall of glazed tiles with grout."""
    g = Graph("tiles")
    x, _, z = g.split()
    wide, tall = rng.choice(((0.2, 0.1), (0.15, 0.075), (0.1, 0.1)))
    tone = rng.choice(("#dad8d0", "#8fa8a4", "#c8d0d4", "#b8c4b0", "#4f6a78", "#d8c4a4"))
    row = g.math("FLOOR", g.math("DIVIDE", z, tall))
    shift = g.math("MULTIPLY", g.math("MODULO", g.math("ABSOLUTE", row), 2.0), 0.5 * wide)
    u = g.math("FRACT", g.math("DIVIDE", g.math("ADD", x, shift), wide))
    v = g.math("FRACT", g.math("DIVIDE", z, tall))
    eu = g.math("MULTIPLY", g.math("MINIMUM", u, g.math("SUBTRACT", 1.0, u)), wide)
    ev = g.math("MULTIPLY", g.math("MINIMUM", v, g.math("SUBTRACT", 1.0, v)), tall)
    edge = g.math("MINIMUM", eu, ev)
    inside = g.fit(edge, 0.0012, 0.0022)
    colour = g.mix(inside, "#9a958c", g.mix(g.fit(g.noise(5), 0.3, 0.7, 0, 0.15), tone, "#6a6a60"))
    height = g.math("ADD", g.fit(edge, 0.001, 0.006), g.math("MULTIPLY", g.noise(14, 2), 0.6))
    glazed = g.finish(
        Base_Color=colour, Roughness=g.fit(inside, 0, 1, 0.8, 0.14), Normal=g.bump(height, 0.0012)
    )
    box((5, 0.04, 2.4), glazed, (0, distance, 0.9))


def pots(rng: Random, y: float) -> None:
    """Jars and a board leaning at the back of the counter."""
    x = rng.uniform(-0.95, -0.6)
    while x < 0.9:
        tone = rng.choice(("#e0d8c8", "#7a2f26", "#2f4a5a", "#c8a05a", "#55604a"))
        kind = rng.random()
        if kind < 0.5:
            r, h = rng.uniform(0.045, 0.07), rng.uniform(0.13, 0.22)
            cylinder(r, h, glaze("canister", tone), (x, y, 0), 0.006)
            cylinder(r * 1.02, 0.02, wood("lid", rng, "#c0935c", "#8a5c30"), (x, y, h))
        elif kind < 0.75:
            board = box(
                (0.26, 0.02, 0.38), wood("board", rng, "#b07a44", "#6f4420"), (x, y + 0.05, 0.2), 0.008
            )
            board.rotation_euler = (-0.15, 0, 0)
        else:
            round_ = [
                (0, 0),
                (0.04, 0),
                (0.06, 0.03),
                (0.062, 0.06),
                (0.045, 0.085),
                (0.046, 0.092),
                (0, 0.092),
            ]
            place(lathe(round_, glaze("sugar pot", tone), 48, 4), (x, y, 0))
        x += rng.uniform(0.22, 0.42)


def papers(rng: Random) -> None:
    """A few sheets with lines of writing, under and behind the things."""
    g = Graph("paper")
    x, y, _ = g.split()
    line = g.math("LESS_THAN", g.math("FRACT", g.math("MULTIPLY", y, 110.0)), 0.28)
    words = g.math("GREATER_THAN", g.noise(1, 2, 0.5, 0, g.moved(scale=(170, 110, 1))), 0.45)
    inside = g.math(
        "MULTIPLY",
        g.math("LESS_THAN", g.math("ABSOLUTE", x), 0.085),
        g.math("LESS_THAN", g.math("ABSOLUTE", y), 0.125),
    )
    ink = g.math("MULTIPLY", g.math("MULTIPLY", line, words), inside)
    sheet = g.finish(Base_Color=g.mix(ink, "#e6e2d8", "#4a4a52"), Roughness=0.85)
    for k in range(rng.choice((1, 2, 3))):
        at = (rng.uniform(-0.3, 0.3), rng.uniform(-0.05, 0.3), 0.0006 + 0.0007 * k)
        page = box((0.21, 0.297, 0.0005), sheet, at)
        page.rotation_euler = (0, 0, rng.uniform(-0.6, 0.6))


def plate(rng: Random, radius: float = 0.13) -> Any:
    """A dinner plate; things may lie beside it."""
    tone = rng.choice(("#e6e4de", "#c8d4d8", "#e8dcc4"))
    ring = [
        (0, 0.004),
        (radius * 0.55, 0.004),
        (radius * 0.68, 0.007),
        (radius * 0.98, 0.02),
        (radius, 0.022),
    ]
    ring += [(radius * 0.98, 0.018), (radius * 0.66, 0.0), (0, 0.0)]
    return join("plate", [lathe(ring, glaze("plate", tone), 96, 3)])


def cutting_board(rng: Random) -> Any:
    """A wooden board with a hole."""
    board = box(
        (0.36, 0.24, 0.018), wood("board", rng, "#c99a60", "#8a5a2c", 0.55, 0.06), (0, 0, 0.009), 0.008
    )
    return join("board", [board])


def crumbs(rng: Random, colour: str, spread: float, count: int = 60) -> None:
    """Crumbs strewn about."""
    grain = plain("crumb", colour, 0.9)
    parts = []
    for _ in range(count):
        size = rng.uniform(0.0006, 0.0022)
        at = (rng.gauss(0, spread), rng.gauss(0, spread), size * 0.4)
        parts.append(
            box(
                (size, size * rng.uniform(0.6, 1.4), size),
                grain,
                at,
                0,
                (rng.random(), rng.random(), rng.random()),
            )
        )
    join("crumbs", parts)


def spoon_rest(rng: Random) -> Any:
    """A small steel dish."""
    return join(
        "dish",
        [
            lathe(
                [(0, 0), (0.03, 0), (0.045, 0.016), (0.043, 0.016), (0.029, 0.003), (0, 0.003)],
                metal("steel"),
                64,
                2,
            )
        ],
    )


def grid_faces(columns: int, rows: int) -> list[tuple[int, int, int, int]]:
    """Quads of a (columns + 1) x (rows + 1) grid of vertices, column by column."""
    step = rows + 1
    return [
        (i * step + j, (i + 1) * step + j, (i + 1) * step + j + 1, i * step + j + 1)
        for i in range(columns)
        for j in range(rows)
    ]


def candle_glow(at: tuple[float, float, float]) -> Any:
    """A tiny flame-like light."""
    return place(lathe([(0, 0), (0.004, 0.006), (0, 0.02)], glow("flame", "#ffc060", 60), 16, 4), at)
