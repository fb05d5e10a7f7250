"""Things of the house: pencil, scissors, clock, book, clothespin, hats, umbrella, suitcase, chess."""

from __future__ import annotations

import math
from random import Random
from typing import Any

import bpy

from materials import Graph, cloth, metal, plain, skin, wood
from mesh import box, cylinder, extrude, join, lathe, mesh_object, place, sphere, spline, tube


def pencil(rng: Random) -> Any:
    """A six-sided pencil with eraser, sharpened, lying along x."""
    tone = rng.choice(("#d8a012", "#b8201a", "#1f5a3a", "#22409a", "#d86a1c"))
    paint = plain("pencil paint", tone, 0.22, Clearcoat=0.5)
    timber = wood("cedar", rng, "#d8a878", "#b07a4c", 0.6)
    lead = plain("lead", "#2a2a2c", 0.35, 0.3)
    radius, length = 0.0037, rng.uniform(0.11, 0.175)

    def hexagon(x: float, r: float) -> list[tuple[float, float, float]]:
        return [(x, r * math.cos(math.tau * k / 6), r * math.sin(math.tau * k / 6)) for k in range(6)]

    body = mesh_object(
        "body",
        hexagon(0.0, radius) + hexagon(length, radius),
        [(k, (k + 1) % 6, 6 + (k + 1) % 6, 6 + k) for k in range(6)],
        paint,
        smooth=False,
    )
    parts = [body]
    cone = lathe(
        [(radius * 1.0, 0.0), (radius * 0.3, 0.016)],
        timber,
        48,
        1,
        lambda a, t, r, z: (r, z + (0.0016 * abs(math.cos(3 * a)) - 0.0016 if t == 0 else 0)),
    )
    parts.append(place(cone, (length, 0, 0), (0, math.pi / 2, 0)))
    tip = lathe([(radius * 0.3, 0.016), (radius * 0.06, 0.0213), (0, 0.0216)], lead, 24, 1)
    parts.append(place(tip, (length, 0, 0), (0, math.pi / 2, 0)))
    steel = metal("ferrule", "#c8b478", 0.25)
    ferrule = lathe(
        [
            (0.0038, 0),
            (0.0039, 0.002),
            (0.0036, 0.003),
            (0.0039, 0.004),
            (0.0036, 0.005),
            (0.0039, 0.006),
            (0.0039, 0.011),
            (0.0036, 0.012),
            (0.0038, 0.014),
        ],
        steel,
        32,
        2,
    )
    parts.append(place(ferrule, (0.001, 0, 0), (0, -math.pi / 2, 0)))
    rubber = lathe(
        [(0.0034, 0.012), (0.0035, 0.0205), (0.0028, 0.0222), (0, 0.0225)],
        plain("eraser", "#c86a70", 0.8),
        32,
        3,
    )
    parts.append(place(rubber, (0.001, 0, 0), (0, -math.pi / 2, 0)))
    return place(join("pencil", parts), (0, 0, radius))


def scissors(rng: Random) -> Any:
    """Open scissors with plastic handles, lying flat."""
    steel = metal("blade", "#cacccc", 0.14, 0.3)
    grip = plain("handle", rng.choice(("#c02818", "#18181a", "#e07a18", "#1f5a9a", "#2a7a3a")), 0.32)
    spread = rng.uniform(0.12, 0.42)
    halves = []
    for sign in (-1, 1):
        blade = extrude(
            [
                (-0.028, -0.004),
                (-0.028, 0.005),
                (0, 0.0075),
                (0.05, 0.006),
                (0.092, 0.0012),
                (0.095, 0.0),
                (0.05, -0.0045),
                (0, -0.006),
            ],
            0.0018,
            steel,
            0.0005,
            2,
        )
        loop = spline(
            [
                (-0.026, 0.003),
                (-0.045, 0.0115),
                (-0.065, 0.021),
                (-0.088, 0.021),
                (-0.1, 0.01),
                (-0.094, -0.004),
                (-0.074, -0.008),
                (-0.05, -0.005),
            ],
            6,
            closed=True,
        )
        ring = tube([(p.x, p.y, 0.001) for p in loop], 0.0042, grip, 16, closed=True)
        shank = tube(
            [(-0.022, 0.001, 0.001), (-0.034, 0.005, 0.001), (-0.046, 0.006, 0.001)], 0.0048, grip, 14
        )
        half = join("half", [blade, ring, shank])
        if sign < 0:
            half.scale = (1, -1, 1)
            bpy.context.view_layer.objects.active = half
            bpy.ops.object.transform_apply(scale=True)
            half.data.flip_normals()
        half.rotation_euler = (0, 0, -sign * spread)
        half.location = (0, 0, 0.0042 + 0.001 * sign)
        halves.append(half)
    pin = cylinder(0.0036, 0.0062, metal("screw", "#a8a8a8", 0.3), (0, 0, 0.0026))
    return place(join("scissors", [*halves, pin]), scale=rng.uniform(1.0, 1.25))


