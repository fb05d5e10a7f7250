"""Kitchen things: teapot, kettle, spoon, fork, knife, vase, rolling pin, whisk, bottle and bucket."""

from __future__ import annotations

import math
from random import Random
from typing import Any

from mathutils import Vector

from materials import Graph, glass, glaze, metal, plain, wood
from mesh import box, cylinder, extrude, join, lathe, mesh_object, place, sphere, spline, tube

POTTERY = ("#e4e0d6", "#2f4f6a", "#7a2f26", "#3f5a48", "#c8a05a", "#8fb0b4", "#1f1f22", "#d8c4b0")


def teapot(rng: Random) -> Any:
    """A round-bellied teapot with lid, spout and handle."""
    clay = glaze("teapot", rng.choice(POTTERY), rng.uniform(0.06, 0.25), rng.choice((None, "#3a2a20")))
    tall = rng.uniform(0.9, 1.15)
    body = [
        (0, 0),
        (0.04, 0),
        (0.046, 0.004),
        (0.066, 0.03),
        (0.074, 0.06),
        (0.066, 0.092),
        (0.044, 0.112),
        (0.036, 0.116),
        (0, 0.114),
    ]
    lid = [
        (0.037, 0.116),
        (0.039, 0.119),
        (0.03, 0.128),
        (0.012, 0.134),
        (0.006, 0.137),
        (0.007, 0.142),
        (0.0115, 0.149),
        (0.008, 0.157),
        (0, 0.159),
    ]
    parts = [lathe([(r, z * tall) for r, z in ring], clay, 96, 6) for ring in (body, lid)]
    path = spline(
        [
            (0.058, 0, 0.04 * tall),
            (0.088, 0, 0.052 * tall),
            (0.104, 0, 0.085 * tall),
            (0.124, 0, 0.118 * tall),
        ],
        10,
    )
    parts.append(tube(path, lambda t: 0.0185 - 0.0112 * t**0.7, clay, 40))
    hole = lathe([(0, 0), (0.0058, 0)], plain("spout hole", "#14100c", 0.9), 24, 1)
    way = (path[-1] - path[-2]).normalized()
    parts.append(place(hole, path[-1] + way * 0.0004, tuple(way.to_track_quat("Z", "Y").to_euler())))
    loop = spline(
        [
            (-0.06, 0, 0.098 * tall),
            (-0.092, 0, 0.112 * tall),
            (-0.117, 0, 0.09 * tall),
            (-0.11, 0, 0.055 * tall),
            (-0.085, 0, 0.034 * tall),
            (-0.062, 0, 0.032 * tall),
        ],
        8,
    )
    parts.append(tube(loop, 0.0072, clay, 24, section=lambda a, t: 1 + 0.25 * abs(math.cos(a))))
    return place(join("teapot", parts), scale=rng.uniform(0.95, 1.15))


def kettle(rng: Random) -> Any:
    """A stove kettle of steel or enamel with an arched handle."""
    shell = rng.choice(
        (
            metal("steel", "#c8c8ca", 0.14),
            glaze("enamel", rng.choice(("#a82018", "#1f4a6a", "#e0dccc")), 0.12),
        )
    )
    black = plain("handle", "#151515", 0.35)
    steel = metal("trim", "#b8b8ba", 0.2)
    body = [
        (0, 0),
        (0.085, 0),
        (0.094, 0.006),
        (0.097, 0.03),
        (0.088, 0.085),
        (0.062, 0.125),
        (0.042, 0.134),
        (0, 0.134),
    ]
    lid = [(0.044, 0.134), (0.045, 0.138), (0.03, 0.146), (0.008, 0.15), (0, 0.15)]
    parts = [lathe(body, shell, 112, 6), lathe(lid, shell, 80, 5)]
    parts.append(
        lathe([(0.0055, 0.149), (0.006, 0.158), (0.014, 0.164), (0.0135, 0.174), (0, 0.178)], black, 40, 5)
    )
    spout = spline([(0.072, 0, 0.07), (0.105, 0, 0.1), (0.13, 0, 0.128), (0.14, 0, 0.14)], 8)
    parts.append(tube(spout, lambda t: 0.024 - 0.011 * t, shell, 40))
    arch = spline(
        [
            (-0.076, 0, 0.115),
            (-0.075, 0, 0.19),
            (-0.04, 0, 0.235),
            (0.03, 0, 0.235),
            (0.068, 0, 0.195),
            (0.07, 0, 0.115),
        ],
        10,
    )
    parts.append(tube(arch, lambda t: 0.005 if t < 0.2 or t > 0.8 else 0.0105, black, 24))
    for x in (-0.076, 0.07):
        parts.append(place(sphere(0.011, steel, 16, 24), (x, 0, 0.114), scale=(1, 1.2, 0.8)))
    return join("kettle", parts)


