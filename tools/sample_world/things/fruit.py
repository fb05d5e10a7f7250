"""Fruit: apple, orange, tangerine, lemon, banana, strawberry, pineapple, avocado and coconut."""

from __future__ import annotations

import math
from random import Random
from typing import Any

from mathutils import Vector, noise

from materials import Graph, plain, skin
from mesh import join, lathe, mesh_object, place, sphere, spline, tube


def apple(rng: Random) -> Any:
    """An apple with its stalk; red, gala or green."""
    kinds = [("#8d0c10", "#c9302a", "#d9a441"), ("#b3201c", "#d8682f", "#e6c35a")]
    kinds += [("#6f9a1c", "#8fb52b", "#b6cc55")]
    deep, middle, light = rng.choices(kinds, (5, 3, 3))[0]
    g = Graph("apple skin")
    x, y, z = g.split()
    flat = g.node("ShaderNodeCombineXYZ", {0: x, 1: y}).outputs[0]
    around = g.node("ShaderNodeVectorMath", {0: flat}, operation="NORMALIZE").outputs[0]
    seed = [rng.uniform(-9, 9) for _ in range(3)]
    streaks = g.noise(9, 6, 0.7, 0.3, g.moved(seed, vector=around))
    patches = g.noise(26, 4, 0.6, 0.5, g.moved(seed))
    mixture = g.math("ADD", g.math("MULTIPLY", streaks, 0.5), g.math("MULTIPLY", patches, 0.5))
    colour = g.ramp(mixture, [(0.4, deep), (0.53, middle), (0.68, light)])
    hollow = g.fit(
        g.node("ShaderNodeVectorMath", {0: flat}, operation="LENGTH").outputs[1], 0.004, 0.017, 1, 0
    )
    top = g.math("MULTIPLY", hollow, g.math("GREATER_THAN", z, 0.035))
    colour = g.mix(g.math("MULTIPLY", top, 0.75), colour, "#a39a45")
    dots = g.fit(g.cells(190, g.moved(seed)), 0.05, 0.13, 1, 0)
    colour = g.mix(g.math("MULTIPLY", dots, 0.45), colour, "#e8d9a0")
    peel = g.finish(
        Base_Color=colour,
        Roughness=g.fit(patches, 0.3, 0.7, 0.2, 0.36),
        Subsurface=0.06,
        Subsurface_Radius=(0.01, 0.004, 0.002),
        Subsurface_Color=colour,
        Clearcoat=0.25,
        Normal=g.bump(g.noise(60, 3), 0.0006),
    )
    phase, lobes = rng.uniform(0, 6), rng.uniform(0.015, 0.04)

    def lobed(angle: float, t: float, r: float, z: float) -> tuple[float, float]:
        return r * (1 + lobes * (1 - t) * math.cos(5 * angle + phase) + 0.015 * math.cos(angle)), z

    profile = [(0, 0.009), (0.007, 0.005), (0.015, 0.0), (0.025, 0.004), (0.0345, 0.02), (0.0385, 0.041)]
    profile += [(0.035, 0.06), (0.026, 0.071), (0.016, 0.073), (0.008, 0.068), (0.003, 0.06), (0, 0.058)]
    body = lathe(profile, peel, 72, 6, lobed)
    lean = rng.uniform(-0.008, 0.008)
    path = spline([(0, 0, 0.056), (lean * 0.3, 0, 0.07), (lean, 0.002, 0.086)], 6)
    stalk = tube(path, lambda t: 0.0011 + 0.0009 * t**3, plain("stalk", "#4a321c", 0.8), 10)
    return place(join("apple", [body, stalk]), scale=rng.uniform(0.93, 1.1))