def clock(rng: Random) -> Any:
    """A twin-bell alarm clock standing, its dial toward -y."""
    shell = rng.choice(
        (
            metal("brass", "#c8a04a", 0.2),
            plain("red shell", "#a81c18", 0.2, Clearcoat=0.6),
            plain("teal shell", "#3a7f7a", 0.2, Clearcoat=0.6),
            metal("chrome", "#d0d0d0", 0.1),
            plain("black shell", "#1a1a1c", 0.2, Clearcoat=0.6),
        )
    )
    brass = metal("bells", rng.choice(("#c8a04a", "#c8c8c8")), 0.16)
    dial = plain("dial", rng.choice(("#eeeae0", "#e8e0c8")), 0.6, speckle=0.02)
    ink = plain("ink", "#1a1a1c", 0.5)
    radius = 0.05
    case = lathe(
        [
            (0, 0.0),
            (0.042, 0.0),
            (0.048, 0.004),
            (radius, 0.014),
            (radius, 0.042),
            (0.048, 0.046),
            (0.0445, 0.046),
            (0.0445, 0.041),
            (0, 0.041),
        ],
        shell,
        96,
        2,
    )
    face = lathe([(0, 0.0412), (0.0444, 0.0412)], dial, 96, 1)
    parts = [case, face]
    for k in range(60):
        a = math.tau * k / 60
        long = 0.0055 if k % 5 == 0 else 0.0025
        mark = box(
            (0.0016 if k % 5 == 0 else 0.0007, long, 0.0003),
            ink,
            (0.0395 * math.sin(a), 0.0395 * math.cos(a), 0.0415),
        )
        mark.rotation_euler = (0, 0, -a)
        parts.append(mark)
    for k in range(1, 13):
        a = math.tau * k / 12
        parts.append(numeral(str(k), (0.031 * math.sin(a), 0.031 * math.cos(a), 0.0416), 0.0085, ink))
    hour, minute = rng.uniform(0, 12), 0.0
    minute = hour % 1 * 60
    for turn, long, wide in ((hour / 12, 0.021, 0.0024), (minute / 60, 0.032, 0.0016)):
        hand = box((wide, long, 0.0005), ink, (0, 0, 0))
        a = math.tau * turn
        hand.rotation_euler = (0, 0, -a)
        hand.location = (math.sin(a) * long * 0.38, math.cos(a) * long * 0.38, 0.0424)
        parts.append(hand)
    parts.append(cylinder(0.0024, 0.002, brass, (0, 0, 0.042)))
    for sign in (-1, 1):
        bell = lathe(
            [(0.0, 0.0165), (0.01, 0.015), (0.0175, 0.009), (0.02, 0.0), (0.0185, 0.0)], brass, 48, 4
        )
        place(bell, (sign * 0.03, 0.045, 0.026), (-math.pi / 2, 0, 0))
        bell.rotation_euler = (-math.pi / 2, sign * 0.55, 0)
        foot = tube(
            [(sign * 0.028, -0.04, 0.026), (sign * 0.036, -0.062, 0.026)],
            lambda t: 0.0045 - 0.0015 * t,
            shell,
            14,
        )
        parts += [
            bell,
            foot,
            tube([(sign * 0.024, 0.04, 0.026), (sign * 0.03, 0.052, 0.026)], 0.002, brass, 8),
        ]
    loop = spline(
        [
            (-0.024, 0.062, 0.026),
            (-0.018, 0.077, 0.026),
            (0, 0.082, 0.026),
            (0.018, 0.077, 0.026),
            (0.024, 0.062, 0.026),
        ],
        6,
    )
    parts.append(tube(loop, 0.0022, brass, 12))
    parts.append(tube([(0, 0.048, 0.026), (0, 0.064, 0.026)], 0.0014, brass, 8))
    parts.append(place(sphere(0.0045, brass, 12, 18), (0, 0.066, 0.026), scale=(1.6, 1, 1)))
    thing = join("clock", parts)
    place(thing, (0, 0.022, 0.06), (math.pi / 2, 0, 0))
    return join("clock", [thing])