def cutlery_metal() -> Any:
    """Polished steel of table cutlery."""
    return metal("cutlery", "#d4d2ce", 0.14)


def sheet(
    rows: list[tuple[float, float, float, float]], material: Any, thick: float, columns: int = 12
) -> Any:
    """A strip along x from (x, half width, centre height, cup depth) rows, given thickness."""
    points = [Vector(r) for r in rows]
    vertices, faces = [], []
    for x, half, lift, cup in points:
        for j in range(columns + 1):
            u = j / columns * 2 - 1
            vertices.append((x, half * u, lift - cup * (1 - u * u)))
    for i in range(len(points) - 1):
        for j in range(columns):
            a = i * (columns + 1) + j
            faces.append((a, a + columns + 1, a + columns + 2, a + 1))
    thing = mesh_object("sheet", vertices, faces, material)
    solid = thing.modifiers.new("thick", "SOLIDIFY")
    solid.thickness = thick
    solid.offset = 0
    soft = thing.modifiers.new("soft", "SUBSURF")
    soft.levels = soft.render_levels = 1
    return thing


def smooth_rows(rows: list[tuple[float, ...]], per_span: int = 5) -> list[tuple[float, float, float, float]]:
    """Catmull-Rom through four-number rows."""
    first = spline([r[:2] for r in rows], per_span)
    second = spline([r[2:] for r in rows], per_span)
    return [(a.x, max(a.y, 0.0003), b.x, b.y) for a, b in zip(first, second, strict=True)]


def handle_rows() -> list[tuple[float, ...]]:
    """The handle common to spoon and fork: x, half width, height, cup."""
    return [
        (-0.125, 0.002, 0.004, 0),
        (-0.122, 0.0085, 0.004, 0),
        (-0.1, 0.0105, 0.006, -0.001),
        (-0.06, 0.0065, 0.011, -0.0015),
        (-0.02, 0.004, 0.0145, -0.001),
        (0.012, 0.0038, 0.012, -0.0005),
    ]


def spoon(rng: Random) -> Any:
    """A steel tablespoon lying bowl up."""
    rows = handle_rows() + [
        (0.022, 0.0055, 0.009, 0.0005),
        (0.032, 0.0135, 0.0085, 0.004),
        (0.047, 0.0205, 0.0085, 0.0075),
        (0.064, 0.0195, 0.009, 0.0075),
        (0.078, 0.0125, 0.0095, 0.004),
        (0.085, 0.004, 0.0095, 0.0005),
        (0.0862, 0.0005, 0.0095, 0),
    ]
    return join("spoon", [sheet(smooth_rows(rows), cutlery_metal(), 0.0021, 14)])


def fork(rng: Random) -> Any:
    """A steel dinner fork with four tines."""
    steel = cutlery_metal()
    rows = handle_rows() + [
        (0.024, 0.006, 0.008, 0.0004),
        (0.036, 0.0118, 0.0055, 0.001),
        (0.046, 0.0128, 0.0045, 0.001),
    ]
    parts = [sheet(smooth_rows(rows), steel, 0.0022)]
    for k in range(4):
        y = (k - 1.5) * 0.0071
        tine: list[tuple[float, ...]] = [
            (0.043, 0.0022, 0.0038, 0),
            (0.055, 0.00205, 0.0035, 0),
            (0.075, 0.0018, 0.006, 0),
            (0.092, 0.0014, 0.0115, 0),
            (0.0955, 0.0005, 0.013, 0),
        ]
        strip = sheet(smooth_rows(tine), steel, 0.0021, 4)
        strip.location = (0, y, 0)
        parts.append(strip)
    return join("fork", parts)


