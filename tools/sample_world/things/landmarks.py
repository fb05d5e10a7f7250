"""Landmarks in metres: Great Pyramid, Eiffel Tower, Stonehenge and a lighthouse."""

from __future__ import annotations

import math
from random import Random
from typing import Any

from mathutils import Vector, noise

from materials import Graph, glass, glow, plain
from mesh import box, cylinder, join, lathe, mesh_object, place, sphere, tube


def stone(name: str, dark: str, light: str, scale: float, depth: float, lichen: str | None = None) -> Any:
    """Weathered rock; `scale` is the size of its patches per metre."""
    g = Graph(name)
    patches = g.noise(scale, 8, 0.68, 0.4)
    tone = g.ramp(patches, [(0.3, dark), (0.7, light)])
    if lichen:
        tone = g.mix(g.fit(g.noise(scale * 2.6, 6, 0.7), 0.56, 0.62, 0, 0.6), tone, lichen)
    height = g.math("ADD", g.noise(scale * 5, 8, 0.7), g.math("MULTIPLY", g.cells(scale * 4), 0.5))
    return g.finish(Base_Color=tone, Roughness=0.95, Specular=0.2, Normal=g.bump(height, depth))


def great_pyramid(rng: Random) -> Any:
    """The Great Pyramid: courses of worn limestone, 230 m wide, the tip missing."""
    rock = stone("limestone", "#8a6c44", "#c8a878", 0.09, 0.9)
    courses, wide, tall = 74, 230.0, 139.0
    vertices: list[Any] = []
    faces: list[tuple[int, ...]] = []
    rows = []
    per_side = 40
    for k in range(courses):
        for top in (False, True):
            z = tall * (k + (1 if top else 0)) / courses * 0.985
            half = wide / 2 * (1 - k / courses * 0.985)
            start = len(vertices)
            for side in range(4):
                for i in range(per_side):
                    u = i / per_side * 2 - 1
                    x, y = ((u, -1), (1, u), (-u, 1), (-1, -u))[side]
                    spot = Vector((x * half * 0.06, y * half * 0.06, k * 1.7))
                    wear = 1 - 0.006 * abs(noise.noise(spot)) - 0.5 / max(half, 3) * rng.random() * 0.7
                    vertices.append((x * half * wear, y * half * wear, z + 0.25 * noise.noise(spot * 3)))
            rows.append(start)
    ring = 4 * per_side
    for a, b in zip(rows, rows[1:], strict=False):
        faces += [(a + i, a + (i + 1) % ring, b + (i + 1) % ring, b + i) for i in range(ring)]
    faces.append(tuple(rows[-1] + i for i in range(ring)))
    body = mesh_object("pyramid", vertices, faces, rock, smooth=False)
    blocks = []
    for _ in range(90):
        side, u = rng.randrange(4), rng.uniform(-1.05, 1.05)
        out = 116 + rng.expovariate(0.25)
        x, y = ((u * 115, -out), (out, u * 115), (-u * 115, out), (-out, -u * 115))[side]
        size = rng.uniform(0.8, 2.4)
        blocks.append(
            box(
                (size, size * rng.uniform(0.7, 1.5), size),
                rock,
                (x, y, size * 0.35),
                0,
                (rng.uniform(-0.3, 0.3), rng.uniform(-0.3, 0.3), rng.random() * 3),
            )
        )
    return join("great pyramid", [body, *blocks])


def eiffel_half(z: float) -> float:
    """Half-width of the tower's outer edge at height z, in metres."""
    table = [
        (0, 62.4),
        (20, 50.0),
        (40, 40.5),
        (57, 33.8),
        (80, 26.0),
        (115, 18.5),
        (160, 12.2),
        (200, 8.8),
        (240, 6.4),
        (276, 4.8),
        (300, 2.6),
    ]
    for (z0, w0), (z1, w1) in zip(table, table[1:], strict=False):
        if z <= z1:
            return w0 + (w1 - w0) * (z - z0) / (z1 - z0)
    return 2.0


def eiffel_leg(z: float) -> float:
    """Width of one leg at height z."""
    if z < 57:
        return 25.0 - 9.0 * z / 57
    return max(16.0 - 5.0 * (z - 57) / 58, 0)


