"""Vegetables: tomato, carrot, bell pepper, pumpkin, cucumber, onion, potato and broccoli."""

from __future__ import annotations

import math
from random import Random
from typing import Any

from mathutils import Vector, noise

from materials import Graph, plain, skin
from mesh import join, lathe, place, sphere, spline, tube
from things.fruit import leaf


def tomato(rng: Random) -> Any:
    """A ripe tomato with its star of sepals."""
    stops = rng.choice([[(0.3, "#a8120a"), (0.7, "#cc2a12")], [(0.3, "#b81c0c"), (0.7, "#d8481c")]])
    red = skin("tomato", rng, stops, 7, 0.16, 40, 0.0001, 0.12, 0.6)
    lobes, phase = rng.uniform(0.01, 0.045), rng.uniform(0, 6)

    def lobed(angle: float, t: float, r: float, z: float) -> tuple[float, float]:
        return r * (1 + lobes * math.cos(5 * angle + phase) * (0.3 + 0.7 * t)), z

    ring = [(0, 0.003), (0.008, 0.001), (0.02, 0.002), (0.032, 0.012), (0.0365, 0.029), (0.032, 0.046)]
    ring += [(0.02, 0.0555), (0.01, 0.056), (0.004, 0.053), (0, 0.052)]
    parts = [lathe(ring, red, 80, 6, lobed)]
    for k in range(6):
        sepal = leaf(rng, rng.uniform(0.018, 0.026), 0.0055, "#3f6a22")
        parts.append(
            place(sepal, (0, 0, 0.0545), (rng.uniform(-0.3, 0.3), rng.uniform(-0.5, -0.1), math.tau * k / 6))
        )
    path = spline([(0, 0, 0.052), (0.001, 0, 0.06), (0.005, 0, 0.067)], 5)
    parts.append(tube(path, 0.0018, plain("stalk", "#4a7028", 0.7), 10))
    return place(join("tomato", parts), scale=rng.uniform(0.85, 1.12))


def carrot(rng: Random) -> Any:
    """A carrot with a stub of green, lying along x."""
    orange = skin("carrot", rng, [(0.3, "#d0590e"), (0.7, "#ec7f22")], 16, 0.42, 90, 0.0004, 0.1)
    bend = rng.uniform(-0.012, 0.012)
    length = rng.uniform(0.15, 0.19)
    path = [(length * k / 40, bend * math.sin(math.pi * k / 40), 0.0) for k in range(41)]
    seed = rng.uniform(-20, 20)

    def girth(t: float) -> float:
        ripple = 0.00035 * noise.noise(Vector((t * 60, seed, 0))) + 0.0006 * noise.noise(
            Vector((t * 12, seed, 3))
        )
        end = min(1.0, t / 0.04) ** 0.5 if t < 0.04 else 1.0
        return (0.0165 * (1 - t) ** 0.55 * (1 - 0.18 * t) * end + 0.0008) + ripple * (1 - t)

    parts = [tube(path, girth, orange, 40)]
    scar = plain("carrot line", "#9a4a14", 0.8)
    for _ in range(16):
        t, a = rng.uniform(0.08, 0.9), rng.uniform(0, math.tau)
        r = girth(t) * 0.995
        x = length * t
        y0 = bend * math.sin(math.pi * t)
        arc = [(x, y0 + r * math.cos(a + d), r * math.sin(a + d)) for d in (-0.35, -0.15, 0.1, 0.3)]
        parts.append(tube(arc, 0.0004, scar, 5))
    green = plain("carrot green", "#4f8a2c", 0.6)
    for _ in range(rng.randint(8, 14)):
        tip = Vector((-rng.uniform(0.03, 0.1), rng.gauss(0, 0.02), rng.gauss(0.012, 0.012)))
        stem = spline([(0.003, 0, 0), tip * 0.4 + Vector((0, 0, 0.006)), tip], 4)
        parts.append(tube(stem, lambda t: 0.0018 - 0.0009 * t, green, 8))
        for k in range(7):
            base = tip * (0.45 + 0.08 * k)
            frond = Vector((-0.012, rng.gauss(0, 0.012), rng.gauss(0, 0.008)))
            parts.append(tube([base, base + frond], lambda t: 0.0016 * (1.1 - t), green, 5))
    return place(join("carrot", parts), scale=rng.uniform(0.9, 1.1))