def numeral(text: str, at: tuple[float, float, float], size: float, material: Any) -> Any:
    """Flat text in Blender's own font, centred."""
    curve = bpy.data.curves.new("numeral", "FONT")
    curve.body = text
    curve.size = size
    curve.align_x = curve.align_y = "CENTER"
    curve.extrude = 0.0001
    curve.materials.append(material)
    thing = bpy.data.objects.new("numeral", curve)
    bpy.context.collection.objects.link(thing)
    thing.location = at
    return thing


def book(rng: Random) -> Any:
    """A hardback book lying closed, cloth cover and cream pages."""
    tone, gold = rng.choice(
        (
            ("#7a1f1c", "#c8a04a"),
            ("#1f3a5a", "#d0c8b0"),
            ("#2a4a34", "#c8a04a"),
            ("#2a2628", "#b8b0a0"),
            ("#a8763a", "#2a1c10"),
            ("#5a3a5a", "#d8c890"),
        )
    )
    cover = cloth("book cloth", tone, None, 1400)
    gilt = metal("gilt", gold, 0.35)
    wide, tall, thick = rng.uniform(0.12, 0.16), rng.uniform(0.18, 0.23), rng.uniform(0.018, 0.042)
    board = 0.003
    g = Graph("pages")
    _, _, z = g.split()
    leaves = g.noise(1, 3, 0.7, 0, g.moved(scale=(8, 8, 2600)))
    paper = g.finish(Base_Color=g.mix(g.fit(leaves, 0.35, 0.65, 0, 0.4), "#e8dfc8", "#8f8468"), Roughness=0.9)
    parts = [
        box((wide, tall, board), cover, (0, 0, board / 2), 0.0009),
        box((wide, tall, board), cover, (0, 0, thick - board / 2), 0.0009),
    ]
    parts.append(box((wide - 0.006, tall - 0.008, thick - 2 * board), paper, (-0.001, 0, thick / 2)))
    spine = []
    for k in range(17):
        a = math.pi * (k / 16 - 0.5)
        spine.append((-wide / 2 - 0.005 * math.cos(a), thick / 2 + thick / 2 * math.sin(a)))
    vertices = [(x, y, z) for y in (-tall / 2, tall / 2) for x, z in spine]
    back = mesh_object("spine", vertices, [(k, k + 1, 18 + k, 17 + k) for k in range(16)], cover)
    solid = back.modifiers.new("thick", "SOLIDIFY")
    solid.thickness = 0.002
    parts.append(back)
    for w, h in ((wide * 0.82, tall * 0.88), (wide * 0.76, tall * 0.84)):
        frame = [
            (-w / 2, -h / 2, thick),
            (w / 2, -h / 2, thick),
            (w / 2, h / 2, thick),
            (-w / 2, h / 2, thick),
        ]
        for start, end in zip(frame, frame[1:] + frame[:1], strict=True):
            parts.append(tube([start, end], 0.0005, gilt, 6))
    parts.append(box((wide * 0.5, 0.012, 0.0004), gilt, (0, tall * 0.2, thick)))
    parts.append(box((wide * 0.34, 0.006, 0.0004), gilt, (0, tall * 0.12, thick)))
    parts.append(
        place(lathe([(0, 0), (0.014, 0), (0.014, 0.0004), (0, 0.0004)], gilt, 8, 1), (0, -tall * 0.16, thick))
    )
    return join("book", parts)


