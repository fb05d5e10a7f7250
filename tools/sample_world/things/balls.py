"""Balls of several sports: tennis, basketball, volleyball, baseball, golf and association football."""

from __future__ import annotations

import math
from random import Random
from typing import Any

from mathutils import Vector
from mathutils.kdtree import KDTree

from materials import Graph, plain
from mesh import join, mesh_object, sphere, spline, tube


def seam_curve(depth: float, count: int = 120) -> list[Any]:
    """The closed seam of tennis balls and baseballs on the unit sphere."""
    curve = []
    for k in range(count):
        t = math.tau * k / count
        x = math.cos(t) + depth * math.cos(3 * t)
        y = math.sin(t) - depth * math.sin(3 * t)
        z = 2 * math.sqrt(depth) * math.sin(2 * t)
        curve.append(Vector((x, y, z)).normalized())
    return curve


def tennis_ball(rng: Random) -> Any:
    """A felt tennis ball with its pale seam, fuzz included."""
    g = Graph("felt")
    place = g.moved([rng.uniform(-9, 9) for _ in range(3)])
    fuzz = g.noise(420, 6, 0.75, 0.6, place)
    worn = g.fit(g.noise(30, 4, 0.6, 0, place), 0.4, 0.75, 0, rng.uniform(0.1, 0.5))
    base = g.ramp(fuzz, [(0.3, "#8fa516"), (0.6, "#c3d62c"), (0.8, "#dcea62")])
    tone = g.mix(worn, base, "#a39a58")
    rim = g.node("ShaderNodeLayerWeight", {"Blend": 0.35}).outputs["Facing"]
    tone = g.mix(g.math("MULTIPLY", rim, 0.5), tone, "#e6f08c")
    felt = g.finish(Base_Color=tone, Roughness=1.0, Sheen=1.0, Specular=0.1, Normal=g.bump(fuzz, 0.0014))
    body = sphere(0.0332, felt, 48, 96)
    seam = tube([p * 0.0331 for p in seam_curve(0.37)], 0.0011, plain("seam", "#d9dcc8", 0.7), 8, closed=True)
    parts = [body, seam]
    hair = plain("fuzz", "#ccdb4a", 1.0)
    for _ in range(500):
        d = Vector((rng.gauss(0, 1), rng.gauss(0, 1), rng.gauss(0, 1))).normalized()
        drift = Vector((rng.gauss(0, 1), rng.gauss(0, 1), rng.gauss(0, 1))) * 0.0009
        parts.append(tube([d * 0.0331, d * 0.0343 + drift], 0.00007, hair, 3))
    return join("tennis ball", parts)


def basketball(rng: Random) -> Any:
    """An orange pebbled basketball with black channels."""
    g = Graph("basketball")
    x, y, z = g.split()
    radius = 0.12
    pebbles = g.fit(g.cells(260), 0.1, 0.6, 1, 0)

    def line(value: Any) -> Any:
        return g.fit(g.math("ABSOLUTE", value), 0.0022, 0.0036, 1, 0)

    # Two great circles and the two hyperbola-like side channels.
    side = g.math(
        "SUBTRACT",
        g.math("MULTIPLY", x, x),
        g.math("ADD", g.math("MULTIPLY", g.math("MULTIPLY", z, z), 0.62), 0.0031),
    )
    channels = g.math("MAXIMUM", line(y), line(z))
    channels = g.math("MAXIMUM", channels, g.fit(g.math("ABSOLUTE", side), 0.00034, 0.0006, 1, 0))
    skin_ = g.ramp(g.noise(22, 5, 0.65), [(0.3, "#a8480f"), (0.7, "#cf6a1c")])
    tone = g.mix(channels, skin_, "#15110f")
    height = g.math("SUBTRACT", g.math("MULTIPLY", pebbles, 0.35), g.math("MULTIPLY", channels, 2.0))
    leather = g.finish(
        Base_Color=tone, Roughness=g.fit(channels, 0, 1, 0.48, 0.7), Normal=g.bump(height, 0.0009)
    )
    return join("basketball", [sphere(radius, leather, 64, 128)])


