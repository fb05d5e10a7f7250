"""Things of streets and yards: cone, hydrant, traffic light, stop sign, ladder, chair, anchor, snowman."""

from __future__ import annotations

import math
from random import Random
from typing import Any

from mathutils import Vector, noise

from materials import Graph, cloth, glow, metal, plain, wood
from mesh import box, cylinder, extrude, join, lathe, mesh_object, place, sphere, spline, tube
from things.desk import numeral


def weathered(name: str, colour: str, rough: float = 0.5) -> Any:
    """Paint with dirt toward the ground and scuffs."""
    g = Graph(name)
    _, _, z = g.split()
    dirt = g.math("MULTIPLY", g.fit(z, 0.0, 0.25, 0.7, 0.1), g.fit(g.noise(9, 6, 0.7), 0.35, 0.7))
    tone = g.mix(dirt, colour, "#3a2f24")
    scuff = g.fit(g.noise(26, 7, 0.75, 0.6), 0.68, 0.72, 0, 0.5)
    tone = g.mix(scuff, tone, "#5a5048")
    return g.finish(Base_Color=tone, Roughness=rough, Normal=g.bump(g.noise(70, 4), 0.0008))


def traffic_cone(rng: Random) -> Any:
    """An orange traffic cone with reflective bands."""
    orange = weathered("cone orange", rng.choice(("#e0480c", "#d83a10", "#e85a14")), 0.45)
    white = plain("cone band", "#d8d8d4", 0.3, speckle=0.2)
    black = weathered("cone base", "#1f1f20", 0.6)
    parts = [box((0.36, 0.36, 0.03), black if rng.random() < 0.6 else orange, (0, 0, 0.018), 0.01)]

    def radius(z: float) -> float:
        return 0.135 - 0.107 * (z - 0.03) / 0.67

    edges = [0.03, 0.24, 0.37, 0.45, 0.57, 0.7]
    for k, (low, high) in enumerate(zip(edges, edges[1:], strict=False)):
        parts.append(lathe([(radius(low), low), (radius(high), high)], white if k % 2 else orange, 64, 4))
    parts.append(lathe([(radius(0.03) + 0.012, 0.03), (radius(0.05), 0.05)], orange, 64, 3))
    parts.append(lathe([(0.028, 0.7), (0.026, 0.706), (0.02, 0.706), (0.018, 0.66)], orange, 48, 2))
    return join("traffic cone", parts)


def fire_hydrant(rng: Random) -> Any:
    """A cast-iron hydrant with bonnet, caps and chains."""
    paint = weathered("hydrant", rng.choice(("#b01a14", "#b01a14", "#d8a414", "#c8321a")), 0.42)
    trim = weathered("hydrant cap", rng.choice(("#c8c4bc", "#b01a14", "#2a4a7a")), 0.4)
    iron = metal("bolt", "#6a6460", 0.45)
    body = [
        (0, 0),
        (0.15, 0),
        (0.155, 0.012),
        (0.15, 0.035),
        (0.115, 0.04),
        (0.108, 0.06),
        (0.102, 0.3),
        (0.106, 0.44),
        (0.128, 0.45),
        (0.13, 0.475),
        (0.12, 0.485),
        (0.118, 0.51),
        (0.1, 0.57),
        (0.06, 0.605),
        (0.04, 0.612),
        (0, 0.612),
    ]
    parts = [lathe(body, paint, 96, 2)]
    parts.append(lathe([(0, 0.61), (0.034, 0.61), (0.034, 0.622), (0.022, 0.626), (0, 0.626)], paint, 40, 1))
    parts.append(cylinder(0.019, 0.045, trim, (0, 0, 0.622)))
    for k in range(10):
        a = math.tau * k / 10
        parts.append(cylinder(0.012, 0.016, iron, (0.132 * math.cos(a), 0.132 * math.sin(a), 0.03)))
        parts.append(cylinder(0.0085, 0.012, iron, (0.118 * math.cos(a), 0.118 * math.sin(a), 0.472)))
    for turn, size, height in ((0.0, 1.0, 0.37), (math.pi, 1.0, 0.37), (-math.pi / 2, 1.4, 0.34)):
        arm = lathe(
            [
                (0.05, 0.08),
                (0.05, 0.125),
                (0.06, 0.128),
                (0.06, 0.14),
                (0.053, 0.142),
                (0.053, 0.165),
                (0.045, 0.172),
                (0.018, 0.174),
                (0.017, 0.192),
                (0, 0.192),
            ],
            trim if size > 1 else paint,
            64,
            1,
        )
        place(arm, (0, 0, height), (0, math.pi / 2, turn), (size * 0.95, size * 0.95, 1))
        arm.rotation_euler = (0, math.pi / 2, turn)
        parts.append(arm)
        out = Vector((math.cos(turn), math.sin(turn), 0))
        side = Vector((-out.y, out.x, 0))
        start = Vector((0, 0, height + 0.055)) + out * 0.1 + side * 0.03
        end = Vector((0, 0, height)) + out * 0.165 + side * 0.05 * size
        sag = (start + end) / 2 - Vector((0, 0, 0.07)) + side * 0.02
        parts.append(tube(spline([start, sag, end], 8), 0.0035, iron, 8))
    return join("fire hydrant", parts)


