"""Musical instruments: acoustic guitar and violin."""

from __future__ import annotations

import math
from random import Random
from typing import Any

from materials import metal, plain, wood
from mesh import box, cylinder, extrude, join, lathe, mesh_object, place, spline, tube


def mirrored(half: list[tuple[float, float]], per_span: int = 6) -> list[tuple[float, float]]:
    """A closed outline, symmetric about the y axis, from its right half top to bottom."""
    right = [(p.x, p.y) for p in spline(half, per_span)]
    return right + [(-x, y) for x, y in reversed(right[1:-1])]


def guitar(rng: Random) -> Any:
    """An acoustic guitar lying on its back, neck along +y."""
    tops = (("#d8a860", "#b07c38"), ("#c8742c", "#8a4214"), ("#3a1c10", "#1a0c08"), ("#e0c088", "#c49a58"))
    top = wood("spruce", rng, *rng.choice(tops), 0.16, along=(0.08, 1, 1), grain=14)
    side = wood("rosewood", rng, "#6a3418", "#2f150a", 0.2)
    dark = wood("fretboard", rng, "#3a241a", "#1a0f0a", 0.4)
    silver = metal("frets", "#c8c4b8", 0.25)
    ivory = plain("binding", "#e4dcc4", 0.35)
    outline = mirrored(
        [
            (0.0, 0.245),
            (0.05, 0.243),
            (0.125, 0.21),
            (0.138, 0.15),
            (0.115, 0.075),
            (0.12, 0.02),
            (0.175, -0.06),
            (0.197, -0.14),
            (0.165, -0.22),
            (0.08, -0.252),
            (0.0, -0.256),
        ]
    )
    parts = [extrude(outline, 0.1, side, 0.003, 2)]
    parts.append(place(extrude(outline, 0.004, ivory, 0.001, 2), (0, 0, 0.0985)))
    inner = [(x * 0.982, y * 0.984) for x, y in outline]
    parts.append(place(extrude(inner, 0.004, top, 0.0006, 2), (0, 0, 0.0992)))
    hole = plain("sound hole", "#0c0806", 0.9)
    parts.append(cylinder(0.049, 0.0006, hole, (0, 0.065, 0.1032)))
    for r in (0.053, 0.058, 0.063):
        loop = [
            (r * math.cos(math.tau * k / 64), 0.065 + r * math.sin(math.tau * k / 64), 0.1033)
            for k in range(64)
        ]
        parts.append(tube(loop, 0.0013, ivory if r == 0.058 else dark, 8, closed=True))
    parts.append(box((0.165, 0.03, 0.011), dark, (0, -0.11, 0.1085), 0.003))
    parts.append(box((0.075, 0.003, 0.005), ivory, (0, -0.104, 0.115), 0.001))
    parts.append(box((0.052, 0.36, 0.03), side, (0, 0.42, 0.092), 0.01))
    parts.append(box((0.05, 0.475, 0.007), dark, (0, 0.365, 0.1095), 0.001))
    for k in range(1, 20):
        y = 0.6 - 0.65 * (1 - 2 ** (-k / 12))
        if y > 0.13:
            parts.append(box((0.05, 0.0022, 0.0022), silver, (0, y, 0.1138)))
    for k in (3, 5, 7, 9, 12):
        y = 0.6 - 0.65 * (1 - (2 ** (-k / 12) + 2 ** (-(k - 1) / 12)) / 2)
        parts.append(cylinder(0.0036, 0.0004, ivory, (0, y, 0.1129)))
    head = extrude(
        [
            (-0.026, 0.0),
            (-0.037, 0.03),
            (-0.036, 0.17),
            (-0.022, 0.178),
            (0, 0.172),
            (0.022, 0.178),
            (0.036, 0.17),
            (0.037, 0.03),
            (0.026, 0.0),
        ],
        0.016,
        side,
        0.003,
        2,
    )
    head.rotation_euler = (-0.16, 0, 0)
    head.location = (0, 0.6, 0.092)
    parts.append(head)
    for x in (-1.0, 1.0):
        for k in range(3):
            y = 0.645 + 0.045 * k
            z = 0.105 - 0.16 * (y - 0.6)
            parts.append(cylinder(0.0035, 0.016, silver, (x * 0.02, y, z)))
            parts.append(
                place(
                    lathe([(0, 0), (0.004, 0.0), (0.0095, 0.009), (0.007, 0.017), (0, 0.018)], ivory, 20, 3),
                    (x * 0.04, y, z - 0.004),
                    (0, x * math.pi / 2, 0),
                )
            )
    for k in range(6):
        x = -0.021 + 0.0084 * k
        y_end = 0.645 + 0.045 * (k if k < 3 else 5 - k)
        thick = 0.0007 - 0.00007 * k
        parts.append(
            tube(
                [
                    (x * 1.15, -0.108, 0.1175),
                    (x * 0.86, 0.6, 0.1155),
                    (math.copysign(0.02, x), y_end, 0.1165 - 0.16 * (y_end - 0.6)),
                ],
                thick,
                silver,
                6,
            )
        )
    return join("guitar", parts)