def citrus(rng: Random, name: str, radius: float, flat: float, tones: tuple[str, str], rind: float) -> Any:
    """A round citrus fruit: pored peel and the star where the stalk was."""
    stops = [(0.3, tones[0]), (0.7, tones[1])]
    peel = skin(f"{name} peel", rng, stops, 14, 0.36, 620, rind, 0.1, 0.15)
    seed = Vector([rng.uniform(-9, 9) for _ in range(3)])

    def shape(d: Any) -> Any:
        swell = 1 + 0.018 * noise.noise(d * 1.6 + seed)
        dimple = (
            0.07 * math.exp(-((d.x**2 + d.y**2) / 0.02))
            if d.z > 0
            else 0.03 * math.exp(-((d.x**2 + d.y**2) / 0.01))
        )
        return Vector((d.x * swell, d.y * swell, d.z * flat * (swell - dimple)))

    body = sphere(radius, peel, 48, 96, shape)
    top = radius * flat * 0.925
    green = plain("calyx", "#6a7a2c", 0.8)
    star = []
    for k in range(20):
        r = radius * (0.09 if k % 2 else 0.055)
        star.append((r * math.cos(math.tau * k / 20), r * math.sin(math.tau * k / 20), top + radius * 0.03))
    rim = [(p[0] * 1.2, p[1] * 1.2, top + radius * 0.004) for p in star]
    faces = [tuple(range(20))] + [(k, (k + 1) % 20, 20 + (k + 1) % 20, 20 + k) for k in range(20)]
    return place(
        join(name, [body, mesh_object("star", star + rim, faces, green)]), scale=rng.uniform(0.94, 1.07)
    )


def orange(rng: Random) -> Any:
    """A sweet orange, about 8 cm across, nearly round."""
    tones = rng.choice([("#e06a08", "#f08a14"), ("#d95f06", "#ee7c0c"), ("#e37a10", "#f49a22")])
    return citrus(rng, "orange", 0.041, rng.uniform(0.96, 1.02), tones, 0.0007)


def tangerine(rng: Random) -> Any:
    """A tangerine: smaller, flatter, redder than an orange, with leaves on its stalk."""
    tones = rng.choice([("#d4490a", "#e8640f"), ("#cf4208", "#e35a0c")])
    fruit = citrus(rng, "tangerine", 0.029, rng.uniform(0.74, 0.8), tones, 0.0004)
    top = 0.029 * 0.74
    parts = [fruit]
    parts.append(
        tube([(0, 0, top - 0.001), (0.001, 0, top + 0.005)], 0.0012, plain("stalk", "#5b5a28", 0.8), 8)
    )
    turn = rng.uniform(0, math.tau)
    for k in range(rng.choice((1, 2, 2))):
        blade = leaf(rng, 0.042, 0.017, "#2c5a1c")
        parts.append(place(blade, (0, 0, top + 0.004), (rng.uniform(-0.3, 0.3), -0.25, turn + 2.3 * k)))
    return join("tangerine", parts)


def leaf(rng: Random, length: float, width: float, colour: str) -> Any:
    """A glossy folded leaf along +x."""
    g = Graph("leaf")
    x, y, _ = g.split()
    rib = g.fit(g.math("ABSOLUTE", y), 0.0, 0.0008, 1, 0)
    veins = g.waves(160, 2, 1, g.moved(turn=(0, 0, 0.9)))
    tone = g.mix(g.math("MULTIPLY", rib, 0.6), g.mix(g.noise(60), colour, "#477a2a"), "#8fa850")
    green = g.finish(Base_Color=tone, Roughness=0.35, Normal=g.bump(veins, 0.0003, 0.5))
    vertices, faces, curl = [], [], rng.uniform(0.1, 0.3)
    for i in range(13):
        t = i / 12
        half = width * math.sin(math.pi * t**0.8) ** 0.9 / 2 + 0.0002
        for j in range(-3, 4):
            across = j / 3
            lift = abs(across) * half * 0.45 - length * curl * t * t
            vertices.append((length * t, half * across, lift))
    for i in range(12):
        for j in range(6):
            a = i * 7 + j
            faces.append((a, a + 1, a + 8, a + 7))
    return mesh_object("leaf", vertices, faces, green)


