"""Outdoor places: lawn, beach, pavement, road, snow, garden table and open meadow."""

from __future__ import annotations

import math
from random import Random
from typing import Any

import bpy
from mathutils import Vector, noise

import light
from indoors import grid_faces
from materials import Graph, plain, wood
from mesh import box, join, mesh_object, sphere, tube


def lawn(rng: Random, near: float = 0.9, blade: float = 0.03) -> None:
    """Mown grass with a hedge behind, under sun."""
    earth(rng, "#3a4a1e", "#55682a")
    grass(rng, near, blade)
    hedge(rng, 9)
    sunny(rng)


def field(rng: Random) -> None:
    """Grass at the scale of bigger things."""
    earth(rng, "#46581f", "#66782e")
    grass(rng, 3.2, 0.06, 1.6)
    hedge(rng, 22, 2.0)
    sunny(rng)


def beach(rng: Random) -> None:
    """Sand with wind ripples, pebbles and the sea behind."""
    g = Graph("sand")
    grains = g.cells(1400)
    fine = g.noise(700, 3, 0.7)
    tone = g.ramp(g.noise(9, 6, 0.65, 0.4), [(0.3, "#b89868"), (0.7, "#d8bf92")])
    tone = g.mix(g.fit(fine, 0.35, 0.65, 0, 0.3), tone, "#7a5c38")
    height = g.math(
        "ADD",
        g.math("MULTIPLY", fine, 0.5),
        g.math("ADD", g.math("MULTIPLY", grains, 0.4), g.math("MULTIPLY", g.noise(60, 4, 0.6), 4.0)),
    )
    sand = g.finish(Base_Color=tone, Roughness=0.95, Specular=0.2, Normal=g.bump(height, 0.0011))
    seed = rng.uniform(-50, 50)
    turn = rng.uniform(-0.6, 0.6)

    def lift(x: float, y: float) -> float:
        wave = math.sin(
            34 * (x * math.sin(turn) + y * math.cos(turn)) + 5 * noise.noise(Vector((x * 2, y * 2, seed)))
        )
        away = min(1.0, max(0.0, math.hypot(x, y) - 0.16) / 0.15)
        return away * (0.0042 * wave + 0.012 * noise.noise(Vector((x * 2.3, y * 2.3, seed)))) - 0.0005

    patch(sand, 2.6, 260, lift)
    ground(sand, -0.02, 60)
    g = Graph("sea")
    water = g.finish(
        Base_Color="#1d5a6a", Roughness=0.08, Specular=0.6, Normal=g.bump(g.noise(2.2, 6, 0.6, 0.5), 0.25)
    )
    box((600, 300, 0.02), water, (0, 164, -0.01))
    foam = plain("foam", "#eef2f0", 0.9)
    for k in range(2):
        path = [(x, 13.6 + k * 1.6 + 0.35 * math.sin(x * 0.8 + seed + k), -0.01) for x in range(-30, 31)]
        tube(path, 0.07, foam, 6)
    pebbles(rng, 34, 0.5)
    sunny(rng, low=0.25, high=1.0)


def pavement(rng: Random) -> None:
    """Concrete slabs along a wall in the sun."""
    g = Graph("concrete")
    x, y, _ = g.split()
    stain = g.noise(3, 7, 0.65, 0.6)
    tone = g.ramp(stain, [(0.3, "#77726a"), (0.7, "#a8a39a")])
    slab = 0.6
    ex = g.math("ABSOLUTE", g.math("SUBTRACT", g.math("FRACT", g.math("DIVIDE", x, slab)), 0.5))
    ey = g.math("ABSOLUTE", g.math("SUBTRACT", g.math("FRACT", g.math("DIVIDE", y, slab)), 0.5))
    joint = g.fit(g.math("MAXIMUM", ex, ey), 0.489, 0.494)
    grit = g.noise(300, 5, 0.7)
    tone = g.mix(g.fit(grit, 0.3, 0.7, 0, 0.35), tone, "#4a4640")
    tone = g.mix(joint, tone, "#2f2c26")
    height = g.math("SUBTRACT", g.math("MULTIPLY", grit, 0.7), g.math("MULTIPLY", joint, 4.0))
    concrete = g.finish(Base_Color=tone, Roughness=0.9, Normal=g.bump(height, 0.002))
    ground(concrete, 0.0, 40)
    bricks(rng, rng.uniform(2.2, 4.0))
    leaves(rng, 18, 1.0)
    sunny(rng)


