"""Baked things: doughnut, bagel, pretzel, cupcake, hamburger, gingerbread man and pizza."""

from __future__ import annotations

import math
from random import Random
from typing import Any

from mathutils import Vector, noise

from materials import Graph, plain, skin
from mesh import extrude, join, lathe, mesh_object, place, sphere, spline, tube
from things.fruit import leaf


def ring(major: float, minor: float, material: Any, shape: Any, around: int = 96, section: int = 40) -> Any:
    """A torus whose (angle, turn) point `shape` may move: shape(angle, turn, r, z) -> (r, z)."""
    vertices, faces = [], []
    for i in range(around):
        a = math.tau * i / around
        for j in range(section):
            b = math.tau * j / section
            r, z = shape(a, b, major + minor * math.cos(b), minor * math.sin(b))
            vertices.append((r * math.cos(a), r * math.sin(a), z))
    for i in range(around):
        for j in range(section):
            c, d = i * section + j, i * section + (j + 1) % section
            e, f = (d + section) % len(vertices), (c + section) % len(vertices)
            faces.append((c, f, e, d))
    return mesh_object("ring", vertices, faces, material)


def doughnut(rng: Random) -> Any:
    """A ring doughnut with dripping icing and sprinkles."""
    seed = Vector([rng.uniform(-9, 9) for _ in range(3)])

    def puffy(a: float, b: float, r: float, z: float) -> tuple[float, float]:
        d = Vector((math.cos(a) * 1.5, math.sin(a) * 1.5, z * 20))
        swell = 1 + 0.05 * noise.noise(d + seed)
        return 0.026 + (r - 0.026) * swell, z * 0.82 * swell

    g = Graph("dough")
    _, _, z = g.split()
    crumb = g.noise(300, 5, 0.7)
    band = g.fit(g.math("ABSOLUTE", z), 0.0, 0.008)
    tone = g.ramp(
        g.math("ADD", g.math("MULTIPLY", band, 0.75), g.math("MULTIPLY", g.noise(60, 4), 0.3)),
        [(0.1, "#d8ae6a"), (0.5, "#b87a34"), (1, "#8f5218")],
    )
    dough = g.finish(
        Base_Color=tone,
        Roughness=0.65,
        Subsurface=0.08,
        Subsurface_Radius=(0.008, 0.004, 0.002),
        Subsurface_Color=tone,
        Normal=g.bump(crumb, 0.0012),
    )
    body = ring(0.026, 0.0165, dough, puffy)
    icing_tone, light = rng.choice(
        (("#d8829a", "#e8a0b4"), ("#3a1d10", "#4f2a18"), ("#e8e2d8", "#f0ece4"), ("#3a1d10", "#4f2a18"))
    )
    icing = skin("icing", rng, [(0.3, icing_tone), (0.7, light)], 20, 0.2, 30, 0.0002, 0.05, 0.4)
    waves = [rng.uniform(0, 6) for _ in range(4)]

    def coat(a: float, b: float, r: float, z: float) -> tuple[float, float]:
        r, z = puffy(a, b, r, z)
        drip = (
            0.1
            + 0.22 * math.sin(5 * a + waves[0])
            + 0.14 * math.sin(9 * a + waves[1])
            + 0.1 * math.sin(14 * a + waves[2])
        )
        up = math.sin(b)
        limit = -0.1 - 0.5 * drip
        thick = 0.0019 if up > limit else -0.0016
        scale = 1 + thick / 0.0165
        return 0.026 + (r - 0.026) * scale, z * scale

    parts = [body, ring(0.026, 0.0165, icing, coat, 160, 80)]
    tones = ["#e03a4a", "#f0c020", "#3a8ad0", "#4ab060", "#f0f0f0", "#e880b0"]
    mats = [plain("sprinkle", tone, 0.3) for tone in tones]
    if rng.random() < 0.8:
        for _ in range(85):
            a, b = rng.uniform(0, math.tau), rng.uniform(0.35, math.pi - 0.35)
            r, z = coat(a, b, 0.026 + 0.0165 * math.cos(b), 0.0165 * math.sin(b))
            normal = Vector(
                (math.cos(b) * math.cos(a), math.cos(b) * math.sin(a), math.sin(b) / 0.82)
            ).normalized()
            at = Vector((r * math.cos(a), r * math.sin(a), z)) + normal * 0.0003
            along = normal.orthogonal().normalized()
            along = along * math.cos(6 * b + a * 9) + normal.cross(along) * math.sin(6 * b + a * 9)
            path = [at - along * 0.0024, at - along * 0.0018, at + along * 0.0018, at + along * 0.0024]
            parts.append(tube(path, [0.0003, 0.00085, 0.00085, 0.0003], rng.choice(mats), 8))
    return place(join("doughnut", parts), (0, 0, 0.0138), scale=rng.uniform(0.98, 1.15))