def traffic_light(rng: Random) -> Any:
    """A three-lamp traffic light on its pole, one lamp lit, facing -y."""
    shell = plain("signal shell", rng.choice(("#1c1f1c", "#1c1f1c", "#c89a1a")), 0.45, speckle=0.2)
    pole = metal("pole", "#8a8d8f", 0.45)
    parts = [tube([(0, 0.16, 0), (0, 0.16, 3.3)], 0.055, pole, 32), cylinder(0.14, 0.03, pole, (0, 0.16, 0))]
    parts.append(box((0.34, 0.2, 1.02), shell, (0, 0, 2.75), 0.04))
    parts.append(box((0.56, 0.015, 1.24), plain("backboard", "#101210", 0.6), (0, 0.1, 2.75), 0.004))
    lit = rng.randrange(3)
    tones = (("#ff2a14", "#3a0806"), ("#ffb414", "#3a2806"), ("#2aff7a", "#06301a"))
    for k, (bright, dark) in enumerate(tones):
        z = 3.07 - 0.32 * k
        lens = glow("lit", bright, 9) if k == lit else plain("unlit", dark, 0.15, Clearcoat=0.8)
        dome = sphere(0.12, lens, 16, 48, lambda d: Vector((d.x, d.y, d.z * 0.3)))
        parts.append(place(dome, (0, -0.1, z), (math.pi / 2, 0, 0)))
        visor, faces = [], []
        for i in range(25):
            a = -0.5 + (math.pi + 1.0) * i / 24
            for y, r in ((-0.1, 0.132), (-0.32 + 0.1 * abs(math.cos(a)), 0.138)):
                visor.append((r * math.cos(a), y, z + r * math.sin(a)))
        faces = [(2 * i, 2 * i + 2, 2 * i + 3, 2 * i + 1) for i in range(24)]
        hood = mesh_object("visor", visor, faces, shell)
        thick = hood.modifiers.new("thick", "SOLIDIFY")
        thick.thickness = 0.006
        parts.append(hood)
    return join("traffic light", parts)


def stop_sign(rng: Random) -> Any:
    """An octagonal stop sign on a post, facing -y."""
    red = plain("sign red", "#b0141a", 0.3, speckle=0.12)
    white = plain("sign white", "#e8e6e0", 0.35, speckle=0.06)
    steel = metal("post", "#9a9c9c", 0.4)
    half = 0.375

    def octagon(r: float) -> list[tuple[float, float]]:
        return [
            (
                r / math.cos(math.pi / 8) * math.cos(math.pi / 8 + math.tau * k / 8),
                r / math.cos(math.pi / 8) * math.sin(math.pi / 8 + math.tau * k / 8),
            )
            for k in range(8)
        ]

    parts = [extrude(octagon(half), 0.003, white, 0.0008, 2)]
    parts.append(place(extrude(octagon(half - 0.02), 0.0015, red), (0, 0, 0.0025)))
    parts.append(place(extrude(octagon(half - 0.0005), 0.002, steel), (0, 0, -0.002)))
    text = numeral("STOP", (0, -0.01, 0.0045), 0.36, white)
    text.data.offset = 0.006
    text.scale = (0.78, 1.0, 1)
    parts.append(text)
    for z in (-0.2, 0.2):
        parts.append(cylinder(0.011, 0.006, steel, (0, z, 0.003)))
    face = join("face", parts)
    place(face, (0, 0, 2.1), (math.pi / 2, 0, 0))
    post = box((0.06, 0.035, 2.5), steel, (0, 0.022, 1.25), 0.008)
    return join("stop sign", [face, post])