def road(rng: Random) -> None:
    """Asphalt with a painted line, kerb, verge and trees."""
    g = Graph("asphalt")
    stones = g.cells(140, output="Color")
    grey = g.node("ShaderNodeRGBToBW", {0: stones}).outputs[0]
    tone = g.ramp(
        g.math("ADD", g.math("MULTIPLY", grey, 0.5), g.math("MULTIPLY", g.noise(2, 6, 0.6), 0.5)),
        [(0.2, "#242426"), (0.8, "#5a5856")],
    )
    height = g.math("ADD", g.cells(140), g.noise(500, 2))
    asphalt = g.finish(Base_Color=tone, Roughness=0.85, Normal=g.bump(height, 0.003))
    ground(asphalt, 0.0, 70)
    g = Graph("road paint")
    worn = g.fit(g.noise(30, 6, 0.7), 0.36, 0.44)
    paint = g.finish(
        Base_Color=g.mix(worn, "#4a4846", "#dcd8cc"), Roughness=0.7, Normal=g.bump(g.cells(140), 0.002)
    )
    stripe = box((30, 0.12, 0.003), paint, (0, rng.uniform(0.35, 0.8), 0.0006))
    stripe.rotation_euler = (0, 0, rng.uniform(-0.12, 0.12))
    kerb = rng.uniform(3.2, 4.6)
    box((60, 0.16, 0.14), plain("kerb", "#9a958a", 0.85, speckle=0.3), (0, kerb, 0.05), 0.02)
    verge = plain("verge", "#4a6228", 0.9, speckle=0.4)
    box((80, 30, 0.1), verge, (0, kerb + 15.1, 0.06))
    hedge(rng, kerb + 8, 2.4, detail=4)
    leaves(rng, 12, 1.2)
    sunny(rng)


def snow(rng: Random) -> None:
    """Snow under a cold low sun with dark firs behind."""
    g = Graph("snow")
    height = g.math(
        "ADD", g.math("MULTIPLY", g.noise(160, 4, 0.7), 0.5), g.math("MULTIPLY", g.noise(14, 4), 3.0)
    )
    white = g.finish(
        Base_Color="#e8ecf0",
        Roughness=0.6,
        Subsurface=0.12,
        Subsurface_Radius=(0.02, 0.03, 0.05),
        Subsurface_Color="#d8e8f8",
        Normal=g.bump(height, 0.004),
    )
    seed = rng.uniform(-50, 50)

    def lift(x: float, y: float) -> float:
        away = min(1.0, max(0.0, math.hypot(x, y) - 0.5) / 1.5)
        return away * 0.1 * noise.noise(Vector((x * 0.6, y * 0.6, seed)))

    patch(white, 24, 160, lift)
    ground(white, -0.12, 200)
    for _ in range(26):
        fir(rng, (rng.uniform(-22, 22), rng.uniform(12, 24), -0.1), rng.uniform(3, 7))
    light.sky(rng, rng.uniform(0.22, 0.5), rng.uniform(0, math.tau), rng.choice((0.0, 0.5)), 0.6)


def garden_table(rng: Random) -> None:
    """A weathered plank table in a garden: sky light, sun and green blur."""
    top = wood("weathered", rng, "#a8957a", "#5f5140", 0.6, 0.1)
    box((2.6, 1.1, 0.035), top, (0, 0.1, -0.0175), 0.005)
    earth(rng, "#3f5420", "#6a7c34", -0.75)
    hedge(rng, 5, 0.6, -0.75)
    blossoms(rng)
    leaves(rng, 5, 0.5)
    sunny(rng, low=0.5, high=1.0)