def bell_pepper(rng: Random) -> Any:
    """A glossy lobed pepper in red, yellow or green."""
    dark, light = rng.choice((("#a00c0a", "#c8180f"), ("#d89a06", "#f0b81a"), ("#2c5a12", "#4a7f1e")))
    peel = skin("bell pepper", rng, [(0.3, dark), (0.7, light)], 6, 0.13, 60, 0.0001, 0.08, 0.8)
    lobes, phase = rng.choice((3, 4, 4)), rng.uniform(0, 6)
    lean = rng.uniform(-0.004, 0.004)

    def lobed(angle: float, t: float, r: float, z: float) -> tuple[float, float]:
        wave = abs(math.cos(lobes * angle / 2 + phase)) ** 0.6
        foot = 0.010 * (1 - wave) * max(0.0, 1 - t * 4)
        shoulder = 0.006 * wave * max(0.0, t - 0.6) / 0.4 * (1 if r > 0.008 else 0)
        return r * (0.84 + 0.18 * wave) * (1 + lean * 10 * math.cos(angle)), z + foot + shoulder

    ring = [(0, 0.006), (0.01, 0.002), (0.021, 0.001), (0.03, 0.01), (0.034, 0.03), (0.0385, 0.058)]
    ring += [(0.038, 0.075), (0.03, 0.087), (0.018, 0.086), (0.009, 0.079), (0, 0.076)]
    body = lathe(ring, peel, 120, 7, lobed)
    green = plain("pepper stalk", "#4a7a26", 0.5, speckle=0.2)
    cap = lathe(
        [(0, 0.083), (0.012, 0.081), (0.014, 0.082), (0.008, 0.086), (0.004, 0.091), (0, 0.092)], green, 30, 4
    )
    path = spline([(0, 0, 0.084), (0.001, 0.001, 0.1), (0.007, 0.002, 0.114)], 6)
    stalk = tube(
        path,
        lambda t: 0.0045 - 0.001 * math.sin(math.pi * t),
        green,
        14,
        section=lambda a, t: 1 + 0.12 * math.cos(5 * a),
    )
    return place(join("bell pepper", [body, cap, stalk]), scale=rng.uniform(0.92, 1.1))


def pumpkin(rng: Random) -> Any:
    """A ribbed orange pumpkin with a twisted stalk."""
    orange = skin("pumpkin", rng, [(0.3, "#b8520a"), (0.7, "#de7f1c")], 9, 0.4, 60, 0.0012, 0.05)
    ribs, phase = rng.choice((9, 10, 11)), rng.uniform(0, 6)

    def ribbed(angle: float, t: float, r: float, z: float) -> tuple[float, float]:
        fold = abs(math.sin(ribs * angle / 2 + phase))
        depth = 0.13 * (1 - fold**0.45)
        return r * (1 - depth + 0.02 * math.cos(2 * angle + phase)), z * (1 - 0.35 * depth)

    flat = rng.uniform(0.72, 0.98)
    ring = [(0, 0.02), (0.03, 0.006), (0.07, 0.004), (0.115, 0.035), (0.132, 0.095), (0.118, 0.152)]
    ring += [(0.08, 0.186), (0.04, 0.188), (0.016, 0.176), (0, 0.172)]
    body = lathe([(r, z * flat) for r, z in ring], orange, 160, 7, ribbed)
    g = Graph("pumpkin stalk")
    tone = g.ramp(g.noise(40, 5, 0.6, 0.5), [(0.3, "#5a5a28"), (0.7, "#8f8a50")])
    woody = g.finish(Base_Color=tone, Roughness=0.8, Normal=g.bump(g.noise(200, 4), 0.001))
    top = 0.17 * flat
    path = spline(
        [(0, 0, top), (0.002, 0, top + 0.025), (0.014, 0.006, top + 0.05), (0.03, 0.01, top + 0.062)], 7
    )
    stalk = tube(
        path,
        lambda t: 0.019 * (1 - t) ** 2 + 0.0105,
        woody,
        40,
        section=lambda a, t: 1 + 0.16 * math.cos(5 * a + 2.5 * t),
    )
    return place(join("pumpkin", [body, stalk]), scale=rng.uniform(0.7, 1.15))


def cucumber(rng: Random) -> Any:
    """A cucumber lying along x."""
    g = Graph("cucumber")
    x, _, _ = g.split()
    across = g.noise(1, 4, 0.6, 0, g.moved([rng.uniform(-9, 9), 0, 0], (7, 90, 90)))
    tone = g.ramp(across, [(0.3, "#163a12"), (0.55, "#2c5a1a"), (0.75, "#6a8f3c")])
    bumps = g.fit(g.cells(85), 0.0, 0.28, 1, 0)
    peel = g.finish(Base_Color=tone, Roughness=0.3, Clearcoat=0.2, Normal=g.bump(bumps, 0.0009))
    bend = rng.uniform(0.006, 0.016)
    length = rng.uniform(0.19, 0.24)
    path = [(length * (k / 48 - 0.5), bend * math.sin(math.pi * k / 48), 0) for k in range(49)]
    body = tube(path, lambda t: 0.021 * max(0.02, 1 - abs(2 * t - 1) ** 7) ** 0.5 + 0.0004, peel, 48)
    nub = sphere(0.005, plain("stalk", "#7f8a4a", 0.8), 8, 12)
    return join("cucumber", [body, place(nub, (-length * 0.5, 0, 0))])