def lemon(rng: Random) -> Any:
    """A lemon lying along x."""
    stops = rng.choice([[(0.3, "#e3b90c"), (0.7, "#f3d52e")], [(0.3, "#d9b413"), (0.7, "#efcd22")]])
    peel = skin("lemon peel", rng, stops, 14, 0.34, 520, 0.0007, 0.12, 0.2)
    ring = [(0, 0.0), (0.004, 0.0), (0.0065, 0.003), (0.0095, 0.0085), (0.018, 0.0165), (0.026, 0.03)]
    ring += [(0.0285, 0.046), (0.026, 0.062), (0.018, 0.0755), (0.0095, 0.0835), (0.006, 0.088)]
    ring += [(0.0035, 0.092), (0, 0.0925)]
    seed = Vector([rng.uniform(-9, 9) for _ in range(3)])

    def uneven(angle: float, t: float, r: float, z: float) -> tuple[float, float]:
        d = Vector((math.cos(angle), math.sin(angle), t * 2))
        return r * (1 + 0.05 * noise.noise(d * 1.2 + seed)), z

    body = lathe(ring, peel, 64, 5, uneven)
    tip = lathe(
        [(0, -0.001), (0.0028, -0.001), (0.0033, 0.001), (0, 0.002)], plain("tip", "#8a7a2a", 0.9), 16
    )
    fruit = join("lemon", [body, tip])
    place(fruit, (-0.046, 0, 0.0285), (0, math.pi / 2, 0), rng.uniform(0.9, 1.05))
    return join("lemon", [fruit])


def banana(rng: Random) -> Any:
    """One to four bananas joined at the crown, lying on their sides."""
    g = Graph("banana peel")
    place_ = g.moved([rng.uniform(-9, 9) for _ in range(3)])
    ripe = rng.random()
    spots = g.fit(g.noise(55, 6, 0.65, 0.2, place_), 0.66 - 0.08 * ripe, 0.72 - 0.06 * ripe)
    tone = g.ramp(g.noise(10, 3, 0.5, 0, place_), [(0.3, "#d9a818"), (0.6, "#efc62e"), (0.8, "#d5c040")])
    tone = g.mix(g.math("MULTIPLY", spots, 0.8), tone, "#5a3a14")
    peel = g.finish(
        Base_Color=tone,
        Roughness=0.42,
        Subsurface=0.08,
        Subsurface_Radius=(0.01, 0.006, 0.002),
        Subsurface_Color=tone,
        Normal=g.bump(g.noise(90, 3, 0.5, 0, place_), 0.0003),
    )
    dark = plain("banana end", "#33240f", 0.85)
    green = plain("banana crown", "#8f8a32", 0.7)
    parts, count = [], rng.choice((1, 2, 3, 4))
    for k in range(count):
        bend, length = rng.uniform(1.15, 1.4), rng.uniform(0.175, 0.2)
        radius = length / bend
        start = -0.35
        path = []
        for i in range(33):
            a = start + bend * i / 32
            path.append((radius * math.sin(a), radius * (1 - math.cos(a)), 0.0))
        girth = rng.uniform(0.0165, 0.0185)

        def swell(t: float, girth: float = girth) -> float:
            body = math.sin(math.pi * min(max((t - 0.1) / 0.9, 0), 1)) ** 0.42
            neck = 0.0065 - 0.002 * math.sin(math.pi * min(t / 0.15, 1))
            return max(neck if t < 0.6 else 0.0045, girth * body)

        def five(angle: float, t: float) -> float:
            return 1 + 0.055 * math.cos(5 * angle)

        finger = tube(path, swell, peel, 30, section=five)
        end = sphere(0.0048, dark, 8, 12)
        place(end, path[-1])
        fan = (k - (count - 1) / 2) * 0.3
        pivot = Vector(path[0])
        for part in (finger, end):
            part.location = Vector(part.location) - pivot
        one = join("finger", [finger, end])
        place(one, (0, 0.012 * (k - (count - 1) / 2), 0.0185 + 0.004 * (k % 2)), (0.12 * k, 0, fan))
        parts.append(one)
    crown = sphere(0.009, green, 10, 16)
    parts.append(place(crown, (-0.006, 0, 0.019), scale=(1.1, 0.8 + 0.5 * (count - 1), 0.8)))
    return join("banana", parts)