def ladder(rng: Random) -> Any:
    """A wooden or aluminium stepladder standing open."""
    rail = rng.choice(
        (
            wood("ladder wood", rng, "#d0a468", "#94683a", 0.5, along=(0.08, 0.08, 1)),
            metal("aluminium", "#c0c2c4", 0.3, 0.3),
            plain("yellow rail", "#d8a010", 0.4),
        )
    )
    steel = metal("hinge", "#8a8a8a", 0.35)
    tall, spread = 1.5, 0.42
    parts = []

    def bar(a: Any, b: Any, wide: float, deep: float, material: Any) -> Any:
        a, b = Vector(a), Vector(b)
        piece = box((wide, deep, (b - a).length), material, (0, 0, 0), 0.004)
        piece.rotation_euler = (b - a).to_track_quat("Z", "Y").to_euler()
        piece.location = (a + b) / 2
        return piece

    for x in (-1, 1):
        parts.append(bar((x * 0.24, -spread, 0), (x * 0.17, 0, tall), 0.03, 0.07, rail))
        parts.append(bar((x * 0.24, spread, 0), (x * 0.17, 0.02, tall), 0.028, 0.045, rail))
        parts.append(
            bar(
                (x * 0.222, -spread * 0.6, tall * 0.4),
                (x * 0.222, spread * 0.6, tall * 0.4),
                0.006,
                0.02,
                steel,
            )
        )
    for k in range(1, 5):
        t = k / 5
        half = 0.24 - 0.07 * t
        parts.append(box((2 * half, 0.09, 0.022), rail, (0, -spread * (1 - t), tall * t), 0.004))
    parts.append(box((0.4, 0.16, 0.025), rail, (0, 0, tall), 0.006))
    for t in (0.25, 0.75):
        half = 0.24 - 0.07 * t
        parts.append(
            bar((-half, spread * (1 - t), tall * t), (half, spread * (1 - t), tall * t), 0.02, 0.03, rail)
        )
    return join("ladder", parts)


def chair(rng: Random) -> Any:
    """A wooden chair with a slatted back, facing -y."""
    tones = rng.choice((("#b8803f", "#7a4a20"), ("#5a3420", "#2a160c"), ("#d8b888", "#a8804c")))
    timber = (
        wood("chair", rng, *tones, 0.35, along=(0.08, 0.08, 1))
        if rng.random() < 0.75
        else plain("chair paint", rng.choice(("#e0dcd0", "#3a6a6a", "#a83a28")), 0.35)
    )
    parts = [box((0.43, 0.41, 0.03), timber, (0, 0, 0.45), 0.012)]
    for x in (-1.0, 1.0):
        parts.append(
            tube([(x * 0.19, -0.18, 0.0), (x * 0.18, -0.17, 0.44)], lambda t: 0.014 + 0.006 * t, timber, 20)
        )
        back = spline(
            [(x * 0.19, 0.21, 0.0), (x * 0.18, 0.18, 0.44), (x * 0.18, 0.21, 0.7), (x * 0.18, 0.27, 0.96)], 8
        )
        parts.append(tube(back, 0.0185, timber, 20))
        parts.append(tube([(x * 0.188, -0.175, 0.16), (x * 0.188, 0.2, 0.16)], 0.01, timber, 14))
        parts.append(box((0.02, 0.34, 0.05), timber, (x * 0.18, 0, 0.41), 0.004))
    parts.append(tube([(-0.185, 0, 0.16), (0.185, 0, 0.16)], 0.01, timber, 14))
    parts.append(box((0.36, 0.02, 0.05), timber, (0, -0.17, 0.41), 0.004))
    for z, y, h in ((0.92, 0.262, 0.09), (0.62, 0.198, 0.04)):
        slat = box((0.36, 0.018, h), timber, (0, y, z), 0.006)
        slat.rotation_euler = (-0.2, 0, 0)
        parts.append(slat)
    for k in range(4):
        x = -0.12 + 0.08 * k
        parts.append(tube([(x, 0.2, 0.62), (x, 0.232, 0.78), (x, 0.26, 0.9)], 0.009, timber, 14))
    return join("chair", parts)