def wet_street(rng: Random) -> None:
    """Asphalt after the rain: puddles that mirror a grey sky."""
    g = Graph("wet asphalt")
    stones = g.node("ShaderNodeRGBToBW", {0: g.cells(140, output="Color")}).outputs[0]
    dry = g.ramp(stones, [(0.1, "#1c1c1e"), (0.9, "#4a4846")])
    water = g.fit(g.noise(rng.uniform(1.2, 2.0), 4, 0.55, 0.3, g.moved([rng.uniform(-9, 9)] * 3)), 0.5, 0.56)
    rough = g.math("ADD", g.cells(140), g.noise(500, 2))
    height = g.math("MULTIPLY", rough, g.fit(water, 0, 1, 1, 0.02))
    asphalt = g.finish(
        Base_Color=g.mix(water, dry, "#131416"),
        Roughness=g.fit(water, 0, 1, 0.5, 0.02),
        Specular=0.6,
        Normal=g.bump(height, 0.003),
    )
    ground(asphalt, 0.0, 70)
    kerb = rng.uniform(3.0, 4.2)
    box((60, 0.16, 0.14), plain("kerb", "#8a867c", 0.4, speckle=0.3), (0, kerb, 0.05), 0.02)
    bricks(rng, kerb + 2.5)
    leaves(rng, 26, 1.2)
    light.sky(rng, rng.uniform(0.35, 0.7), rng.uniform(0, math.tau), 0.8, 4.0)


def pond(rng: Random) -> None:
    """Still dark water with small ripples, reeds of hedge far behind; what is put here floats."""
    g = Graph("pond")
    ripples = g.math("ADD", g.noise(6, 3, 0.5, 0.6), g.math("MULTIPLY", g.noise(28, 2), 0.2))
    tone = rng.choice(("#04100f", "#0a160c", "#06141c"))
    water = g.finish(Base_Color=tone, Roughness=0.03, Specular=0.7, Normal=g.bump(ripples, 0.05))
    ground(water, 0.0, 12)
    earth(rng, "#3a4a1e", "#55682a", -0.02)
    for _ in range(16):
        leaf = plain("lily pad", rng.choice(("#4a7a2a", "#5f8a34", "#3f6a2c")), 0.35, speckle=0.3)
        r, a, size = rng.uniform(0.5, 3.2), rng.uniform(0, math.tau), rng.uniform(0.06, 0.13)
        notch = rng.uniform(0, math.tau)
        rim = [(size * math.cos(notch + b), size * math.sin(notch + b), 0.003) for b in arc(0.15, 6.1, 40)]
        pad = mesh_object("lily pad", [(0, 0, 0.002), *rim], [(0, k, k + 1) for k in range(1, 40)], leaf)
        pad.location = (r * math.cos(a), r * math.sin(a), 0)
    hedge(rng, 11, 1.4)
    sunny(rng)


def arc(start: float, end: float, count: int) -> list[float]:
    """`count` even steps from `start` to `end`."""
    return [start + (end - start) * k / (count - 1) for k in range(count)]


def forest(rng: Random) -> None:
    """A forest floor in autumn: dark earth, fallen leaves, trunks behind."""
    g = Graph("forest floor")
    tone = g.ramp(g.noise(14, 8, 0.75, 0.4), [(0.3, "#1a120b"), (0.7, "#3a2a1a")])
    soil = g.finish(Base_Color=tone, Roughness=0.95, Specular=0.1, Normal=g.bump(g.noise(120, 6, 0.8), 0.02))
    ground(soil, -0.002, 200)
    leaves(rng, 700, 0.9)
    g = Graph("bark")
    ridges = g.noise(3, 8, 0.7, 0.5, g.moved(scale=(6, 6, 1)))
    bark = g.finish(
        Base_Color=g.ramp(ridges, [(0.35, "#241a12"), (0.7, "#6a5844")]),
        Roughness=0.95,
        Normal=g.bump(ridges, 0.06),
    )
    for _ in range(22):
        foot = (rng.uniform(-9, 9), rng.uniform(3.2, 14), -0.05)
        lean = (foot[0] + rng.uniform(-0.5, 0.5), foot[1], 7.0)
        width = rng.uniform(0.1, 0.26)
        tube([foot, lean], lambda t, w=width: w * (1.25 - 0.5 * t**0.4), bark, 20)  # type: ignore[misc]
    hedge(rng, 18, 2.2)
    sunny(rng, low=0.3, high=0.7)


def sunny(rng: Random, low: float = 0.4, high: float = 1.05) -> None:
    """Sky and sun somewhere to the side or behind the camera."""
    turn = rng.choice((-1, 1)) * rng.uniform(0.6, 2.3) + math.pi
    light.sky(rng, rng.uniform(low, high), turn, rng.choice((0.0, 0.3, 0.6)), rng.uniform(0.6, 2.5))


def earth(rng: Random, dark: str, bright: str, level: float = 0.0) -> None:
    """Ground cover as seen from afar."""
    g = Graph("earth")
    tone = g.ramp(g.noise(3, 8, 0.75, 0.4), [(0.3, dark), (0.7, bright)])
    cover = g.finish(Base_Color=tone, Roughness=0.95, Specular=0.1, Normal=g.bump(g.noise(120, 6, 0.8), 0.03))
    ground(cover, level - 0.004, 200)