def eiffel_tower(rng: Random) -> Any:
    """The Eiffel Tower: lattice legs, arches, three platforms and the mast."""
    iron = plain("puddled iron", "#5a4632", 0.55, 0.25, 0.25)
    vertices: list[Any] = []
    faces: list[Any] = []

    def beam(a: Any, b: Any, thick: float) -> None:
        a, b = Vector(a), Vector(b)
        way = (b - a).normalized()
        side = way.orthogonal().normalized() * thick / 2
        up = way.cross(side)
        first = len(vertices)
        for end in (a, b):
            vertices.extend([end + side, end + up, end - side, end - up])
        faces.extend(
            (first + k, first + (k + 1) % 4, first + 4 + (k + 1) % 4, first + 4 + k) for k in range(4)
        )

    def leg_corners(z: float, sx: int, sy: int) -> list[Any]:
        outer = eiffel_half(z)
        inner = outer - eiffel_leg(z)
        return [
            Vector((sx * p, sy * q, z))
            for p, q in ((outer, outer), (inner, outer), (inner, inner), (outer, inner))
        ]

    levels = [57 * k / 9 for k in range(10)] + [57 + 58 * k / 8 for k in range(1, 9)]
    for sx in (-1, 1):
        for sy in (-1, 1):
            for low, high in zip(levels, levels[1:], strict=False):
                a, b = leg_corners(low, sx, sy), leg_corners(high, sx, sy)
                for k in range(4):
                    j = (k + 1) % 4
                    beam(a[k], b[k], 1.7)
                    beam(b[k], b[j], 0.9)
                    beam(a[k], b[j], 0.75)
                    beam(a[j], b[k], 0.75)
                    middle_a, middle_b = (a[k] + a[j]) / 2, (b[k] + b[j]) / 2
                    beam(middle_a, middle_b, 0.45)
                    half_k, half_j = (a[k] + b[k]) / 2, (a[j] + b[j]) / 2
                    beam(half_k, half_j, 0.5)
                    for p, q in (
                        (half_k, middle_a),
                        (half_k, middle_b),
                        (half_j, middle_a),
                        (half_j, middle_b),
                    ):
                        beam(p, q, 0.4)
    z = 115.0
    while z < 276:
        step = max(4.2, eiffel_half(z) * 0.62)
        top = min(z + step, 276)
        a = [
            Vector((x * eiffel_half(z), y * eiffel_half(z), z))
            for x, y in ((1, 1), (-1, 1), (-1, -1), (1, -1))
        ]
        b = [
            Vector((x * eiffel_half(top), y * eiffel_half(top), top))
            for x, y in ((1, 1), (-1, 1), (-1, -1), (1, -1))
        ]
        for k in range(4):
            j = (k + 1) % 4
            beam(a[k], b[k], 1.5)
            for p, q in ((0.0, 0.5), (0.5, 0.0), (0.5, 1.0), (1.0, 0.5)):
                beam(a[k].lerp(a[j], p), b[k].lerp(b[j], q), 0.55)
            beam(a[k].lerp(a[j], 0.33), b[k].lerp(b[j], 0.33), 0.7)
            beam(a[k].lerp(a[j], 0.67), b[k].lerp(b[j], 0.67), 0.7)
            beam(b[k], b[j], 0.6)
        z = top
    for turn in range(4):
        c, s = round(math.cos(turn * math.pi / 2)), round(math.sin(turn * math.pi / 2))

        def spun(x: float, y: float, z: float, c: int = c, s: int = s) -> Any:
            return Vector((x * c - y * s, x * s + y * c, z))

        before = None
        for k in range(33):
            t = math.pi * k / 32
            z_low, z_high = 8 + 38.5 * math.sin(t), 10.5 + 41.5 * math.sin(t)
            y = -eiffel_half((z_low + z_high) / 2) + 1.5
            low, high = spun(36 * math.cos(t), y, z_low), spun(39 * math.cos(t), y, z_high)
            if before:
                for p, q, w in (
                    (before[0], low, 1.1),
                    (before[1], high, 1.1),
                    (before[0], high, 0.5),
                    (before[1], low, 0.5),
                ):
                    beam(p, q, w)
            before = (low, high)
    parts = [mesh_object("lattice", vertices, faces, iron, smooth=False)]
    for z, over, deep in ((57, 3.5, 5.0), (115, 2.5, 4.2), (276, 4.0, 3.4)):
        half = eiffel_half(z) + over
        for side in range(4):
            inner = half * (0.55 if z < 200 else 0.0)
            mid, thick = (half + inner) / 2, half - inner
            x, y = ((0, -mid), (mid, 0), (0, mid), (-mid, 0))[side]
            size = (2 * half, thick, deep) if side % 2 == 0 else (thick, 2 * half, deep)
            parts.append(box(size, iron, (x, y, z + deep * 0.2)))
        for side in range(4):
            x, y = ((0, -half), (half, 0), (0, half), (-half, 0))[side]
            size = (2 * half, 0.6, 1.2) if side % 2 == 0 else (0.6, 2 * half, 1.2)
            parts.append(box(size, iron, (x, y, z + deep + 1.4)))
    parts.append(
        lathe(
            [
                (0, 277),
                (5.5, 277),
                (5.5, 284),
                (3.4, 288),
                (3, 294),
                (1.4, 300),
                (0.7, 304),
                (0.5, 324),
                (0, 324),
            ],
            iron,
            24,
            1,
        )
    )
    base = stone("masonry", "#8a8070", "#b0a490", 0.4, 0.1)
    for sx in (-1, 1):
        for sy in (-1, 1):
            parts.append(box((27, 27, 4.5), base, (sx * 50, sy * 50, 2.0), 0.4))
    return join("eiffel tower", parts)