def bagel(rng: Random) -> Any:
    """A bagel: glossy brown crust, sesame or poppy seeds."""
    seed = Vector([rng.uniform(-9, 9) for _ in range(3)])

    def puffy(a: float, b: float, r: float, z: float) -> tuple[float, float]:
        d = Vector((math.cos(a) * 1.3, math.sin(a) * 1.3, z * 20))
        swell = 1 + 0.09 * noise.noise(d + seed)
        z = max(z * 0.8 * swell, -0.0125)
        return max(0.0065, 0.0275 + (r - 0.0275) * 1.12 * swell), z

    g = Graph("bagel crust")
    _, _, z = g.split()
    tone = g.ramp(
        g.math("ADD", g.fit(z, -0.012, 0.016, 0, 0.7), g.math("MULTIPLY", g.noise(45, 5, 0.6), 0.45)),
        [(0.15, "#d0a060"), (0.55, "#a8672a"), (1.0, "#7a3f14")],
    )
    crust = g.finish(
        Base_Color=tone,
        Roughness=g.fit(g.noise(70), 0.3, 0.7, 0.26, 0.45),
        Clearcoat=0.2,
        Normal=g.bump(g.math("ADD", g.noise(120, 5), g.cells(300)), 0.0008),
    )
    parts = [ring(0.0275, 0.019, crust, puffy)]
    pale = rng.random() < 0.7
    grain = plain("sesame", "#e6d3a0" if pale else "#1c1a20", 0.5)
    for _ in range(130):
        a, b = rng.uniform(0, math.tau), rng.gauss(math.pi / 2, 0.42)
        r, z = puffy(a, b, 0.0275 + 0.019 * math.cos(b), 0.019 * math.sin(b))
        drop = sphere(
            0.00095 if pale else 0.0006, grain, 6, 8, lambda d: Vector((d.x * 1.6, d.y * 0.9, d.z * 0.5))
        )
        normal = Vector((math.cos(b) * math.cos(a), math.cos(b) * math.sin(a), math.sin(b)))
        drop.rotation_euler = normal.to_track_quat("Z", "Y").to_euler()
        drop.rotation_euler.rotate_axis("Z", rng.uniform(0, math.tau))
        drop.location = (r * math.cos(a), r * math.sin(a), z + 0.0002)
        parts.append(drop)
    return place(join("bagel", parts), (0, 0, 0.0126), scale=rng.uniform(1.0, 1.15))