def ground(material: Any, level: float, half: float) -> None:
    """A flat square of half-width `half`, as one quad."""
    mesh_object(
        "ground",
        [(-half, -half, level), (half, -half, level), (half, half, level), (-half, half, level)],
        [(0, 1, 2, 3)],
        material,
    )


def patch(material: Any, wide: float, count: int, lift: Any) -> None:
    """Uneven ground: a grid raised by lift(x, y)."""
    vertices = []
    for i in range(count + 1):
        for j in range(count + 1):
            x, y = (i / count - 0.5) * wide, (j / count - 0.5) * wide
            vertices.append((x, y, lift(x, y)))
    mesh_object("patch", vertices, grid_faces(count, count), material)


def grass(rng: Random, radius: float, height: float, density: float = 1.0) -> None:
    """Blades instanced on scattered faces, in tufts of a few lengths and greens."""
    greens = (("#3f6a1c", "#7a9a36"), ("#547a22", "#94ac48"), ("#2f5a1c", "#668a30"))
    for low, high in greens:
        g = Graph("grass")
        tone = g.ramp(
            g.node("ShaderNodeObjectInfo").outputs["Random"], [(0, low), (0.85, high), (1, "#a8a058")]
        )
        blade = g.finish(Base_Color=tone, Roughness=0.5, Subsurface=0.0, Specular=0.3)
        tuft = blades(rng, height, blade)
        count = int(4200 * density)
        vertices, faces = [], []
        for k in range(count):
            r = radius * math.sqrt(rng.random()) * 2.2
            a = rng.uniform(0, math.tau)
            x, y = r * math.cos(a), r * math.sin(a) + radius * 0.5
            turn, size = rng.uniform(0, math.tau), 0.5 * rng.uniform(0.7, 1.3)
            for corner in range(4):
                b = turn + corner * math.pi / 2
                vertices.append((x + size * math.cos(b) * 0.01, y + size * math.sin(b) * 0.01, 0))
            faces.append((4 * k, 4 * k + 1, 4 * k + 2, 4 * k + 3))
        data = bpy.data.meshes.new("tufts")
        data.from_pydata(vertices, [], faces)
        tufts = bpy.data.objects.new("tufts", data)
        bpy.context.collection.objects.link(tufts)
        tuft.parent = tufts
        tufts.instance_type = "FACES"
        tufts.use_instance_faces_scale = True
        tufts.instance_faces_scale = 140.0
        tufts.show_instancer_for_render = False


def blades(rng: Random, height: float, material: Any) -> Any:
    """A tuft of bent grass blades."""
    vertices: list[Any] = []
    faces = []
    for _ in range(30):
        a = rng.uniform(0, math.tau)
        at = Vector((rng.gauss(0, 0.35), rng.gauss(0, 0.35), 0)) * height
        lean = Vector((math.cos(a), math.sin(a), 0)) * rng.uniform(0.15, 0.8)
        side = Vector((-math.sin(a), math.cos(a), 0))
        tall, wide = height * rng.uniform(0.55, 1.15), rng.uniform(0.0012, 0.002) * (height / 0.03) ** 0.5
        first = len(vertices)
        for k in range(4):
            t = k / 3
            middle = at + lean * (tall * t * t) + Vector((0, 0, tall * (t - 0.25 * t * t)))
            half = wide * (1 - t**2) + 0.0001
            vertices += [middle - side * half, middle + side * half]
        for k in range(3):
            b = first + 2 * k
            faces.append((b, b + 1, b + 3, b + 2))
    return mesh_object("tuft", vertices, faces, material)