def stonehenge(rng: Random) -> Any:
    """Stonehenge: the sarsen circle with its standing lintels, trilithons and fallen stones."""
    rock = stone("sarsen", "#5f5c56", "#a8a498", 0.9, 0.12, "#8f9468")
    parts = []

    def slab(
        size: tuple[float, float, float], at: tuple[float, float, float], turn: tuple[float, float, float]
    ) -> None:
        seed = Vector([rng.uniform(-50, 50) for _ in range(3)])
        x, y, z = size

        def rough(d: Any) -> Any:
            # A superellipsoid: a block with rounded, worn edges.
            p = Vector([math.copysign(abs(v) ** 0.33, v) for v in d])
            taper = 1 - 0.1 * p.z
            lump = (
                1
                + 0.1 * noise.noise(Vector((p.x * 1.5, p.y * 1.5, p.z * 2.4)) + seed)
                + 0.04 * noise.noise(p * 5 + seed)
            )
            return Vector((p.x * x / 2 * taper * lump, p.y * y / 2 * taper * lump, p.z * z / 2))

        parts.append(place(sphere(1.0, rock, 30, 44, rough), at, turn))

    radius, count = 15.2, 30
    missing = {5, 8, 12, 13, 14, 17, 18, 19, 20, 24, 25}
    lintels = {0, 1, 2, 29, 28, 21, 3}
    for k in range(count):
        a = math.tau * k / count
        at = (radius * math.sin(a), -radius * math.cos(a))
        if k not in missing:
            slab((2.1, 1.1, 4.4), (*at, 2.0), (rng.uniform(-0.03, 0.03), rng.uniform(-0.03, 0.03), a))
        if k in lintels:
            b = math.tau * (k + 0.5) / count
            slab((3.35, 1.15, 0.85), (radius * math.sin(b), -radius * math.cos(b), 4.55), (0, 0, b))
        elif k in {12, 18, 24}:
            slab(
                (3.2, 1.4, 1.0),
                (at[0] * 1.08, at[1] * 1.08, 0.35),
                (rng.uniform(-0.2, 0.2), 0, rng.random() * 3),
            )
    for k, tall in enumerate((5.6, 6.3, 7.0, 6.3, 5.6)):
        a = math.pi + (k - 2) * 0.78
        for shift in (-0.18, 0.18):
            at = (7.2 * math.sin(a + shift), -7.2 * math.cos(a + shift))
            if k == 2 and shift > 0:
                slab((2.3, 1.2, 6.5), (at[0] * 0.6, at[1] * 0.6, 0.5), (1.4, 0.2, a))
                continue
            slab((2.2, 1.2, tall), (*at, tall / 2 - 0.2), (rng.uniform(-0.03, 0.03), 0, a))
        if k != 2:
            slab((4.6, 1.3, 1.05), (7.2 * math.sin(a), -7.2 * math.cos(a), tall + 0.25), (0, 0, a))
    for _ in range(16):
        a, r = rng.uniform(0, math.tau), rng.uniform(4, 12.5)
        tall = rng.uniform(0.8, 2.0)
        slab(
            (0.8, 0.6, tall),
            (r * math.sin(a), r * math.cos(a), tall / 2 - 0.2),
            (rng.uniform(-0.2, 0.2), 0, a),
        )
    return join("stonehenge", parts)