def strawberry(rng: Random) -> Any:
    """A strawberry with seeds set in pits and its green cap, lying on its side."""
    red = skin("strawberry", rng, [(0.3, "#9d0d0f"), (0.7, "#cc1d17")], 40, 0.24, 380, 0.0003, 0.15, 0.4)
    ring = [
        (0, 0),
        (0.004, 0.0008),
        (0.010, 0.008),
        (0.0155, 0.019),
        (0.0165, 0.027),
        (0.0125, 0.0335),
        (0, 0.034),
    ]
    seed = Vector([rng.uniform(-9, 9) for _ in range(3)])

    def uneven(angle: float, t: float, r: float, z: float) -> tuple[float, float]:
        d = Vector((math.cos(angle), math.sin(angle), t * 2))
        return r * (1 + 0.1 * noise.noise(d * 1.1 + seed)), z

    body = lathe(ring, red, 64, 8, uneven)
    parts = [body]
    yellow = plain("seed", "#d8b04a", 0.4)
    mesh = body.data
    count, golden = 150, math.pi * (3 - math.sqrt(5))
    points = [Vector(v.co) for v in mesh.vertices]
    normals = [Vector(v.normal) for v in mesh.vertices]
    for k in range(count):
        z = 0.002 + 0.030 * (k + 0.5) / count
        a = golden * k
        best = min(
            range(len(points)),
            key=lambda i: (
                (points[i].z - z) ** 2
                + (math.atan2(points[i].y, points[i].x) - math.remainder(a, math.tau)) ** 2 * 1e-4
            ),
        )
        grain = sphere(0.00062, yellow, 6, 8)
        grain.rotation_euler = normals[best].to_track_quat("X", "Z").to_euler()
        grain.scale = (0.5, 0.8, 1.35)
        grain.location = points[best]
        parts.append(grain)
    for k in range(9):
        sepal = leaf(rng, rng.uniform(0.013, 0.018), 0.006, "#3f7a22")
        parts.append(
            place(
                sepal, (0, 0, 0.0345), (0, rng.uniform(-0.2, 0.3), math.tau * k / 9 + rng.uniform(-0.2, 0.2))
            )
        )
    stem = tube(
        spline([(0, 0, 0.033), (0.002, 0, 0.044), (0.006, 0.001, 0.052)], 5),
        0.0011,
        plain("stem", "#5c8a35", 0.6),
        8,
    )
    parts.append(stem)
    fruit = join("strawberry", parts)
    place(fruit, (0, 0, 0.0165), (0, rng.uniform(1.45, 1.75), 0))
    return join("strawberry", [fruit])


def pineapple(rng: Random) -> Any:
    """A pineapple standing upright: spiral eyes and a crown of leaves."""
    g = Graph("pineapple rind")
    tone = g.ramp(g.noise(38, 5, 0.65, 0.4), [(0.3, "#7a4d12"), (0.5, "#b9791c"), (0.7, "#8f8a2e")])
    rind = g.finish(Base_Color=tone, Roughness=0.55, Normal=g.bump(g.noise(220, 4), 0.0012))
    thorn = plain("pineapple thorn", "#6b4a22", 0.8)
    core = lathe(
        [(0, 0.0), (0.035, 0.002), (0.05, 0.03), (0.054, 0.08), (0.049, 0.13), (0.033, 0.16), (0, 0.165)],
        rind,
    )
    parts = [core]
    rows, per_row = 14, 13
    for i in range(rows):
        t = (i + 0.6) / rows
        z = 0.008 + 0.15 * t
        r = 0.054 * math.sin(math.pi * (0.13 + 0.74 * t)) ** 0.55 - 0.002
        for j in range(per_row):
            a = math.tau * (j + 0.5 * (i % 2)) / per_row + i * 0.08
            eye = sphere(0.0118, rind, 8, 6, lambda d: Vector((d.x * 0.42, d.y, d.z * 0.8)))
            tilt = (0.5 - t) * 1.2
            place(eye, (r * math.cos(a), r * math.sin(a), z), (0, tilt, a))
            spike = tube([(0, 0, 0), (0.006, 0, 0.004)], lambda t: 0.0016 * (1.02 - t), thorn, 6)
            place(spike, ((r + 0.004) * math.cos(a), (r + 0.004) * math.sin(a), z), (0, tilt, a))
            parts += [eye, spike]
    for k in range(46):
        t = k / 45
        blade = leaf(rng, 0.15 - 0.05 * abs(t - 0.55) * 2, 0.021 - 0.008 * t, "#4c6b3a")
        parts.append(
            place(blade, (0, 0, 0.158 + 0.012 * t), (0, -(0.55 + 0.95 * t + rng.uniform(-0.1, 0.1)), 2.4 * k))
        )
    return place(join("pineapple", parts), scale=rng.uniform(0.95, 1.15))