def hedge(rng: Random, distance: float, size: float = 1.2, level: float = 0.0, detail: int = 1) -> None:
    """Shrubs and trees far behind, as leafy blobs; `detail` refines those that are seen sharp."""
    g = Graph("foliage")
    leafy = g.noise(14 / size, 6, 0.8)
    tone = g.ramp(leafy, [(0.35, "#14240c"), (0.55, "#3a5a1e"), (0.75, "#7f9a40")])
    foliage = g.finish(Base_Color=tone, Roughness=0.8, Normal=g.bump(g.cells(9 / size), 0.25 * size))
    for _ in range(26):
        seed = Vector([rng.uniform(-9, 9) for _ in range(3)])
        radius = size * rng.uniform(0.6, 1.5)

        def lumpy(d: Any, seed: Any = seed) -> Any:
            lump = 0.3 * noise.noise(d * 2 + seed) + 0.14 * noise.noise(d * 6 + seed)
            if detail > 1:
                lump += 0.09 * noise.noise(d * 17 + seed) + 0.05 * noise.noise(d * 40 + seed)
            return d * (1 + lump)

        bush = sphere(radius, foliage, 24 * detail, 36 * detail, lumpy)
        bush.location = (
            rng.uniform(-2.2, 2.2) * distance,
            distance * rng.uniform(0.9, 1.5),
            level + radius * rng.uniform(0.3, 0.9),
        )


def blossoms(rng: Random) -> None:
    """Bright blurred flowers between table and hedge."""
    for _ in range(40):
        tone = rng.choice(("#e0d060", "#d86a8a", "#e8e0e8", "#a04ac0", "#e08030"))
        bloom = sphere(rng.uniform(0.02, 0.05), plain("bloom", tone, 0.7), 8, 12)
        bloom.location = (rng.uniform(-3, 3), rng.uniform(2.2, 4.2), rng.uniform(-0.6, 0.1))


def bricks(rng: Random, distance: float) -> None:
    """A brick wall."""
    g = Graph("bricks")
    x, _, z = g.split()
    flat = g.node("ShaderNodeCombineXYZ", {0: x, 1: z}).outputs[0]
    first, second = rng.choice((("#8a4a34", "#6a3426"), ("#a88a6a", "#8a6c50"), ("#7a4038", "#94604a")))
    wall = g.node(
        "ShaderNodeTexBrick",
        {
            "Vector": flat,
            "Color1": first,
            "Color2": second,
            "Mortar": "#a09888",
            "Scale": 1.0,
            "Mortar Size": 0.006,
            "Mortar Smooth": 0.3,
            "Bias": 0.0,
            "Brick Width": 0.22,
            "Row Height": 0.075,
        },
    )
    tone = g.mix(g.fit(g.noise(60, 6, 0.7), 0.35, 0.7, 0, 0.5), wall.outputs[0], "#3a2a22")
    height = g.math(
        "SUBTRACT", g.math("MULTIPLY", g.noise(120, 5), 0.5), g.math("MULTIPLY", wall.outputs[1], 2.0)
    )
    box(
        (30, 0.2, 3.2),
        g.finish(Base_Color=tone, Roughness=0.9, Normal=g.bump(height, 0.006)),
        (0, distance, 1.6),
    )


def pebbles(rng: Random, count: int, spread: float) -> None:
    """Rounded stones and shell bits strewn about, clear of the middle."""
    for _ in range(count):
        size = rng.uniform(0.003, 0.014)
        seed = Vector([rng.uniform(-9, 9) for _ in range(3)])
        stone = sphere(
            size,
            plain("pebble", rng.choice(("#8a8078", "#b0a490", "#5f5a58", "#d8d0c4")), 0.7, speckle=0.3),
            10,
            14,
            lambda d, s=seed: d * (1 + 0.25 * noise.noise(d + s)),  # type: ignore[misc]
        )
        r, a = spread * (0.45 + rng.expovariate(1.6)), rng.uniform(0, math.tau)
        stone.location = (r * math.cos(a), r * math.sin(a), size * 0.15)
        stone.scale = (1, rng.uniform(0.7, 1), rng.uniform(0.4, 0.7))


def leaves(rng: Random, count: int, spread: float) -> None:
    """Dry leaves on the ground."""
    for _ in range(count):
        brown = plain("dry leaf", rng.choice(("#8a5a24", "#a8742c", "#6f4420", "#9a8a3a")), 0.8, speckle=0.3)
        size = rng.uniform(0.02, 0.045)
        vertices, faces = [], []
        for i in range(9):
            t = i / 8
            half = size * 0.35 * math.sin(math.pi * t**0.8)
            for j in (-1, 0, 1):
                vertices.append(
                    (
                        size * (t - 0.5),
                        half * j + 0.0001 * j,
                        0.004 + 0.2 * half * abs(j) + size * 0.3 * (t - 0.5) ** 2,
                    )
                )
        for i in range(8):
            for j in range(2):
                a = i * 3 + j
                faces.append((a, a + 1, a + 4, a + 3))
        dry = mesh_object("dry leaf", vertices, faces, brown)
        r, angle = spread * (0.25 + rng.random()), rng.uniform(0, math.tau)
        dry.location = (r * math.cos(angle), r * math.sin(angle), 0)
        dry.rotation_euler = (rng.uniform(-0.1, 0.1), rng.uniform(-0.1, 0.1), rng.uniform(0, math.tau))