def pretzel(rng: Random) -> Any:
    """A soft pretzel with coarse salt."""
    knot = [
        (-0.012, -0.047, 0.002),
        (-0.02, -0.02, 0.006),
        (0.008, 0.008, 0.013),
        (0.012, 0.02, 0.004),
        (-0.008, 0.028, 0.013),
        (-0.04, 0.04, 0.002),
    ]
    knot += [(-0.062, 0.012, 0), (-0.05, -0.03, 0), (0, -0.052, 0.0)]
    knot += [
        (0.05, -0.03, 0),
        (0.062, 0.012, 0),
        (0.04, 0.04, 0.002),
        (0.008, 0.028, 0.003),
        (-0.012, 0.02, 0.012),
        (-0.008, 0.008, 0.003),
        (0.02, -0.02, 0.006),
        (0.012, -0.047, 0.002),
    ]
    knot[0], knot[-1] = (-0.03, -0.052, 0.009), (0.03, -0.052, 0.009)
    path = spline(knot, 9)

    def girth(t: float) -> float:
        return (
            0.0068
            + 0.0038 * math.exp(-(((t - 0.5) / 0.18) ** 2))
            - 0.002 * math.exp(-((min(t, 1 - t) / 0.04) ** 2))
        )

    g = Graph("pretzel crust")
    tone = g.ramp(g.noise(60, 5, 0.6, 0.3), [(0.3, "#5f2c0e"), (0.55, "#8a4818"), (0.75, "#b87434")])
    crust = g.finish(
        Base_Color=tone,
        Roughness=g.fit(g.noise(40), 0.3, 0.7, 0.2, 0.4),
        Clearcoat=0.3,
        Normal=g.bump(g.noise(150, 5), 0.0006),
    )
    parts = [tube(path, girth, crust, 28)]
    salt = plain("salt", "#f4f2ee", 0.3)
    for _ in range(75):
        k = rng.randrange(8, len(path) - 8)
        p = path[k]
        side = (path[k + 1] - path[k - 1]).cross(Vector((0, 0, 1))).normalized()
        lean = rng.gauss(0, 0.55)
        at = p + (side * math.sin(lean) + Vector((0, 0, math.cos(lean)))) * girth(k / (len(path) - 1))
        crystal = sphere(rng.uniform(0.0008, 0.0015), salt, 4, 5)
        crystal.location = at
        crystal.rotation_euler = (rng.random() * 6, rng.random() * 6, 0)
        parts.append(crystal)
    return place(join("pretzel", parts), (0, 0, 0.009), scale=rng.uniform(1.0, 1.2))


def cupcake(rng: Random) -> Any:
    """A cupcake in a pleated paper case with a swirl of icing and a cherry or sprinkles."""
    paper = plain("paper case", rng.choice(("#d8c8a8", "#8a3a4a", "#4a7a8a", "#e0dcd0")), 0.7)
    cake = skin("cake", rng, [(0.3, "#a8702c"), (0.7, "#d09a50")], 50, 0.8, 160, 0.0012, 0.05)

    def pleated(a: float, t: float, r: float, z: float) -> tuple[float, float]:
        return r * (1 + 0.028 * math.cos(36 * a) * (1 if r > 0.005 else 0)), z

    case = lathe(
        [(0, 0), (0.0235, 0), (0.0285, 0.02), (0.033, 0.038), (0.0322, 0.038), (0.027, 0.018)],
        paper,
        216,
        1,
        pleated,
    )
    top = lathe([(0, 0.03), (0.0315, 0.034), (0.0335, 0.04), (0.025, 0.048), (0, 0.05)], cake, 64, 4)
    tone, light = rng.choice(
        (("#d87f9a", "#ecaabc"), ("#e8dcc4", "#f4ecdc"), ("#8ac0b8", "#a8d4cc"), ("#5a3420", "#6f4630"))
    )
    cream = skin("icing", rng, [(0.3, tone), (0.7, light)], 10, 0.42, 60, 0.0002, 0.12)
    parts = [case, top]
    turns = 3.6
    path = []
    for k in range(130):
        t = k / 129
        a = math.tau * turns * t
        r = 0.0225 * (1 - t) ** 0.85
        path.append((r * math.cos(a), r * math.sin(a), 0.046 + 0.038 * t))
    parts.append(
        tube(
            path,
            lambda t: 0.0108 * (1 - t) ** 0.55 + 0.0012,
            cream,
            40,
            section=lambda a, t: 1 + 0.16 * math.cos(7 * a),
        )
    )
    if rng.random() < 0.5:
        parts.append(
            place(
                sphere(0.0095, plain("cherry", "#9a0a14", 0.1, speckle=0.3, Clearcoat=0.8), 24, 36),
                (0, 0, 0.09),
            )
        )
        parts.append(
            tube(
                spline([(0, 0, 0.097), (0.004, 0, 0.11), (0.014, 0.002, 0.122)], 5),
                0.0007,
                plain("stem", "#5a6a28", 0.6),
                8,
            )
        )
    else:
        mats = [plain("sprinkle", c, 0.3) for c in ("#e03a4a", "#f0c020", "#3a8ad0", "#4ab060", "#f4f4f4")]
        for _ in range(60):
            t, a = rng.uniform(0.02, 0.85), rng.uniform(0, math.tau)
            r = 0.0225 * (1 - t) ** 0.85 + 0.0098 * (1 - t) ** 0.55
            at = Vector((r * math.cos(a), r * math.sin(a), 0.047 + 0.038 * t + rng.uniform(0, 0.002)))
            way = Vector((rng.gauss(0, 1), rng.gauss(0, 1), rng.gauss(0, 1))).normalized()
            parts.append(tube([at - way * 0.0022, at + way * 0.0022], 0.0007, rng.choice(mats), 6))
    return place(join("cupcake", parts), scale=rng.uniform(0.95, 1.1))