def violin(rng: Random) -> Any:
    """A violin lying on its back, scroll along +y."""
    varnish = rng.choice((("#b8581c", "#6a2408"), ("#8a3a12", "#3f1606"), ("#c8762c", "#8a4210")))
    belly = wood("violin top", rng, *varnish, 0.14, along=(0.08, 1, 1), grain=26)
    black = plain("ebony", "#121010", 0.3)
    silver = metal("strings", "#c8c8c4", 0.25)
    outline = mirrored(
        [
            (0.0, 0.178),
            (0.028, 0.176),
            (0.07, 0.16),
            (0.083, 0.13),
            (0.078, 0.098),
            (0.071, 0.086),
            (0.0585, 0.075),
            (0.0535, 0.045),
            (0.0565, 0.015),
            (0.07, -0.012),
            (0.0795, -0.02),
            (0.0965, -0.055),
            (0.104, -0.1),
            (0.09, -0.15),
            (0.05, -0.174),
            (0.0, -0.178),
        ],
        5,
    )
    ribs = [(x * 0.955, y * 0.975) for x, y in outline]
    parts = [place(extrude(ribs, 0.032, belly, 0), (0, 0, 0.004))]
    for z in (0.001, 0.035):
        parts.append(place(extrude(outline, 0.004, belly, 0.0018, 3), (0, 0, z)))
    # The arched belly: rings of the outline rising inward.
    vertices, faces, rings, count = [], [], 12, len(outline)
    for i in range(rings + 1):
        t = i / rings
        scale = 1 - t
        for x, y in outline:
            vertices.append(
                (
                    x * 0.985 * scale,
                    y * 0.985 * scale,
                    0.0388 + 0.0145 * math.sin(min(1.0, t * 1.3) * math.pi / 2) ** 1.4,
                )
            )
    for i in range(rings):
        for k in range(count):
            a, b = i * count + k, i * count + (k + 1) % count
            faces.append((a, b, b + count, a + count))
    parts.append(mesh_object("belly", vertices, faces, belly))
    for sign in (-1, 1):
        curl = spline(
            [
                (sign * 0.024, 0.036, 0.0542),
                (sign * 0.03, 0.03, 0.054),
                (sign * 0.026, 0.018, 0.0545),
                (sign * 0.031, -0.008, 0.053),
                (sign * 0.04, -0.034, 0.051),
                (sign * 0.047, -0.044, 0.0495),
                (sign * 0.041, -0.05, 0.05),
            ],
            6,
        )
        parts.append(tube(curl, lambda t: 0.0014 + 0.0016 * abs(2 * t - 1) ** 6, black, 8))
    parts.append(box((0.036, 0.27, 0.008), black, (0, 0.185, 0.064), 0.002))
    parts[-1].rotation_euler = (-0.04, 0, 0)
    parts.append(tube([(0, 0.17, 0.048), (0, 0.3, 0.054)], lambda t: 0.0155 - 0.003 * t, belly, 24))
    parts.append(box((0.028, 0.075, 0.022), belly, (0, 0.335, 0.052), 0.006))
    scroll = [
        (
            0.0,
            0.375 + (0.016 - 0.0033 * k / 6) * math.cos(k / 4.5 - 1.2) * (1 - k / 62),
            0.05 + (0.016) * math.sin(k / 4.5 - 1.2) * (1 - k / 62),
        )
        for k in range(48)
    ]
    parts.append(tube(scroll, lambda t: 0.0085 - 0.0035 * t, belly, 14))
    for k in range(4):
        y, sign = 0.312 + 0.016 * k, 1 if k % 2 else -1
        parts.append(
            tube(
                [(-sign * 0.016, y, 0.054), (sign * 0.034, y, 0.054)], lambda t: 0.0028 + 0.001 * t, black, 10
            )
        )
        parts.append(box((0.014, 0.006, 0.016), black, (sign * 0.038, y, 0.054), 0.0025))
    parts.append(
        box((0.042, 0.0045, 0.034), wood("bridge", rng, "#d8b078", "#a87a44"), (0, -0.008, 0.069), 0.0012)
    )
    tail = extrude(
        [(-0.021, 0.0), (-0.012, -0.105), (0.012, -0.105), (0.021, 0.0), (0, 0.006)], 0.007, black, 0.002, 2
    )
    parts.append(place(tail, (0, -0.065, 0.063), (0.06, 0, 0)))
    chin = lathe([(0, 0), (0.034, 0.003), (0.042, 0.011), (0.036, 0.0115), (0, 0.006)], black, 40, 4)
    parts.append(place(chin, (-0.062, -0.135, 0.046), (0, 0, 0.4), (1, 0.75, 1)))
    for k in range(4):
        x = -0.0165 + 0.011 * k
        path = [(x * 0.8, -0.07, 0.071), (x, -0.008, 0.0872 - 0.25 * abs(x) ** 1.2), (x * 0.5, 0.318, 0.066)]
        parts.append(tube(path, 0.00045, silver, 6))
    return join("violin", parts)
