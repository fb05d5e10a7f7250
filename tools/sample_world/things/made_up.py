"""Made-up objects that no entity stands for, to learn more shapes and surfaces from than things have."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Callable
from random import Random
from typing import Any

from mathutils import Vector, noise

from materials import Graph, cloth, glaze, marble, metal, plain, skin, wood
from mesh import Point2, box, cylinder, extrude, join, lathe, place, sphere, spline, tube

KNOBS = 6


def made_up(number: int, rng: Random) -> Any:
    """Object `number`: always of the same shape and surface, of about the same size."""
    own = Random(f"made up {number}")
    size = own.uniform(0.03, 0.11) * own.choice((1, 1, 1.6))
    surfaces = [surface(own, f"made up {number} {k}") for k in range(own.choice((1, 1, 2, 2, 3)))]
    shape = own.choice((turned, turned, lump, stack, plate, ring, vessel, cluster))
    parts = shape(own, size, surfaces)
    return place(join(f"made up {number}", parts), scale=rng.uniform(0.93, 1.07))


def colour(own: Random) -> str:
    """Any colour, the strong and the pale ones alike."""
    red, green, blue = colorsys.hsv_to_rgb(own.random(), own.uniform(0, 0.95) ** 0.7, own.uniform(0.12, 0.95))
    return f"#{int(red * 255):02x}{int(green * 255):02x}{int(blue * 255):02x}"


def surface(own: Random, name: str) -> Any:
    """A material of some kind and colour."""
    looks: tuple[Callable[[], Any], ...] = (
        lambda: plain(name, colour(own), own.uniform(0.2, 0.9)),
        lambda: patterned(own, name),
        lambda: patterned(own, name),
        lambda: skin(name, own, [(0.3, colour(own)), (0.7, colour(own))], own.uniform(5, 40)),
        lambda: wood(name, own, colour(own), colour(own)),
        lambda: marble(name, own, colour(own), colour(own)),
        lambda: cloth(name, colour(own), colour(own), width=own.uniform(0.004, 0.02)),
        lambda: metal(name, colour(own), own.uniform(0.1, 0.5)),
        lambda: glaze(name, colour(own), own.uniform(0.05, 0.3), colour(own) if own.random() < 0.5 else None),
    )
    return own.choice(looks)()


def patterned(own: Random, name: str) -> Any:
    """Stripes, rings, dots, cells or checks of two colours."""
    g = Graph(name)
    turned_by = g.moved(turn=[own.uniform(0, math.pi) for _ in range(3)])
    scale = own.uniform(14, 70)
    kind = own.choice(("stripes", "rings", "dots", "cells", "checks"))
    if kind == "stripes":
        share = g.fit(g.waves(scale * 0.6, own.choice((0, 0, 4)), 2, turned_by), 0.45, 0.55)
    elif kind == "rings":
        share = g.fit(g.waves(scale * 0.6, 0, 2, wave_type="RINGS", rings_direction="Z"), 0.45, 0.55)
    elif kind == "dots":
        share = g.fit(g.cells(scale, turned_by), 0.3, 0.36)
    elif kind == "cells":
        share = g.fit(g.cells(scale, turned_by, "DISTANCE_TO_EDGE"), 0.04, 0.08)
    else:
        share = g.node("ShaderNodeTexChecker", {"Vector": turned_by, "Scale": scale}).outputs["Fac"]
    tone = g.mix(share, colour(own), colour(own))
    return g.finish(Base_Color=tone, Roughness=own.uniform(0.15, 0.8), Clearcoat=own.choice((0, 0, 0.6)))


def turned(own: Random, size: float, surfaces: list[Any]) -> list[Any]:
    """A solid of revolution, perhaps with lobes and a twist, perhaps of several materials stacked."""
    height = size * own.uniform(0.5, 2.4)
    count = own.randint(3, 7)
    profile: list[Point2] = [(size * own.uniform(0.15, 0.8), height * k / count) for k in range(count + 1)]
    profile = [(0, 0), *profile, (0, height * own.uniform(1.0, 1.1))]
    lobes, depth = own.choice((0, 0, 3, 4, 5, 6, 8, 12)), own.uniform(0.05, 0.25)
    twist, sharp = own.uniform(-3, 3) * own.choice((0, 1)), own.random() < 0.4

    def lobed(angle: float, t: float, r: float, z: float) -> Point2:
        return r * (1 + (depth * math.cos(lobes * angle + twist * t) if lobes else 0)), z

    parts = [lathe(profile, surfaces[0], 72, 1 if sharp else 6, lobed)]
    for material in surfaces[1:]:
        parts.append(band(own, size, height, material))
    return parts


def band(own: Random, size: float, height: float, material: Any) -> Any:
    """A collar around the z axis."""
    middle, half, radius = (
        height * own.uniform(0.15, 0.9),
        height * own.uniform(0.03, 0.12),
        size * own.uniform(0.5, 0.9),
    )
    ring_profile: list[Point2] = [
        (radius * 0.7, middle - half),
        (radius, middle),
        (radius * 0.7, middle + half),
    ]
    return lathe([(0, middle - half), *ring_profile, (0, middle + half)], material, 48, 1)


def lump(own: Random, size: float, surfaces: list[Any]) -> list[Any]:
    """A ball pulled towards a box or an octahedron, stretched, with bumps."""
    seed = Vector([own.uniform(-9, 9) for _ in range(3)])
    power, bumps, scale = own.uniform(0.8, 6), own.uniform(0, 0.35), own.uniform(0.8, 4)
    stretch = [own.uniform(0.55, 1.2) for _ in range(3)]

    def shape(d: Any) -> Any:
        norm = sum(abs(v) ** power for v in d) ** (1 / power)
        swell = (1 + bumps * noise.noise(d * scale + seed)) / max(norm, 1e-6)
        return Vector([v * swell * s for v, s in zip(d, stretch, strict=True)])

    parts = [sphere(size * 0.8, surfaces[0], 40, 80, shape)]
    for material in surfaces[1:]:
        for _ in range(own.randint(1, KNOBS)):
            toward = Vector([own.gauss(0, 1) for _ in range(3)]).normalized()
            knob = sphere(size * own.uniform(0.12, 0.25), material, 16, 32)
            parts.append(place(knob, tuple(shape(toward) * size * 0.8)))
    return parts


def stack(own: Random, size: float, surfaces: list[Any]) -> list[Any]:
    """Boxes and drums on top of each other."""
    parts, floor = [], 0.0
    for k in range(own.randint(1, 4)):
        material, tall = surfaces[k % len(surfaces)], size * own.uniform(0.25, 1.0)
        aside = size * own.uniform(-0.2, 0.2)
        if own.random() < 0.5:
            wide, deep = (size * own.uniform(0.5, 1.6) for _ in range(2))
            turn = (0, 0, own.uniform(0, math.pi))
            parts.append(box((wide, deep, tall), material, (aside, 0, floor + tall / 2), size * 0.06, turn))
        else:
            parts.append(
                cylinder(size * own.uniform(0.25, 0.8), tall, material, (aside, 0, floor), size * 0.04)
            )
        floor += tall
    return parts


def plate(own: Random, size: float, surfaces: list[Any]) -> list[Any]:
    """A star, a gear or an uneven polygon cut from a board, perhaps with a boss on it."""
    corners, deep = own.randint(3, 9), own.uniform(0.4, 1.0)
    uneven = own.choice((0, 0, 0.25))
    outline = []
    for k in range(corners * 2):
        r = size * (1 if k % 2 else deep) * (1 + uneven * own.uniform(-1, 1))
        outline.append((r * math.cos(math.pi * k / corners), r * math.sin(math.pi * k / corners)))
    thick = size * own.uniform(0.15, 0.6)
    parts = [extrude(outline, thick, surfaces[0], thick * 0.15)]
    for k, material in enumerate(surfaces[1:]):
        radius = size * deep * own.uniform(0.3, 0.6) / (k + 1)
        parts.append(cylinder(radius, thick * 1.3 + k * thick * 0.3, material, bevel=thick * 0.05))
    return parts


def ring(own: Random, size: float, surfaces: list[Any]) -> list[Any]:
    """A closed loop, round or bent, of even or swelling thickness."""
    waves, lift, count = own.randint(2, 5), size * own.uniform(0, 0.35), 60
    bent, thick = own.uniform(0, 0.35), size * own.uniform(0.12, 0.4)
    swell, ribs = own.uniform(0, 0.5), own.choice((0, 0, 9, 14))
    path = []
    for k in range(count):
        angle = math.tau * k / count
        r = size * (1 + bent * math.cos(waves * angle))
        path.append((r * math.cos(angle), r * math.sin(angle), lift * math.sin(waves * angle)))

    def width(t: float) -> float:
        return thick * (
            1 + swell * math.sin(math.tau * t) + (0.2 * math.cos(math.tau * ribs * t) if ribs else 0)
        )

    parts = [tube(path, width, surfaces[0], 20, True)]
    for k, material in enumerate(surfaces[1:]):
        at = path[int(count * (k + 1) / (len(surfaces) + 1))]
        parts.append(place(sphere(thick * 1.5, material, 20, 40), at))
    return parts


def vessel(own: Random, size: float, surfaces: list[Any]) -> list[Any]:
    """A turned body with one to three handles or legs."""
    parts, reach = turned(own, size, surfaces[:1]), size * own.uniform(0.9, 1.5)
    handles, low, high = own.randint(1, 3), size * own.uniform(0.1, 0.5), size * own.uniform(0.6, 1.4)
    for k in range(handles):
        turn = math.tau * k / handles
        bow = [(0.2 * size, low), (reach, low * 0.8), (reach, high), (0.2 * size, high)]
        if own.random() < 0.3:
            bow = bow[:2]
        path = spline([(r * math.cos(turn), r * math.sin(turn), z) for r, z in bow], 8)
        parts.append(tube(path, size * own.uniform(0.05, 0.12), surfaces[-1], 12))
    return parts


def cluster(own: Random, size: float, surfaces: list[Any]) -> list[Any]:
    """A heap of balls, or a rod with balls along it."""
    along, parts = own.random() < 0.4, []
    count = own.randint(3, 12)
    for k in range(count):
        radius = size * own.uniform(0.2, 0.4)
        if along:
            at = (size * 2.4 * (k / count - 0.5), 0.0, size * 0.3)
        else:
            x, y, z = (size * own.gauss(0, 0.4) for _ in range(3))
            at = (x, y, z)
        parts.append(place(sphere(radius, surfaces[k % len(surfaces)], 20, 40), at))
    if along:
        parts.append(
            tube([(-size * 1.4, 0, size * 0.3), (size * 1.4, 0, size * 0.3)], size * 0.1, surfaces[-1], 12)
        )
    return parts