def anchor(rng: Random) -> Any:
    """A rusty stock anchor lying flat."""
    g = Graph("rust")
    patches = g.noise(9, 7, 0.7, 0.5)
    tone = g.ramp(patches, [(0.3, "#2a1a14"), (0.5, "#6a3418"), (0.62, "#94542a"), (0.75, "#3a3434")])
    iron = g.finish(Base_Color=tone, Roughness=0.8, Metallic=0.3, Normal=g.bump(g.noise(60, 6, 0.7), 0.006))
    parts = [tube([(0, -0.5, 0), (0, 0.5, 0)], lambda t: 0.042 - 0.012 * t, iron, 24)]
    arc = [
        (0.42 * math.sin(a), -0.08 - 0.42 * math.cos(a), 0) for a in [-1.25 + 2.5 * k / 40 for k in range(41)]
    ]
    parts.append(tube(arc, lambda t: 0.022 + 0.024 * math.sin(math.pi * t), iron, 24))
    for sign in (-1, 1):
        fluke = extrude(
            [(0, 0.17), (0.095, -0.03), (0.05, -0.075), (-0.05, -0.075), (-0.095, -0.03)], 0.022, iron, 0.006
        )
        tip = Vector((sign * 0.42 * math.sin(1.2), -0.08 - 0.42 * math.cos(1.2), 0))
        place(fluke, tip + Vector((-sign * 0.012, 0, 0)), (0, sign * 1.35, 0))
        fluke.rotation_euler = (0, math.pi / 2, 0)
        fluke.rotation_euler.rotate_axis("X", 0)
        fluke.rotation_euler = (math.pi / 2 * 0, math.pi / 2, -sign * 0.3)
        parts.append(fluke)
    parts.append(tube([(0, 0.37, -0.34), (0, 0.37, 0.34)], 0.024, iron, 20))
    for z in (-0.34, 0.34):
        parts.append(place(sphere(0.045, iron, 16, 24), (0, 0.37, z)))
    ring = [
        (0.075 * math.cos(a), 0.565 + 0.075 * math.sin(a), 0) for a in [math.tau * k / 40 for k in range(40)]
    ]
    parts.append(tube(ring, 0.014, iron, 14, closed=True))
    thing = join("anchor", parts)
    place(thing, (0, 0, 0.3), (0.0, rng.choice((-1, 1)) * 0.75, 0))
    return join("anchor", [thing])


def snowman(rng: Random) -> Any:
    """A snowman of three balls with carrot nose, coal eyes, twig arms, hat and scarf."""
    g = Graph("packed snow")
    rough = g.math("ADD", g.noise(22, 6, 0.7), g.math("MULTIPLY", g.noise(140, 4), 0.3))
    snow = g.finish(
        Base_Color="#e9edf1",
        Roughness=0.7,
        Subsurface=0.1,
        Subsurface_Radius=(0.02, 0.03, 0.05),
        Subsurface_Color="#dbe8f6",
        Normal=g.bump(rough, 0.02),
    )
    parts = []
    for z, r in ((0.36, 0.42), (0.93, 0.31), (1.36, 0.22)):
        seed = Vector([rng.uniform(-9, 9) for _ in range(3)])
        parts.append(
            place(
                sphere(
                    r,
                    snow,
                    48,
                    72,
                    lambda d: (
                        d * (1 + 0.05 * noise.noise(d * 1.7 + seed) + 0.015 * noise.noise(d * 6 + seed))
                    ),
                ),
                (rng.uniform(-0.02, 0.02), 0, z),
            )
        )
    coal = plain("coal", "#141416", 0.5)
    for x, y, z, r in (
        (-0.08, -0.2, 1.42, 0.025),
        (0.08, -0.2, 1.42, 0.025),
        (0, -0.31, 1.05, 0.028),
        (0, -0.325, 0.93, 0.028),
        (0, -0.31, 0.8, 0.028),
    ):
        parts.append(place(sphere(r, coal, 8, 10, lambda d: d * (1 + 0.2 * noise.noise(d * 3))), (x, y, z)))
    for k in range(7):
        a = -0.75 + 1.5 * k / 6
        parts.append(
            place(
                sphere(0.014, coal, 6, 8),
                (0.12 * math.sin(a), -0.205 + 0.015 * abs(a), 1.3 - 0.035 * math.cos(a) + 0.01),
            )
        )
    nose = tube(
        [(0, -0.2, 1.36), (0.005, -0.29, 1.355), (0, -0.38, 1.345)],
        lambda t: 0.032 * (1.03 - t),
        plain("nose", "#e0701a", 0.5, speckle=0.3),
        20,
    )
    parts.append(nose)
    bark = plain("twig", "#3f2a1a", 0.9, speckle=0.4)
    for sign in (-1, 1):
        arm = spline([(sign * 0.26, 0, 0.98), (sign * 0.5, -0.05, 1.08), (sign * 0.72, -0.06, 1.28)], 6)
        parts.append(tube(arm, lambda t: 0.015 - 0.008 * t, bark, 10))
        for d in ((0.1, 0.0, 0.03), (0.02, -0.03, 0.13), (0.09, 0.02, 0.11)):
            tip = arm[-3]
            parts.append(
                tube([tip, tip + Vector((sign * d[0], d[1], d[2]))], lambda t: 0.007 - 0.004 * t, bark, 8)
            )
    felt = plain("hat", "#17171a", 0.8)
    hat = lathe(
        [
            (0, 0),
            (0.24, 0),
            (0.245, 0.01),
            (0.235, 0.018),
            (0.155, 0.02),
            (0.15, 0.03),
            (0.158, 0.24),
            (0.15, 0.25),
            (0, 0.25),
        ],
        felt,
        64,
        1,
    )
    place(hat, (0, 0, 1.53), (-0.1, rng.uniform(-0.12, 0.12), 0))
    hat.rotation_euler = (-0.1, 0.08, 0)
    parts.append(hat)
    wool = cloth("scarf", rng.choice(("#a81c1c", "#1f4a7a", "#2a6a3a")), "#e0dcd0", 300, 0.05)
    loop = [
        (0.215 * math.cos(a), 0.215 * math.sin(a), 1.17 + 0.02 * math.sin(2 * a))
        for a in [math.tau * k / 48 for k in range(48)]
    ]
    parts.append(tube(loop, 0.045, wool, 16, closed=True))
    end = spline([(0.1, -0.21, 1.17), (0.13, -0.3, 1.08), (0.14, -0.32, 0.92), (0.13, -0.34, 0.78)], 6)
    parts.append(tube(end, 0.05, wool, 20, section=lambda a, t: 0.45 + 0.6 * abs(math.cos(a))))
    return place(join("snowman", parts), scale=rng.uniform(0.85, 1.1))