def clothespin(rng: Random) -> Any:
    """A wooden spring clothespin lying on its side."""
    timber = wood("peg", rng, "#d8b480", "#b08850", 0.6)
    steel = metal("spring", "#a8a8a8", 0.3)
    parts = []
    for sign in (-1, 1):
        half = [
            (-0.036, 0.0012),
            (-0.02, 0.0006),
            (-0.015, 0.0022),
            (-0.011, 0.0006),
            (0.0, 0.0012),
            (0.004, 0.0028),
            (0.008, 0.0012),
            (0.036, 0.0065),
            (0.0362, 0.0098),
            (0.0, 0.0072),
            (-0.03, 0.0058),
            (-0.036, 0.0026),
        ]
        outline = [(x, sign * y) for x, y in half]
        parts.append(extrude(outline if sign > 0 else outline[::-1], 0.0095, timber, 0.0006, 2))
    coil = []
    for k in range(80):
        a = math.tau * 3.2 * k / 79
        coil.append((0.004 + 0.0032 * math.cos(a), 0.0032 * math.sin(a), 0.001 + 0.0075 * k / 79))
    parts.append(tube(coil, 0.0007, steel, 8))
    for z in (0.0002, 0.0093):
        for sign in (-1, 1):
            parts.append(tube([(0.005, sign * 0.002, z), (-0.006, sign * 0.0062, z)], 0.0007, steel, 8))
    for sign in (-1, 1):
        parts.append(
            tube([(-0.006, sign * 0.0066, -0.0002), (-0.006, sign * 0.0066, 0.0097)], 0.0007, steel, 8)
        )
    return place(join("clothespin", parts), (0, 0, 0.0005), scale=rng.uniform(1.0, 1.2))


def top_hat(rng: Random) -> Any:
    """A black silk top hat with a ribbon band, brim down."""
    g = Graph("silk")
    x, y, z = g.split()
    fibre = g.noise(1, 4, 0.7, 0, g.moved(scale=(40, 40, 700)))
    silk = g.finish(Base_Color="#101013", Roughness=0.32, Sheen=0.8, Normal=g.bump(fibre, 0.0005))
    band = cloth("ribbon", rng.choice(("#1a1a1e", "#5a1418", "#3a3a44")), None, 700)

    def rolled(a: float, t: float, r: float, z: float) -> tuple[float, float]:
        return r * (1 + 0.08 * math.cos(2 * a)), z + (0.022 * max(0.0, (r - 0.088)) / 0.045) * (
            0.2 + 0.8 * math.cos(a) ** 2
        ) * (1 if z < 0.03 else 0)

    ring = [
        (0.078, 0.0),
        (0.09, 0.0),
        (0.115, 0.001),
        (0.133, 0.003),
        (0.135, 0.006),
        (0.115, 0.005),
        (0.09, 0.005),
        (0.083, 0.009),
        (0.079, 0.05),
        (0.081, 0.1),
        (0.088, 0.148),
        (0.086, 0.152),
        (0.04, 0.153),
        (0, 0.153),
    ]
    hat = lathe(ring, silk, 128, 5, rolled)
    strip = lathe(
        [(0.0835, 0.008), (0.0805, 0.04), (0.0795, 0.042)],
        band,
        128,
        3,
        lambda a, t, r, z: (r * (1 + 0.08 * math.cos(2 * a)) + 0.0008, z),
    )
    return join("top hat", [hat, strip])