def baseball(rng: Random) -> Any:
    """A white leather baseball with red stitches."""
    g = Graph("baseball leather")
    scuff = g.noise(40, 6, 0.7, 0.5)
    tone = g.ramp(scuff, [(0.25, "#b9a98a"), (0.5, "#e2dbcb"), (0.8, "#efeade")])
    leather = g.finish(Base_Color=tone, Roughness=0.55, Normal=g.bump(g.noise(300, 4), 0.0003))
    radius = 0.037
    curve = seam_curve(0.34, 216)
    parts = [sphere(radius, leather, 48, 96)]
    parts.append(
        tube([p * (radius - 0.0001) for p in curve], 0.0005, plain("gap", "#8a7f6c", 0.9), 6, closed=True)
    )
    thread = plain("stitch", "#b3141b", 0.6)
    for k in range(0, 216, 2):
        here, ahead = curve[k], (curve[(k + 1) % 216] - curve[k - 1]).normalized()
        across = here.cross(ahead).normalized()
        for sign in (-1, 1):
            far = (here + across * sign * 0.062 - ahead * 0.03).normalized()
            near = (here + across * sign * 0.006 + ahead * 0.01).normalized()
            path = [
                near * (radius + 0.0001),
                (near + far).normalized() * (radius + 0.0007),
                far * (radius + 0.0001),
            ]
            parts.append(tube(spline(path, 3), 0.00048, thread, 6))
    return join("baseball", parts)


def golf_ball(rng: Random) -> Any:
    """A dimpled white golf ball."""
    radius, count = 0.02135, 336
    golden = math.pi * (3 - math.sqrt(5))
    centres = []
    for k in range(count):
        z = 1 - 2 * (k + 0.5) / count
        ring = math.sqrt(1 - z * z)
        centres.append(Vector((ring * math.cos(golden * k), ring * math.sin(golden * k), z)))
    tree = KDTree(count)
    for k, centre in enumerate(centres):
        tree.insert(centre, k)
    tree.balance()

    def dimpled(d: Any) -> Any:
        gap = tree.find(d)[2] / 0.092
        return d * (1 - 0.017 * max(0.0, 1 - gap * gap) ** 0.8)

    white = plain("golf ball", "#eceae4", 0.22, speckle=0.03, Clearcoat=0.6)
    return join("golf ball", [sphere(radius, white, 150, 300, dimpled)])


def football(rng: Random) -> Any:
    """The classic football: black pentagons and white hexagons, seams between."""
    golden = (1 + math.sqrt(5)) / 2
    fives = [
        Vector(p).normalized()
        for a in (-1, 1)
        for b in (-golden, golden)
        for p in ((0, a, b), (a, b, 0), (b, 0, a))
    ]
    sixes = []
    for i in range(12):
        for j in range(i):
            for k in range(j):
                if all((fives[m] - fives[n]).length < 1.2 for m, n in ((i, j), (j, k), (i, k))):
                    sixes.append((fives[i] + fives[j] + fives[k]).normalized())
    black = plain("panel black", "#161616", 0.35, speckle=0.3)
    white = plain("panel white", "#dedcd4", 0.35, speckle=0.18)
    radius, parts = 0.11, []
    for centre, sides in [(c, 5) for c in fives] + [(c, 6) for c in sixes]:
        parts.append(panel(centre, sides, fives + sixes, radius, black if sides == 5 else white))
    parts.append(sphere(radius * 0.985, plain("seam", "#0c0c0c", 0.9), 32, 64))
    return join("football", parts)