def wheel(rng: Random) -> Any:
    """A spoked wooden cart wheel, leaning or standing."""
    timber = wood("wheel", rng, "#a07a4c", "#5f4226", 0.6)
    iron = metal("tyre", "#5a5450", 0.5)
    radius = 0.42
    rim = [
        (radius - 0.06, -0.03),
        (radius - 0.06, 0.03),
        (radius, 0.032),
        (radius, -0.032),
        (radius - 0.06, -0.03),
    ]
    parts = [lathe(rim, timber, 120, 1, capped=False)]
    parts.append(
        lathe(
            [(radius, -0.033), (radius + 0.009, -0.033), (radius + 0.009, 0.033), (radius, 0.033)],
            iron,
            120,
            1,
            capped=False,
        )
    )
    hub = [
        (0, -0.13),
        (0.045, -0.13),
        (0.05, -0.12),
        (0.06, -0.06),
        (0.082, -0.035),
        (0.082, 0.035),
        (0.06, 0.06),
        (0.05, 0.12),
        (0.045, 0.13),
        (0, 0.13),
    ]
    parts.append(lathe(hub, timber, 64, 1))
    parts.append(
        lathe(
            [(0, -0.131), (0.022, -0.131), (0.022, 0.131), (0, 0.131)],
            plain("axle hole", "#0f0b08", 0.9),
            32,
            1,
        )
    )
    for z in (-0.07, 0.062):
        parts.append(
            lathe(
                [(0.057, z), (0.0615, z), (0.0615, z + 0.012), (0.057, z + 0.012)], iron, 64, 1, capped=False
            )
        )
    for k in range(12):
        a = math.tau * k / 12
        spoke = tube(
            [
                (0.07 * math.cos(a), 0.07 * math.sin(a), 0),
                ((radius - 0.05) * math.cos(a), (radius - 0.05) * math.sin(a), 0),
            ],
            lambda t: 0.021 - 0.004 * math.sin(math.pi * t),
            timber,
            14,
        )
        parts.append(spoke)
    thing = join("wheel", parts)
    place(thing, (0, 0, 0), (math.pi / 2 - rng.uniform(0.12, 0.3), 0, 0))
    return join("wheel", [thing])