def hamburger(rng: Random) -> Any:
    """A hamburger: seeded bun, lettuce, tomato, cheese and patty."""
    g = Graph("bun")
    _, _, z = g.split()
    tone = g.ramp(
        g.math("ADD", g.fit(z, 0.055, 0.09, 0, 0.75), g.math("MULTIPLY", g.noise(30, 4), 0.3)),
        [(0.1, "#e0b870"), (0.5, "#c07a2c"), (1, "#94500f")],
    )
    bun = g.finish(Base_Color=tone, Roughness=0.32, Clearcoat=0.2, Normal=g.bump(g.noise(60, 4), 0.0008))
    pale = plain("bun base", "#d8a860", 0.7, speckle=0.2)
    g = Graph("patty")
    meat_tone = g.ramp(g.noise(90, 5, 0.7), [(0.3, "#2a140a"), (0.7, "#5f3218")])
    meat = g.finish(Base_Color=meat_tone, Roughness=0.5, Normal=g.bump(g.cells(130), 0.003))
    cheese = skin("cheese", rng, [(0.3, "#e09a14"), (0.7, "#f0b02c")], 8, 0.3, 20, 0.0001, 0.15)
    red = skin("tomato slice", rng, [(0.3, "#b8200f"), (0.7, "#d04020")], 40, 0.2, 60, 0.0002, 0.1)
    green = plain("lettuce", "#6f9a2c", 0.4, speckle=0.3)
    parts = [lathe([(0, 0), (0.048, 0), (0.053, 0.007), (0.051, 0.017), (0, 0.018)], pale, 72, 4)]
    rough = [rng.uniform(0, 6) for _ in range(3)]
    parts.append(
        lathe(
            [(0, 0.018), (0.05, 0.018), (0.0555, 0.026), (0.051, 0.035), (0, 0.035)],
            meat,
            96,
            4,
            lambda a, t, r, z: (
                r * (1 + 0.02 * math.sin(7 * a + rough[0]) + 0.015 * math.sin(13 * a + rough[1])),
                z,
            ),
        )
    )
    side = 0.052
    sheet = []
    n = 24
    for i in range(n + 1):
        for j in range(n + 1):
            x, y = (i / n * 2 - 1) * side, (j / n * 2 - 1) * side
            r = math.hypot(x, y)
            sheet.append((x, y, 0.0358 - 0.6 * max(0.0, r - 0.048)))
    faces = [
        (i * (n + 1) + j, (i + 1) * (n + 1) + j, (i + 1) * (n + 1) + j + 1, i * (n + 1) + j + 1)
        for i in range(n)
        for j in range(n)
    ]
    slice_ = mesh_object("cheese", sheet, faces, cheese)
    thick = slice_.modifiers.new("thick", "SOLIDIFY")
    thick.thickness = 0.002
    parts.append(slice_)
    for dx, dy in ((-0.02, 0.006), (0.02, -0.004)):
        parts.append(
            place(
                lathe([(0, 0), (0.03, 0), (0.0315, 0.002), (0.03, 0.005), (0, 0.005)], red, 48, 2),
                (dx, dy, 0.0375),
            )
        )
    frill = lathe(
        [(0, 0.043), (0.04, 0.043), (0.058, 0.045), (0.061, 0.046)],
        green,
        240,
        6,
        lambda a, t, r, z: (
            r * (1 + 0.03 * t * math.sin(9 * a + rough[2])),
            z + 0.005 * t * t * math.sin(17 * a) + 0.003 * t * math.sin(29 * a),
        ),
    )
    parts.append(frill)
    parts.append(
        lathe(
            [
                (0, 0.047),
                (0.049, 0.047),
                (0.0555, 0.053),
                (0.053, 0.066),
                (0.04, 0.081),
                (0.02, 0.089),
                (0, 0.091),
            ],
            bun,
            72,
            6,
        )
    )
    seed = plain("sesame", "#ecdcb0", 0.5)
    for _ in range(70):
        t, a = math.sqrt(rng.random()) * 0.85, rng.uniform(0, math.tau)
        r = 0.05 * t
        z = 0.0912 - 0.025 * t**2.2 * 1.05
        drop = sphere(0.0015, seed, 6, 8, lambda d: Vector((d.x * 1.4, d.y * 0.8, d.z * 0.5)))
        drop.rotation_euler = (0, 0.9 * t * t, a)
        drop.location = (r * math.cos(a), r * math.sin(a), z)
        parts.append(drop)
    return join("hamburger", parts)


