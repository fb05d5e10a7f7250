"""Bodies of the solar system, one unit in radius: Saturn, Mars, Jupiter and the Moon."""

from __future__ import annotations

import math
from random import Random
from typing import Any

from materials import Graph
from mesh import join, mesh_object, sphere


def saturn(rng: Random) -> Any:
    """Saturn with banded clouds and its rings, tilted."""
    g = Graph("saturn clouds")
    x, y, z = g.split()
    wobble = g.math("ADD", g.math("MULTIPLY", z, 1.0), g.math("MULTIPLY", g.noise(3, 4), 0.02))
    bands = g.noise(
        1, 5, 0.6, 0, g.node("ShaderNodeCombineXYZ", {2: g.math("MULTIPLY", wobble, 9.0)}).outputs[0]
    )
    tone = g.ramp(
        bands, [(0.25, "#a88a58"), (0.42, "#d8bc86"), (0.55, "#e4d0a0"), (0.68, "#c8a468"), (0.8, "#b89a70")]
    )
    pole = g.fit(g.math("ABSOLUTE", z), 0.72, 0.9, 0, 0.5)
    clouds = g.finish(Base_Color=g.mix(pole, tone, "#8a8468"), Roughness=1.0, Specular=0.0)
    body = sphere(1.0, clouds, 64, 128, lambda d: d * (1 - 0.09 * d.z * d.z))
    g = Graph("saturn rings")
    x, y, _ = g.split()
    radius = g.math("SQRT", g.math("ADD", g.math("MULTIPLY", x, x), g.math("MULTIPLY", y, y)))
    fine = g.noise(
        1, 6, 0.75, 0, g.node("ShaderNodeCombineXYZ", {0: g.math("MULTIPLY", radius, 26.0)}).outputs[0]
    )
    dense = g.node(
        "ShaderNodeRGBToBW",
        {
            0: g.ramp(
                g.fit(radius, 1.22, 2.3),
                [
                    (0.0, "#303030"),
                    (0.26, "#484848"),
                    (0.28, "#e8e8e8"),
                    (0.66, "#f0f0f0"),
                    (0.67, "#080808"),
                    (0.72, "#080808"),
                    (0.73, "#b8b8b8"),
                    (0.93, "#a0a0a0"),
                    (0.94, "#101010"),
                    (0.95, "#909090"),
                    (1.0, "#404040"),
                ],
            )
        },
    ).outputs[0]
    alpha = g.math("MULTIPLY", dense, g.fit(fine, 0.25, 0.6, 0.55, 1.0), clamp=True)
    ice = g.finish(
        Base_Color=g.ramp(fine, [(0.3, "#8f7c60"), (0.7, "#dccdb0")]),
        Roughness=1.0,
        Specular=0.0,
        Alpha=alpha,
    )
    vertices, faces, count = [], [], 192
    for k in range(count):
        a = math.tau * k / count
        vertices += [(1.22 * math.cos(a), 1.22 * math.sin(a), 0), (2.3 * math.cos(a), 2.3 * math.sin(a), 0)]
    faces = [(2 * k, 2 * k + 1, (2 * k + 3) % (2 * count), (2 * k + 2) % (2 * count)) for k in range(count)]
    thing = join("saturn", [body, mesh_object("rings", vertices, faces, ice)])
    thing.rotation_euler = (rng.uniform(-0.25, 0.15), rng.uniform(-0.45, 0.45), 0)
    return thing