def knife(rng: Random) -> Any:
    """A kitchen knife with a riveted wooden handle, lying flat."""
    steel = metal("blade", "#c8cacc", 0.12, 0.4)
    grip = wood(
        "grip",
        rng,
        *rng.choice((("#6a3f22", "#2a150a"), ("#3a2a22", "#15100c"), ("#a8703c", "#6a3f1c"))),
        0.4,
    )
    blade = [
        (0, -0.002),
        (0.0, 0.021),
        (0.06, 0.0215),
        (0.12, 0.0195),
        (0.17, 0.011),
        (0.192, 0.0),
        (0.17, -0.0065),
        (0.12, -0.014),
        (0.06, -0.02),
        (0.004, -0.022),
        (0.001, -0.018),
    ]
    edge = extrude(blade, 0.0022, steel, 0.0009, 2)
    tang = box((0.012, 0.02, 0.009), metal("bolster", "#b8b8b8", 0.2), (-0.005, 0.01, 0.0011), 0.002)
    outline = [
        (-0.008, 0.0),
        (-0.008, 0.021),
        (-0.06, 0.0225),
        (-0.11, 0.021),
        (-0.125, 0.012),
        (-0.128, -0.001),
        (-0.12, -0.008),
        (-0.1, -0.002),
        (-0.06, 0.003),
        (-0.03, -0.001),
    ]
    handle = extrude(outline, 0.016, grip, 0.005, 4)
    handle.location = (0, 0, -0.007)
    parts = [edge, tang, handle]
    for x in (-0.03, -0.064, -0.098):
        parts.append(cylinder(0.0032, 0.0168, metal("rivet", "#c0a868", 0.3), (x, 0.0115, -0.0073)))
    return join("knife", parts)


def vase(rng: Random) -> Any:
    """A vase in one of a few classic outlines, empty or with dry stems."""
    shapes = [
        [
            (0, 0),
            (0.036, 0),
            (0.042, 0.01),
            (0.07, 0.07),
            (0.074, 0.11),
            (0.05, 0.165),
            (0.026, 0.2),
            (0.024, 0.222),
            (0.036, 0.245),
        ],
        [(0, 0), (0.05, 0), (0.056, 0.02), (0.06, 0.1), (0.04, 0.17), (0.03, 0.2), (0.05, 0.24)],
        [
            (0, 0),
            (0.032, 0),
            (0.034, 0.02),
            (0.06, 0.14),
            (0.066, 0.19),
            (0.052, 0.226),
            (0.03, 0.236),
            (0.034, 0.25),
        ],
    ]
    ring = rng.choice(shapes)
    inner = [(r - 0.004, max(z, 0.01)) for r, z in reversed(ring[2:])] + [(0, 0.012)]
    g = Graph("vase")
    _, _, z = g.split()
    tone, band = rng.choice(
        (
            ("#d8d4c8", "#2f4f86"),
            ("#3a6a64", "#2a4a46"),
            ("#a8502c", "#1c1512"),
            ("#c8b088", "#7a4a28"),
            ("#e0d8cc", "#b88a5a"),
        )
    )
    rows = g.math("FRACT", g.math("MULTIPLY", z, 11.0))
    painted = g.math("MULTIPLY", g.math("GREATER_THAN", rows, 0.72), g.math("LESS_THAN", z, 0.2))
    mottled = g.mix(g.fit(g.noise(24, 5, 0.6), 0.35, 0.7, 0, 0.2), tone, "#2a2018")
    clay = g.finish(
        Base_Color=g.mix(painted, mottled, band),
        Roughness=rng.uniform(0.12, 0.4),
        Clearcoat=0.3,
        Normal=g.bump(g.noise(40, 3), 0.0005),
    )
    parts = [lathe(ring + [(ring[-1][0] - 0.002, ring[-1][1] + 0.001)] + inner, clay, 112, 6)]
    if rng.random() < 0.5:
        straw = plain("stem", "#a88a50", 0.8)
        ear = plain("ear", "#c8a868", 0.9)
        for _ in range(8):
            a, lean = rng.uniform(0, math.tau), rng.uniform(0.03, 0.13)
            top = Vector((lean * math.cos(a), lean * math.sin(a), rng.uniform(0.36, 0.5)))
            parts.append(
                tube(spline([(0, 0, 0.03), top * 0.55 + Vector((0, 0, 0.03)), top], 6), 0.0011, straw, 6)
            )
            parts.append(tube([top, top * 1.07, top * 1.15], [0.002, 0.006, 0.001], ear, 8))
    return join("vase", parts)