def onion(rng: Random) -> Any:
    """A yellow or red onion with papery skin, root hairs and a dry neck."""
    tones = rng.choice([("#7a3f10", "#b8712a", "#d8a050"), ("#4a0f22", "#7a2440", "#a8566a")])
    g = Graph("onion")
    x, y, z = g.split()
    angle = g.math("ARCTAN2", y, x)
    lines = g.noise(
        1,
        4,
        0.6,
        0.15,
        g.node(
            "ShaderNodeCombineXYZ", {0: g.math("MULTIPLY", angle, 9.0), 1: g.math("MULTIPLY", z, 9.0)}
        ).outputs[0],
    )
    tone = g.ramp(lines, [(0.3, tones[0]), (0.5, tones[1]), (0.72, tones[2])])
    paper = g.finish(
        Base_Color=tone, Roughness=0.3, Specular=0.6, Clearcoat=0.3, Normal=g.bump(lines, 0.0009)
    )
    ring = [
        (0, 0),
        (0.006, 0.001),
        (0.02, 0.008),
        (0.034, 0.024),
        (0.037, 0.036),
        (0.03, 0.052),
        (0.015, 0.065),
    ]
    ring += [(0.007, 0.075), (0.0045, 0.09), (0.0055, 0.098), (0, 0.097)]
    parts = [lathe(ring, paper, 72, 7)]
    root = plain("root", "#c0a878", 0.9)
    for _ in range(26):
        a, r = rng.uniform(0, math.tau), rng.uniform(0.001, 0.006)
        out = Vector((math.cos(a), math.sin(a), 0))
        parts.append(
            tube(
                [
                    out * r + Vector((0, 0, 0.002)),
                    out * (r + rng.uniform(0.004, 0.012)) + Vector((0, 0, rng.uniform(0, 0.003))),
                ],
                0.0004,
                root,
                4,
            )
        )
    return place(join("onion", parts), scale=rng.uniform(0.9, 1.15))


def potato(rng: Random) -> Any:
    """A potato with eyes, lying as it falls."""
    stops = rng.choice([[(0.3, "#8a6538"), (0.7, "#b8935c")], [(0.3, "#a07a44"), (0.7, "#c8a86c")]])
    peel = skin("potato", rng, stops, 22, 0.6, 190, 0.0005, 0.04)
    seed = Vector([rng.uniform(-9, 9) for _ in range(3)])
    eyes = [Vector((rng.gauss(0, 1), rng.gauss(0, 1), rng.gauss(0, 1))).normalized() for _ in range(9)]

    def lumpy(d: Any) -> Any:
        swell = 1 + 0.16 * noise.noise(d * 1.1 + seed) + 0.03 * noise.noise(d * 4 + seed)
        for eye in eyes:
            gap = (d - eye).length
            swell -= 0.045 * math.exp(-((gap / 0.09) ** 2))
        return Vector((d.x * 1.35, d.y * 0.98, d.z * 0.82)) * swell

    return place(join("potato", [sphere(0.034, peel, 64, 96, lumpy)]), scale=rng.uniform(0.9, 1.25))


def broccoli(rng: Random) -> Any:
    """A head of broccoli with its stalk, leaning on its side."""
    g = Graph("florets")
    tone = g.ramp(g.noise(60, 5, 0.7), [(0.3, "#1f4a1c"), (0.7, "#4f8238")])
    bumps = g.cells(420)
    buds = g.finish(Base_Color=tone, Roughness=0.7, Normal=g.bump(g.fit(bumps, 0, 0.7, 1, 0), 0.0035))
    pale = skin("broccoli stalk", rng, [(0.3, "#7fa04a"), (0.7, "#a8c070")], 12, 0.5, 60, 0.0006, 0.1)
    parts = [
        tube(
            [(0, 0, 0), (0, 0, 0.03), (0.002, 0, 0.07)],
            lambda t: 0.018 - 0.003 * math.sin(math.pi * t),
            pale,
            28,
        )
    ]
    golden = math.pi * (3 - math.sqrt(5))
    for k in range(34):
        u = (k + 0.5) / 34
        a = golden * k
        reach = 0.056 * math.sqrt(u)
        height = 0.115 - 0.045 * u
        seed = Vector([rng.uniform(-9, 9) for _ in range(3)])
        size = rng.uniform(0.0135, 0.018)

        def curd(d: Any, seed: Any = seed) -> Any:
            return d * (1 + 0.22 * noise.noise(d * 2.4 + seed) + 0.09 * noise.noise(d * 7 + seed))

        at = (reach * math.cos(a), reach * math.sin(a), height)
        parts.append(place(sphere(size, buds, 28, 40, curd), at))
        if k % 2 == 0:
            path = spline([(0, 0, 0.045), (at[0] * 0.5, at[1] * 0.5, 0.065 + 0.01 * u), at], 4)
            parts.append(tube(path, lambda t: 0.0075 - 0.0015 * t, pale, 12))
    head = join("broccoli", parts)
    place(head, (0, 0, 0), (0, rng.uniform(1.2, 1.75), 0), rng.uniform(0.95, 1.15))
    return join("broccoli", [head])