def panel(centre: Any, sides: int, centres: list[Any], radius: float, material: Any) -> Any:
    """One spherical polygon, puffed up between its seams."""
    # The bisecting planes of the truncated icosahedron, offset so all edges come out equal.
    limits = []
    for other in centres:
        if (other - centre).length < 1e-6 or (other - centre).length > 0.9:
            continue
        limits.append(other)
    own = 0.9393 if sides == 5 else 0.9149
    side = centre.orthogonal().normalized()
    up = centre.cross(side)
    vertices, rings, spokes = [centre * radius * 1.002], 10, 60
    faces: list[tuple[int, ...]] = []
    for i in range(1, rings + 1):
        for k in range(spokes):
            a = math.tau * k / spokes
            ray = side * math.cos(a) + up * math.sin(a)
            reach = 0.6
            for other in limits:
                theirs = 0.9393 if abs(_five(other, centres)) else 0.9149
                # Boundary: d.centre / own == d.other / theirs for d = centre + reach * ray.
                low = 1 / own - centre.dot(other) / theirs
                slope = ray.dot(other) / theirs - ray.dot(centre) / own
                if slope > 1e-9:
                    reach = min(reach, low / slope)
            t = i / rings
            d = (centre + ray * reach * t * 0.985).normalized()
            puff = 1 + 0.004 - 0.014 * t**8
            vertices.append(d * radius * puff)
    for k in range(spokes):
        faces.append((0, 1 + k, 1 + (k + 1) % spokes))
    for i in range(rings - 1):
        for k in range(spokes):
            a, b = 1 + i * spokes + k, 1 + i * spokes + (k + 1) % spokes
            faces.append((a, a + spokes, b + spokes, b))
    return mesh_object("panel", vertices, faces, material)


def _five(direction: Any, centres: list[Any]) -> bool:
    """Whether a panel centre is a pentagon's (the first twelve are)."""
    return any((direction - c).length < 1e-6 for c in centres[:12])


def volleyball(rng: Random) -> Any:
    """A volleyball: six faces of three strips each, in white or yellow and blue."""
    g = Graph("volleyball")
    pairs = [
        ("#e6e2d8", "#e6e2d8", "#dcd6c8"),
        ("#e9b71c", "#1d3f8f", "#e9b71c"),
        ("#e6e2d8", "#b3202a", "#1f3a7a"),
    ]
    tones = rng.choices(pairs, (2, 4, 2))[0]
    x, y, z = g.split()
    ax, ay, az = (g.math("ABSOLUTE", v) for v in (x, y, z))

    def face(main: Any, other: Any, third: Any, across: Any) -> tuple[Any, Any, Any]:
        inside = g.math("MULTIPLY", g.math("GREATER_THAN", main, other), g.math("GREATER_THAN", main, third))
        place = g.math("DIVIDE", across, main)
        third_of = g.math("ABSOLUTE", g.math("SUBTRACT", g.math("ABSOLUTE", place), 0.34))
        border = g.math(
            "SUBTRACT", 1.0, g.math("MAXIMUM", g.math("DIVIDE", other, main), g.math("DIVIDE", third, main))
        )
        seam = g.math("MINIMUM", third_of, border)
        middle = g.math("LESS_THAN", g.math("ABSOLUTE", place), 0.34)
        return inside, seam, middle

    tone: Any = tones[0]
    seam: Any = 0.0
    for main, other, third, across in ((ax, ay, az, y), (ay, az, ax, z), (az, ax, ay, x)):
        inside, line, middle = face(main, other, third, across)
        tone = g.mix(inside, tone, g.mix(middle, tones[0], tones[1]))
        seam = g.math("ADD", seam, g.math("MULTIPLY", inside, g.fit(line, 0.012, 0.04, 1, 0)))
    tone = g.mix(g.math("MULTIPLY", seam, 0.75), tone, "#2a2620")
    tone = g.mix(g.fit(g.noise(18, 5), 0.4, 0.7, 0, 0.12), tone, "#6b6048")
    height = g.math("SUBTRACT", g.math("MULTIPLY", g.cells(420), 0.12), g.math("MULTIPLY", seam, 1.3))
    leather = g.finish(Base_Color=tone, Roughness=0.45, Normal=g.bump(height, 0.0018))
    return join("volleyball", [sphere(0.105, leather, 64, 128)])