def rolling_pin(rng: Random) -> Any:
    """A wooden rolling pin lying along x."""
    timber = wood("pin", rng, *rng.choice((("#d8b07a", "#a8743c"), ("#b8803f", "#7a4a20"))), 0.5)
    ring = [
        (0, -0.215),
        (0.009, -0.214),
        (0.0135, -0.2),
        (0.0125, -0.17),
        (0.009, -0.138),
        (0.01, -0.128),
        (0.024, -0.1265),
        (0.0265, -0.122),
    ]
    profile = ring + [(r, -z) for r, z in reversed(ring)]
    pin = lathe(profile, timber, 72, 3)
    # The grain runs along x, so the pin is turned before its texture is fixed to it.
    place(pin, (0, 0, 0.0265), (0, math.pi / 2, 0))
    return place(join("rolling pin", [pin]), scale=rng.uniform(0.9, 1.05))


def whisk(rng: Random) -> Any:
    """A wire balloon whisk lying along x."""
    steel = metal("wire", "#cacaca", 0.16)
    grip = rng.choice((steel, wood("grip", rng, "#b8804a", "#6f4420"), plain("grip", "#1a1a1a", 0.4)))
    parts = []
    profile = [
        (0, -0.13),
        (0.008, -0.128),
        (0.0105, -0.11),
        (0.0095, -0.06),
        (0.0115, -0.02),
        (0.008, 0.0),
        (0, 0.001),
    ]
    handle = lathe(profile, grip, 48, 5)
    parts.append(place(handle, turn=(0, math.pi / 2, 0)))
    wires = 7
    for k in range(wires):
        a = math.pi * k / wires
        loop = []
        for p in spline(
            [
                (0, 0.0055),
                (0.03, 0.011),
                (0.075, 0.028),
                (0.115, 0.034),
                (0.146, 0.02),
                (0.1535, 0.0),
                (0.146, -0.02),
                (0.115, -0.034),
                (0.075, -0.028),
                (0.03, -0.011),
                (0, -0.0055),
            ],
            6,
        ):
            loop.append((p.x, p.y * math.cos(a), p.y * math.sin(a)))
        parts.append(tube(loop, 0.0009, steel, 8))
    return place(join("whisk", parts), (0, 0, 0.034))


def glass_bottle(rng: Random) -> Any:
    """A wine or soda bottle of coloured glass with a cork or cap."""
    tint = rng.choice(("#3a6a2c", "#4a3010", "#d8ece4", "#2a5a30"))
    clear = glass("bottle", tint)
    ring = [
        (0, 0.008),
        (0.02, 0.003),
        (0.034, 0.0),
        (0.0375, 0.006),
        (0.0375, 0.16),
        (0.036, 0.19),
        (0.022, 0.222),
        (0.0145, 0.25),
        (0.0135, 0.288),
        (0.016, 0.29),
        (0.016, 0.3),
        (0.013, 0.301),
    ]
    inner = [(r - 0.003, min(z, 0.297)) for r, z in reversed(ring[3:-3])] + [(0, 0.012)]
    parts = [lathe(ring + inner, clear, 72, 4)]
    cork = lathe(
        [(0, 0.27), (0.0095, 0.27), (0.0105, 0.312), (0, 0.313)],
        plain("cork", "#b88a58", 0.9, speckle=0.5),
        32,
        1,
    )
    parts.append(cork)
    if rng.random() < 0.7:
        g = Graph("paper label")
        x, y, z = g.split()
        inside = g.math("LESS_THAN", g.math("ABSOLUTE", g.math("SUBTRACT", z, 0.1)), 0.031)
        paper = g.mix(inside, rng.choice(("#8a2018", "#1f2f4a", "#8a7438")), "#e6dfcc")
        band = g.math("LESS_THAN", g.math("ABSOLUTE", g.math("SUBTRACT", z, 0.11)), 0.006)
        label = g.finish(Base_Color=g.mix(band, paper, "#3a2a20"), Roughness=0.7)
        arc = []
        faces = []
        for i in range(25):
            a = -1.1 + 2.2 * i / 24
            for z_ in (0.062, 0.138):
                arc.append((0.0379 * math.cos(a), 0.0379 * math.sin(a), z_))
        faces = [(2 * i, 2 * i + 2, 2 * i + 3, 2 * i + 1) for i in range(24)]
        parts.append(mesh_object("label", arc, faces, label))
    return join("bottle", parts)