def lighthouse(rng: Random) -> Any:
    """A lighthouse on its rock: banded tower, gallery, lit lantern and dome."""
    g = Graph("tower paint")
    _, _, z = g.split()
    tones = rng.choice(
        (("#e4e0d8", "#a81c18"), ("#e4e0d8", "#1f2a3a"), ("#e8e4da", "#e8e4da"), ("#e4e0d8", "#a81c18"))
    )
    band = g.math("LESS_THAN", g.math("FRACT", g.math("DIVIDE", z, 9.0)), 0.5)
    streak = g.fit(g.noise(1, 6, 0.7, 0, g.moved(scale=(1.4, 1.4, 0.12))), 0.5, 0.75, 0, 0.35)
    tone = g.mix(streak, g.mix(band, tones[0], tones[1]), "#5f564a")
    paint = g.finish(Base_Color=tone, Roughness=0.6, Normal=g.bump(g.noise(3, 6, 0.7), 0.04))
    dark = plain("gallery iron", rng.choice(("#1f2224", "#8a1c18")), 0.5)
    pane = plain("lantern pane", "#9ab0b8", 0.05, 0.0)
    parts = [
        lathe(
            [
                (0, 0),
                (4.6, 0),
                (4.6, 0.8),
                (4.2, 1.0),
                (3.2, 14),
                (2.6, 26),
                (2.55, 27),
                (3.4, 27.8),
                (3.4, 28.2),
                (0, 28.2),
            ],
            paint,
            72,
            1,
        )
    ]
    for k in range(20):
        a = math.tau * k / 20
        parts.append(
            tube(
                [(3.3 * math.cos(a), 3.3 * math.sin(a), 28.2), (3.3 * math.cos(a), 3.3 * math.sin(a), 29.4)],
                0.045,
                dark,
                6,
            )
        )
    for z_ in (28.8, 29.4):
        loop = [(3.3 * math.cos(math.tau * k / 48), 3.3 * math.sin(math.tau * k / 48), z_) for k in range(48)]
        parts.append(tube(loop, 0.05, dark, 8, closed=True))
    parts.append(lathe([(1.7, 28.2), (1.7, 29.2)], paint, 40, 1))
    parts.append(lathe([(1.65, 29.2), (1.65, 31.4)], glass("lantern", "#dfeef0"), 10, 1))
    for k in range(10):
        a = math.tau * k / 10
        parts.append(
            tube(
                [
                    (1.66 * math.cos(a), 1.66 * math.sin(a), 29.2),
                    (1.66 * math.cos(a), 1.66 * math.sin(a), 31.4),
                ],
                0.07,
                dark,
                6,
            )
        )
    parts.append(place(sphere(0.75, glow("lamp", "#ffe0a0", 6), 16, 24), (0, 0, 30.3)))
    parts.append(
        lathe(
            [
                (1.95, 31.35),
                (1.95, 31.6),
                (1.5, 32.3),
                (0.7, 32.9),
                (0.25, 33.1),
                (0.25, 33.5),
                (0.1, 33.7),
                (0.05, 35),
                (0, 35),
            ],
            dark,
            40,
            1,
        )
    )
    for k, z_ in enumerate((5.5, 13.0, 20.5)):
        r = 4.2 - 1.6 * z_ / 26 + 0.02
        a = -math.pi / 2 + 0.25 * (k - 1)
        window = box((0.75, 0.2, 1.3), pane, (r * math.cos(a), r * math.sin(a), z_))
        window.rotation_euler = (0, 0, a + math.pi / 2)
        frame = box(
            (1.05, 0.16, 1.6), plain("window frame", "#d8d4c8", 0.6), (r * math.cos(a), r * math.sin(a), z_)
        )
        frame.rotation_euler = (0, 0, a + math.pi / 2)
        parts += [window, frame]
    door = box((1.2, 0.3, 2.3), plain("door", "#2a4a3a", 0.5), (0.8, -4.3, 1.3))
    door.rotation_euler = (0, 0, 0.18)
    parts.append(door)
    parts.append(cylinder(0.02, 0.02, dark, (0, 0, 35)))
    return join("lighthouse", parts)