def fir(rng: Random, at: tuple[float, float, float], height: float) -> None:
    """A snow-dusted fir far behind."""
    g = Graph("fir")
    _, _, z = g.split(g.coordinates("Normal"))
    dusted = g.math("MULTIPLY", g.fit(z, 0.2, 0.7), g.fit(g.noise(5, 4), 0.45, 0.6))
    needles = g.finish(Base_Color=g.mix(dusted, "#16281c", "#dfe6ea"), Roughness=0.9)
    parts = []
    for k in range(7):
        t = k / 7
        vertices: list[Any] = [(0, 0, height * (t + 0.34 * (1 - 0.6 * t)))]
        for s in range(22):
            a = math.tau * s / 22
            r = height * 0.26 * (1.05 - t) * (1 if s % 2 else 0.66) * rng.uniform(0.85, 1.1)
            vertices.append(
                (r * math.cos(a), r * math.sin(a), height * (0.08 + t * 0.9) * rng.uniform(0.97, 1.0))
            )
        parts.append(
            mesh_object("tier", vertices, [(0, 1 + s, 1 + (s + 1) % 22) for s in range(22)], needles)
        )
    tree = join("fir", parts)
    tree.location = at


def desert(rng: Random) -> None:
    """Sand and gravel to the horizon under a hazy sky."""
    g = Graph("desert")
    tone = g.ramp(g.noise(0.03, 9, 0.7, 0.4), [(0.3, "#a8824e"), (0.7, "#d4b07a")])
    tone = g.mix(g.fit(g.noise(0.6, 8, 0.75), 0.5, 0.62, 0, 0.4), tone, "#7f6240")
    height = g.math("ADD", g.noise(0.25, 9, 0.75), g.noise(0.02, 4))
    sand = g.finish(Base_Color=tone, Roughness=1.0, Specular=0.1, Normal=g.bump(height, 1.2))
    seed = rng.uniform(-50, 50)

    def dunes(x: float, y: float) -> float:
        away = min(1.0, max(0.0, math.hypot(x, y) - 150) / 500)
        return away * 9 * noise.noise(Vector((x / 260, y / 260, seed))) - 0.4

    patch(sand, 5200, 150, dunes)
    ground(sand, -9, 40000)
    light.sky(
        rng,
        rng.uniform(0.3, 0.75),
        rng.choice((-1, 1)) * rng.uniform(0.7, 2.0) + math.pi,
        rng.choice((0.0, 0.25)),
        3.0,
    )


def plain_of_grass(rng: Random) -> None:
    """A wide meadow with far trees, for big old stones."""
    g = Graph("downs")
    tone = g.ramp(g.noise(0.12, 9, 0.75, 0.4), [(0.3, "#4a5a26"), (0.55, "#6f7c36"), (0.75, "#94904e")])
    cover = g.finish(Base_Color=tone, Roughness=1.0, Specular=0.1, Normal=g.bump(g.noise(4, 8, 0.8), 0.25))
    ground(cover, 0.0, 4000)
    grass(rng, 26, 0.22, 1.3)
    hedge(rng, 260, 12)
    light.sky(
        rng,
        rng.uniform(0.2, 0.6),
        rng.choice((-1, 1)) * rng.uniform(0.8, 2.2) + math.pi,
        rng.choice((0.6, 0.8)),
        1.5,
    )


def park(rng: Random) -> None:
    """A city lawn with rows of trees and pale blocks of houses far off."""
    g = Graph("park lawn")
    tone = g.ramp(g.noise(0.2, 8, 0.7), [(0.3, "#4f6a26"), (0.7, "#7a923e")])
    ground(
        g.finish(Base_Color=tone, Roughness=1.0, Specular=0.1, Normal=g.bump(g.noise(6, 7, 0.8), 0.2)),
        0.0,
        6000,
    )
    gravel = plain("gravel", "#b8aa90", 0.95, speckle=0.3)
    for x in (-62, 62):
        box((16, 1400, 0.1), gravel, (x, -420, 0.03))
    trees(rng, 90)
    for _ in range(70):
        tall = rng.uniform(14, 24)
        house = plain("house", rng.choice(("#c8bca4", "#b8ac98", "#d0c6b4")), 0.9, speckle=0.15)
        at = (rng.uniform(-1500, 1500), rng.uniform(260, 1300), tall / 2)
        box((rng.uniform(25, 60), 20, tall), house, at)
        box((20, 14, 5), plain("slate roof", "#5f6670", 0.7), (at[0], at[1], tall + 1))
    sunny(rng, low=0.3, high=0.8)