def gingerbread_man(rng: Random) -> Any:
    """A gingerbread man with icing, lying flat."""
    half = [
        (0.0, 0.062),
        (0.012, 0.06),
        (0.0175, 0.048),
        (0.0155, 0.037),
        (0.011, 0.031),
        (0.022, 0.027),
        (0.038, 0.026),
        (0.044, 0.0195),
    ]
    half += [
        (0.041, 0.012),
        (0.026, 0.0095),
        (0.0185, 0.007),
        (0.0195, -0.012),
        (0.025, -0.036),
        (0.029, -0.048),
        (0.024, -0.056),
        (0.0145, -0.054),
        (0.0075, -0.036),
        (0.0, -0.026),
    ]
    right = [(p.x, p.y) for p in spline(half, 4)]
    outline = right + [(-x, y) for x, y in reversed(right[1:-1])]
    dough = skin("gingerbread", rng, [(0.3, "#7a4418"), (0.7, "#a8682c")], 30, 0.7, 220, 0.0006, 0.03)
    parts = [extrude(outline, 0.0075, dough, 0.0022, 4)]
    icing = plain("icing", "#f2eee6", 0.35)
    inner = [(x * 0.86, (y - 0.003) * 0.9 + 0.003, 0.0078) for x, y in outline[::3]]
    wavy = [
        (x + 0.0006 * math.sin(k * 1.9), y + 0.0006 * math.cos(k * 2.3), z)
        for k, (x, y, z) in enumerate(inner)
    ]
    parts.append(tube(spline(wavy, 3, closed=True), 0.0011, icing, 8, closed=True))
    for x in (-0.006, 0.006):
        parts.append(place(sphere(0.0019, icing, 10, 14), (x, 0.051, 0.0078), scale=(1, 1, 0.6)))
    parts.append(
        tube(
            spline([(-0.007, 0.043, 0.0078), (0, 0.0395, 0.0078), (0.007, 0.043, 0.0078)], 5), 0.001, icing, 8
        )
    )
    for y in (0.02, 0.008, -0.004):
        tone = rng.choice(("#c02030", "#2a8a4a", "#e0b020"))
        parts.append(
            place(sphere(0.0027, plain("button", tone, 0.2), 12, 16), (0, y, 0.0078), scale=(1, 1, 0.6))
        )
    return place(join("gingerbread man", parts), scale=rng.uniform(0.95, 1.2))