def bucket(rng: Random) -> Any:
    """A galvanised or coloured bucket with its bail."""
    shell = rng.choice(
        (
            metal("zinc", "#a8acae", 0.4),
            plain("red bucket", "#a82018", 0.3),
            plain("blue bucket", "#1f5a9a", 0.35),
            plain("yellow bucket", "#d8a818", 0.35),
        )
    )
    ring = [
        (0, 0.004),
        (0.085, 0.004),
        (0.087, 0.0),
        (0.09, 0.0),
        (0.091, 0.012),
        (0.105, 0.1),
        (0.108, 0.104),
        (0.109, 0.112),
        (0.12, 0.2),
        (0.128, 0.238),
        (0.132, 0.24),
        (0.131, 0.245),
        (0.125, 0.243),
    ]
    inner = [(0.117, 0.2), (0.102, 0.1), (0.088, 0.012), (0, 0.01)]
    parts = [lathe(ring + inner, shell, 96, 2)]
    wire = metal("bail", "#9a9a9a", 0.35)
    side = rng.choice((-1, 1)) * rng.uniform(0.6, 1.35)
    bail = []
    for k in range(33):
        a = math.pi * k / 32
        r = 0.131
        bail.append(
            (r * math.cos(a), r * math.sin(a) * math.sin(side), 0.225 + r * math.sin(a) * math.cos(side))
        )
    parts.append(tube(bail, 0.0026, wire, 12))
    grip = bail[13:20]
    parts.append(tube(grip, 0.008, plain("bail grip", "#5a3a20", 0.6), 16))
    for x in (-0.131, 0.131):
        parts.append(place(cylinder(0.013, 0.006, wire), (x - 0.003, 0, 0.225), (0, math.pi / 2, 0)))
    return join("bucket", parts)


def toilet_paper(rng: Random) -> Any:
    """A roll of toilet paper with its end hanging loose."""
    g = Graph("tissue")
    dots = g.fit(g.cells(180), 0.05, 0.2, 1, 0)
    tissue = g.finish(
        Base_Color="#e8e6e2",
        Roughness=0.95,
        Subsurface=0.1,
        Subsurface_Radius=(0.01, 0.01, 0.01),
        Subsurface_Color="#f0eeea",
        Normal=g.bump(g.math("ADD", dots, g.noise(40, 4)), 0.0008),
    )
    g = Graph("roll side")
    x, y, _ = g.split()
    radius = g.math("SQRT", g.math("ADD", g.math("MULTIPLY", x, x), g.math("MULTIPLY", y, y)))
    layers = g.math("SINE", g.math("MULTIPLY", radius, 5200.0))
    edge = g.finish(Base_Color=g.mix(g.fit(layers, -1, 1, 0.0, 0.16), "#e8e6e2", "#9a9690"), Roughness=0.95)
    card = plain("tube", "#a88a64", 0.9)
    outer, inner, tall = 0.054, 0.021, 0.098
    parts = [lathe([(outer, 0), (outer, tall)], tissue, 96, 1)]
    for z in (0.0, tall):
        parts.append(lathe([(inner, z), (outer, z)], edge, 96, 8))
    for part in parts[1:]:
        solid = [v for v in part.data.vertices]
        assert solid
    parts.append(lathe([(inner, 0), (inner, tall), (inner - 0.001, tall), (inner - 0.001, 0)], card, 64, 1))
    flap, faces = [], []
    for i in range(20):
        t = i / 19
        p = Vector((outer + 0.0004 + 0.02 * t * t, -0.085 * t))
        for z in (0.0, tall):
            flap.append((p.x, p.y, z))
    faces = [(2 * i, 2 * i + 2, 2 * i + 3, 2 * i + 1) for i in range(19)]
    parts.append(mesh_object("flap", flap, faces, tissue))
    return join("toilet paper", parts)