def umbrella(rng: Random) -> Any:
    """An open umbrella resting on the ground on its rim and tip."""
    tone, other = rng.choice(
        (
            ("#a81c1c", "#a81c1c"),
            ("#1f3a6a", "#1f3a6a"),
            ("#d8b020", "#d8b020"),
            ("#c02828", "#ece6dc"),
            ("#1c1c20", "#1c1c20"),
            ("#2a7a6a", "#ece6dc"),
        )
    )
    panels = [cloth("canopy", t, None, 600) for t in (tone, other)]
    steel = metal("rib", "#b8b8b8", 0.25)
    dark = wood("handle", rng, "#6a4024", "#2f1a0c", 0.3)
    radius, drop, count = 0.52, 0.2, 8
    parts = []
    for k in range(count):
        vertices, faces, n = [], [], 12
        for i in range(n + 1):
            t = i / n
            for j in range(n + 1):
                u = j / n
                a = math.tau * (k + u) / count
                sag = 1 - (0.07 * t * t) * math.sin(math.pi * u)
                r = radius * math.sin(t * 1.15) / math.sin(1.15) * sag
                z = drop * (math.cos(t * 1.15) - math.cos(1.15)) / (
                    1 - math.cos(1.15)
                ) - 0.012 * t * math.sin(math.pi * u)
                vertices.append((r * math.cos(a), r * math.sin(a), z))
        faces = [
            (i * (n + 1) + j, (i + 1) * (n + 1) + j, (i + 1) * (n + 1) + j + 1, i * (n + 1) + j + 1)
            for i in range(n)
            for j in range(n)
        ]
        parts.append(mesh_object("panel", vertices, faces, panels[k % 2]))
        a = math.tau * k / count
        rib = []
        for i in range(n + 1):
            t = i / n
            r = radius * math.sin(t * 1.15) / math.sin(1.15)
            z = drop * (math.cos(t * 1.15) - math.cos(1.15)) / (1 - math.cos(1.15)) - 0.005
            rib.append((r * math.cos(a), r * math.sin(a), z))
        parts.append(tube(rib, 0.002, steel, 6))
        parts.append(tube([(0.01 * math.cos(a), 0.01 * math.sin(a), -0.12), rib[7]], 0.0018, steel, 6))
    parts.append(tube([(0, 0, drop + 0.05), (0, 0, -0.52)], 0.005, steel, 16))
    parts.append(tube([(0, 0, drop + 0.07), (0, 0, drop)], lambda t: 0.003 + 0.005 * t, dark, 16))
    hook = spline(
        [
            (0, 0, -0.5),
            (0, 0, -0.6),
            (0.012, 0, -0.635),
            (0.04, 0, -0.645),
            (0.062, 0, -0.625),
            (0.064, 0, -0.6),
        ],
        7,
    )
    parts.append(tube(hook, 0.0105, dark, 20))
    thing = join("umbrella", parts)
    place(thing, (0, 0, 0), (rng.choice((-1, 1)) * rng.uniform(1.85, 2.05), 0, 0))
    return join("umbrella", [thing])


def suitcase(rng: Random) -> Any:
    """An old leather suitcase standing upright, its front toward -y."""
    tone = rng.choice((("#5a2f16", "#8a5228"), ("#2f3a2c", "#4f5f48"), ("#6a1f1a", "#8f3a2c")))
    hide = skin("leather", rng, [(0.3, tone[0]), (0.7, tone[1])], 8, 0.4, 420, 0.0004, 0.0, 0.1)
    trim = plain("trim", "#2a170c", 0.45)
    brass = metal("brass", "#c8a04a", 0.25)
    wide, deep, tall = 0.62, 0.19, 0.42
    parts = [box((wide, deep, tall), hide, (0, 0, tall / 2), 0.022)]
    for y in (-0.018, 0.018):
        parts.append(box((wide + 0.004, 0.006, tall + 0.004), trim, (0, y, tall / 2), 0.02))
    for x in (-wide * 0.32, wide * 0.32):
        parts.append(box((0.036, deep + 0.008, tall + 0.008), trim, (x, 0, tall / 2), 0.022))
        parts.append(box((0.03, 0.008, 0.045), brass, (x, -deep / 2 - 0.005, tall * 0.78), 0.003))
        parts.append(box((0.045, 0.05, 0.012), brass, (x * 0.55, 0, tall + 0.004), 0.003))
    for x in (-1, 1):
        for z in (0, 1):
            corner = sphere(0.045, trim, 16, 24)
            parts.append(
                place(
                    corner,
                    (x * (wide / 2 - 0.028), -deep / 2 + 0.03, z * (tall - 0.056) + 0.028),
                    scale=(0.78, 0.8, 0.78),
                )
            )
    grip = spline(
        [
            (-0.075, 0, tall),
            (-0.07, 0, tall + 0.035),
            (0, 0, tall + 0.046),
            (0.07, 0, tall + 0.035),
            (0.075, 0, tall),
        ],
        7,
    )
    parts.append(tube(grip, lambda t: 0.008 + 0.004 * math.sin(math.pi * t), trim, 18))
    return join("suitcase", parts)