def trees(rng: Random, count: int) -> None:
    """Broad trees in two long rows."""
    g = Graph("crown")
    leafy = g.noise(1.3, 7, 0.8)
    tone = g.ramp(leafy, [(0.35, "#14240c"), (0.55, "#35541c"), (0.75, "#6f8a38")])
    crown = g.finish(Base_Color=tone, Roughness=0.9, Normal=g.bump(g.cells(1.1), 1.4))
    for k in range(count):
        seed = Vector([rng.uniform(-9, 9) for _ in range(3)])
        size = rng.uniform(6, 9)
        tree = sphere(
            size,
            crown,
            22,
            32,
            lambda d, s=seed: (  # type: ignore[misc]
                Vector((d.x, d.y, d.z * 1.1))
                * (1 + 0.3 * noise.noise(d * 2 + s) + 0.16 * noise.noise(d * 6 + s))
            ),
        )
        side = -1 if k % 2 else 1
        tree.location = (side * rng.uniform(88, 135), -420 + 13 * k + rng.uniform(-5, 5), size * 0.95)


def coast(rng: Random) -> None:
    """Rocks by the sea, day or dusk."""
    rock = plain("shore rock", "#4f4a42", 0.9, speckle=0.5)
    g = Graph("rock")
    tone = g.ramp(g.noise(0.5, 9, 0.7, 0.5), [(0.3, "#2f2b26"), (0.7, "#7f766a")])
    _, _, z = g.split(g.coordinates("Normal"))
    tone = g.mix(g.fit(z, 0.6, 0.95, 0, 0.55), tone, "#7a7d4a")
    rock = g.finish(Base_Color=tone, Roughness=0.95, Normal=g.bump(g.noise(2, 9, 0.75), 0.5))
    seed = rng.uniform(-50, 50)

    def cliff(x: float, y: float) -> float:
        r = math.hypot(x, y * 1.1)
        shore = 18 + 7 * noise.noise(Vector((math.atan2(y, x), seed, 0)))
        top = -0.25 - 6.5 * min(1.0, max(0.0, (r - 6) / shore)) ** 1.3
        rough = min(1.0, max(0.0, r - 6) / 6)
        return top + rough * (
            2.2 * noise.noise(Vector((x / 6, y / 6, seed))) + 0.9 * noise.noise(Vector((x / 2, y / 2, seed)))
        )

    patch(rock, 110, 200, cliff)
    g = Graph("ocean")
    swell = g.math("ADD", g.noise(0.09, 7, 0.62, 0.5), g.math("MULTIPLY", g.noise(0.9, 5, 0.6), 0.22))
    ocean = g.finish(Base_Color="#12384a", Roughness=0.12, Specular=0.6, Normal=g.bump(swell, 3.0))
    ground(ocean, -6.0, 30000)
    light.sky(
        rng,
        rng.uniform(0.1, 0.55),
        rng.choice((-1, 1)) * rng.uniform(0.8, 2.2) + math.pi,
        rng.choice((0.3, 0.6, 0.8)),
        1.6,
    )


def space(rng: Random) -> None:
    """Black sky with stars, one hard sun."""
    light.background("#000000", 0.0)
    glows = [
        light.glow("star", tone, power) for tone in ("#ffffff", "#ffe8c8", "#c8d8ff") for power in (1.5, 4, 9)
    ]
    for _ in range(420):
        d = Vector((rng.uniform(-1, 1), rng.uniform(0.3, 1), rng.uniform(-1, 1))).normalized()
        star = sphere(rng.uniform(0.02, 0.07) * rng.random(), rng.choice(glows), 4, 6)
        star.location = d * 60
    light.sunbeam(rng, rng.choice((-1, 1)), 5.0, bars=False, back=rng.uniform(-1.25, -0.75), colour="#fff6ea")