def jupiter(rng: Random) -> Any:
    """Jupiter: turbulent belts and the Great Red Spot."""
    g = Graph("jupiter clouds")
    x, y, z = g.split()
    swirl = g.noise(5, 7, 0.65, 1.4, g.moved(scale=(1, 1, 3.2)))
    level = g.math("ADD", z, g.math("MULTIPLY", g.math("SUBTRACT", swirl, 0.5), 0.13))
    bands = g.noise(
        1, 3, 0.5, 0, g.node("ShaderNodeCombineXYZ", {0: 4.0, 2: g.math("MULTIPLY", level, 7.0)}).outputs[0]
    )
    tone = g.ramp(
        bands,
        [
            (0.28, "#6f4a30"),
            (0.4, "#a87850"),
            (0.47, "#d8c0a0"),
            (0.56, "#e8dcc8"),
            (0.64, "#b88a60"),
            (0.74, "#8a5f40"),
        ],
    )
    dx = g.math("DIVIDE", g.math("SUBTRACT", x, 0.28), 0.24)
    dz = g.math("DIVIDE", g.math("ADD", z, 0.36), 0.115)
    spot = g.math("ADD", g.math("MULTIPLY", dx, dx), g.math("MULTIPLY", dz, dz))
    near = g.math("LESS_THAN", y, 0.0)
    tone = g.mix(g.math("MULTIPLY", near, g.fit(spot, 1.0, 1.9, 0.8, 0)), tone, "#e4d4bc")
    tone = g.mix(
        g.math("MULTIPLY", near, g.fit(g.math("ADD", spot, swirl), 0.7, 1.35, 0.9, 0)), tone, "#b0562f"
    )
    clouds = g.finish(Base_Color=tone, Roughness=1.0, Specular=0.0)
    thing = join("jupiter", [sphere(1.0, clouds, 64, 128, lambda d: d * (1 - 0.06 * d.z * d.z))])
    thing.rotation_euler = (0, rng.uniform(-0.2, 0.2), rng.uniform(-0.5, 0.5))
    return thing


def craters(g: Any, scale: float, share: float) -> Any:
    """A height of bowls with raised rims."""
    gap = g.cells(scale, g.moved((scale, scale * 2, 0)))
    return g.node(
        "ShaderNodeRGBToBW",
        {
            0: g.ramp(
                g.fit(gap, 0, share),
                [(0.0, "#000000"), (0.5, "#505050"), (0.78, "#ffffff"), (1.0, "#808080")],
            )
        },
    ).outputs[0]


def moon(rng: Random) -> Any:
    """The full or gibbous Moon: dark seas, bright highlands, craters."""
    g = Graph("lunar rock")
    place = g.moved((3.1, 0.7, 1.9))
    seas = g.fit(g.noise(1.35, 6, 0.58, 0.5, place), 0.46, 0.58)
    bright = g.noise(9, 8, 0.7, 0.3, place)
    tone = g.mix(
        seas,
        g.ramp(bright, [(0.3, "#8a8680"), (0.7, "#bcb8b0")]),
        g.ramp(bright, [(0.3, "#45433f"), (0.7, "#6a6762")]),
    )
    rays = g.fit(g.cells(2.6, place), 0.0, 0.12, 1, 0)
    tone = g.mix(g.math("MULTIPLY", rays, 0.5), tone, "#e0dcd4")
    height = g.math(
        "ADD",
        craters(g, 5, 0.42),
        g.math(
            "ADD",
            g.math("MULTIPLY", craters(g, 13, 0.45), 0.6),
            g.math("MULTIPLY", craters(g, 31, 0.5), 0.35),
        ),
    )
    height = g.math("ADD", height, g.math("MULTIPLY", bright, 1.2))
    rock = g.finish(Base_Color=tone, Roughness=1.0, Specular=0.0, Normal=g.bump(height, 0.035))
    return join("moon", [sphere(1.0, rock, 64, 128)])


def mars(rng: Random) -> Any:
    """Mars: rusty plains, dark highlands, a polar cap and thin haze."""
    g = Graph("martian soil")
    _, _, z = g.split()
    place = g.moved((1.3, 5.1, 2.2))
    dark = g.fit(g.noise(1.7, 8, 0.62, 0.7, place), 0.5, 0.66)
    tone = g.mix(dark, g.ramp(g.noise(6, 7, 0.65, 0, place), [(0.3, "#a8562a"), (0.7, "#cf8248")]), "#5a3424")
    rim = g.math("ADD", z, g.math("MULTIPLY", g.noise(7, 5), 0.08))
    tone = g.mix(g.fit(rim, 0.955, 0.975), tone, "#ece8e4")
    haze = g.node("ShaderNodeLayerWeight", {"Blend": 0.2}).outputs["Facing"]
    tone = g.mix(g.fit(haze, 0.3, 1.0, 0, 0.45), tone, "#d8a878")
    height = g.math("ADD", g.noise(16, 8, 0.7, 0, place), g.math("MULTIPLY", craters(g, 9, 0.4), 0.16))
    soil = g.finish(Base_Color=tone, Roughness=1.0, Specular=0.0, Normal=g.bump(height, 0.02))
    thing = join("mars", [sphere(1.0, soil, 64, 128)])
    thing.rotation_euler = (rng.uniform(0.1, 0.5), rng.uniform(-0.4, 0.4), rng.uniform(0, 6))
    return thing