def chess_piece(rng: Random, name: str, profile: list[tuple[float, float]]) -> tuple[list[Any], Any]:
    """The turned part of a chess piece and its wood."""
    tone = rng.choice((("#e0bc84", "#b8884c"), ("#3a2014", "#1a0d08")))
    timber = wood(name, rng, *tone, 0.25)
    felt = plain("felt", "#1f4a2c", 0.95)
    parts = [lathe(profile, timber, 80, 5), cylinder(0.0155, 0.0008, felt, (0, 0, -0.0006))]
    return parts, timber


FOOT = [
    (0, 0),
    (0.0165, 0),
    (0.018, 0.0025),
    (0.0175, 0.006),
    (0.0145, 0.0085),
    (0.0152, 0.011),
    (0.0125, 0.0145),
]


def rook(rng: Random) -> Any:
    """A chess rook with battlements."""
    profile = [
        *FOOT,
        (0.0092, 0.024),
        (0.0088, 0.033),
        (0.0098, 0.0385),
        (0.0132, 0.0405),
        (0.0128, 0.0435),
        (0.0122, 0.0455),
        (0.0125, 0.05),
        (0, 0.05),
    ]
    parts, timber = chess_piece(rng, "rook", profile)
    for k in range(5):
        a0 = math.tau * k / 5
        arc = [a0 + 0.86 * i / 8 for i in range(9)]
        outline = [(0.0127 * math.cos(a), 0.0127 * math.sin(a)) for a in arc] + [
            (0.0085 * math.cos(a), 0.0085 * math.sin(a)) for a in reversed(arc)
        ]
        parts.append(place(extrude(outline, 0.006, timber, 0.0005, 2), (0, 0, 0.0495)))
    return place(join("rook", parts), scale=rng.uniform(0.95, 1.1))


def pawn(rng: Random) -> Any:
    """A chess pawn with its round head."""
    profile = [
        *[(r * 0.9, z * 0.9) for r, z in FOOT],
        (0.0068, 0.0215),
        (0.0056, 0.0275),
        (0.0064, 0.0305),
        (0.0105, 0.0318),
        (0.0098, 0.0335),
        (0.0056, 0.0348),
        (0.0078, 0.037),
        (0.0093, 0.0418),
        (0.0072, 0.0468),
        (0.0035, 0.0492),
        (0, 0.0496),
    ]
    parts, _ = chess_piece(rng, "pawn", profile)
    return place(join("pawn", parts), scale=rng.uniform(0.92, 1.05))


def bishop(rng: Random) -> Any:
    """A chess bishop with its mitre and button."""
    profile = [
        *FOOT,
        (0.0078, 0.028),
        (0.0062, 0.043),
        (0.0068, 0.047),
        (0.0122, 0.0485),
        (0.0115, 0.0508),
        (0.0068, 0.0525),
        (0.0088, 0.0555),
        (0.0103, 0.061),
        (0.0083, 0.068),
        (0.0045, 0.0735),
        (0.0028, 0.0748),
        (0.0038, 0.0768),
        (0.0028, 0.0798),
        (0, 0.0805),
    ]
    parts, _ = chess_piece(rng, "bishop", profile)
    slit = box((0.0016, 0.03, 0.012), plain("slit", "#120a06", 0.9), (0.006, 0, 0.0655))
    slit.rotation_euler = (0, 0.6, 0)
    slit.scale = (1, 0.55, 1)
    return join("bishop", [*parts, slit])