def avocado(rng: Random) -> Any:
    """Half an avocado with its stone, cut side up, or the whole fruit lying."""
    rough = skin("avocado skin", rng, [(0.3, "#141c0c"), (0.7, "#34451c")], 30, 0.4, 260, 0.0012, 0.02)
    ring = [
        (0, 0),
        (0.02, 0.004),
        (0.033, 0.022),
        (0.035, 0.042),
        (0.028, 0.068),
        (0.018, 0.09),
        (0.011, 0.101),
        (0, 0.105),
    ]
    half = rng.random() < 0.7
    body = lathe(ring, rough, 64, 6)
    if not half:
        knob = place(sphere(0.004, plain("stalk", "#4a3318", 0.8), 8, 10), (0, 0, 0.105))
        fruit = join("avocado", [body, knob])
        place(fruit, (-0.05, 0, 0.034), (0, math.pi / 2, 0))
        return join("avocado", [fruit])
    for vertex in body.data.vertices:
        vertex.co.y = min(vertex.co.y, 0.0)
    g = Graph("avocado flesh")
    x, _, z = g.split()
    # After lying down, the outline's own scaled copies give the rings of flesh colour.
    flesh = g.ramp(g.noise(90, 3), [(0.3, "#cfd06a"), (0.7, "#dcdc88")])
    inner = g.finish(
        Base_Color=flesh,
        Roughness=0.4,
        Subsurface=0.15,
        Subsurface_Radius=(0.01, 0.01, 0.004),
        Subsurface_Color=flesh,
    )
    edge = plain("avocado edge", "#7f9a30", 0.45)
    outline = [(p.x, p.y) for p in spline(ring, 6)]
    parts = [body]
    for scale, lift, material in ((0.965, 0.0004, edge), (0.87, 0.0008, inner)):
        loop = [(r * scale, 0.0475 + (h - 0.0475) * scale) for r, h in outline]
        loop += [(-r, h) for r, h in reversed(loop[1:-1])]
        face = mesh_object(
            "flesh", [(r, lift, h) for r, h in loop], [tuple(range(len(loop)))], material, False
        )
        parts.append(face)
    stone = place(sphere(0.0165, plain("stone", "#6b3b1a", 0.3, speckle=0.4), 24, 36), (0, 0.003, 0.036))
    parts.append(stone)
    fruit = join("avocado", parts)
    place(fruit, (-0.05, 0, 0.034), (0, math.pi / 2, 0))
    fruit = join("avocado", [fruit])
    place(fruit, (0, 0, 0), (math.pi / 2, 0, 0))
    return join("avocado", [fruit])


def coconut(rng: Random) -> Any:
    """A hairy brown coconut with its three germination pores."""
    g = Graph("coconut")
    along = g.moved(scale=(160, 160, 9))
    fibres = g.noise(1, 6, 0.7, 1.5, along)
    tone = g.ramp(fibres, [(0.3, "#2c190c"), (0.55, "#6a4526"), (0.75, "#9a7448")])
    shell = g.finish(Base_Color=tone, Roughness=0.9, Normal=g.bump(fibres, 0.0025))
    body = sphere(0.056, shell, 40, 72, lambda d: Vector((d.x, d.y, d.z * 1.08 + 0.1 * max(d.z - 0.6, 0))))
    dark = plain("pore", "#1a0f08", 0.8)
    parts = [body]
    for k in range(3):
        a = math.tau * k / 3
        parts.append(
            place(
                sphere(0.0065, dark, 10, 14),
                (0.016 * math.cos(a), 0.016 * math.sin(a), 0.0595),
                scale=(1, 1, 0.4),
            )
        )
    hair = plain("fibre", "#8a6438", 0.9)
    for _ in range(160):
        d = Vector((rng.gauss(0, 1), rng.gauss(0, 1), rng.gauss(0, 1))).normalized()
        start = Vector((d.x, d.y, d.z * 1.08)) * 0.056
        drift = Vector((rng.gauss(0, 1), rng.gauss(0, 1), rng.gauss(0, 1) + 0.5)) * 0.005
        parts.append(
            tube([start, start + d * 0.0012 + drift * 0.5, start + d * 0.003 + drift], 0.00028, hair, 4)
        )
    return join("coconut", parts)