def pizza(rng: Random) -> Any:
    """A whole pizza: blistered crust, sauce, melted cheese, salami and basil."""
    g = Graph("crust")
    _, _, z = g.split()
    burn = g.noise(28, 5, 0.65, 0.3)
    tone = g.ramp(burn, [(0.3, "#6a3510"), (0.42, "#b8772c"), (0.7, "#e0b068")])
    crust = g.finish(Base_Color=tone, Roughness=0.75, Normal=g.bump(g.noise(80, 5), 0.003))
    seed = Vector([rng.uniform(-9, 9) for _ in range(3)])

    def blistered(a: float, t: float, r: float, z: float) -> tuple[float, float]:
        d = Vector((math.cos(a) * 3, math.sin(a) * 3, t))
        lump = noise.noise(d + seed)
        return r * (1 + 0.012 * lump), z * (1 + 0.3 * lump) if r > 0.12 else z

    base = lathe(
        [
            (0, 0),
            (0.14, 0),
            (0.15, 0.006),
            (0.149, 0.015),
            (0.14, 0.019),
            (0.129, 0.013),
            (0.124, 0.009),
            (0, 0.009),
        ],
        crust,
        140,
        4,
        blistered,
    )
    g = Graph("melted cheese")
    melt = g.noise(26, 5, 0.6, 0.9)
    tone = g.ramp(
        melt, [(0.36, "#b83414"), (0.46, "#d8761c"), (0.52, "#ecc670"), (0.72, "#f4dc9c"), (0.8, "#c88a3a")]
    )
    cheese = g.finish(
        Base_Color=tone,
        Roughness=0.3,
        Subsurface=0.05,
        Subsurface_Radius=(0.01, 0.006, 0.002),
        Subsurface_Color=tone,
        Normal=g.bump(melt, 0.006),
    )
    parts = [base, lathe([(0, 0.0102), (0.11, 0.0102), (0.127, 0.0096)], cheese, 96, 1)]
    salami = skin("salami", rng, [(0.3, "#8a1f14"), (0.7, "#b83c28")], 60, 0.32, 100, 0.0006, 0.05)
    for k in range(rng.randint(9, 13)):
        t, a = math.sqrt((k + 0.5) / 12), 2.4 * k + rng.uniform(-0.2, 0.2)
        at = (0.105 * t * math.cos(a), 0.105 * t * math.sin(a), 0.0105)
        disc = lathe(
            [(0, 0.0004), (0.014, 0.0), (0.0172, 0.0028), (0.0165, 0.0036), (0.013, 0.0016), (0, 0.0018)],
            salami,
            40,
            3,
        )
        parts.append(place(disc, at, (rng.uniform(-0.06, 0.06), rng.uniform(-0.06, 0.06), 0)))
    for _ in range(7):
        r, a = rng.uniform(0.01, 0.11), rng.uniform(0, math.tau)
        parts.append(
            place(
                leaf(rng, 0.03, 0.018, "#2c6a20"),
                (r * math.cos(a), r * math.sin(a), 0.0165),
                (rng.uniform(-0.2, 0.2), -0.1, rng.uniform(0, 6)),
            )
        )
    return join("pizza", parts)
