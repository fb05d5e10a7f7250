"""Light: windows, lamps, the sun and procedural skies."""

from __future__ import annotations

import math
from random import Random
from typing import Any

import bpy
from mathutils import Vector

from materials import glow, linear, plain
from mesh import box, join, lathe, place, tube


def area(at: Any, toward: Any, size: tuple[float, float], power: float, colour: str) -> Any:
    """A rectangular light of `power` watts."""
    data = bpy.data.lights.new("area", "AREA")
    data.shape = "RECTANGLE"
    data.size, data.size_y = size
    data.energy = power
    data.color = linear(colour)[:3]
    lamp = bpy.data.objects.new("area", data)
    bpy.context.collection.objects.link(lamp)
    lamp.location = at
    lamp.rotation_euler = (Vector(toward) - Vector(at)).to_track_quat("-Z", "Y").to_euler()
    return lamp


def window(rng: Random, side: float, power: float = 60, colour: str = "#e6f0ff") -> None:
    """Daylight through a four-pane window on one side (`side` = -1 left, +1 right)."""
    distance, height = rng.uniform(1.3, 1.9), rng.uniform(0.75, 1.1)
    back = rng.uniform(-0.1, 0.8)
    for i in (-1, 1):
        for j in (-1, 1):
            at = (side * distance, back + i * 0.34, height + j * 0.42)
            area(
                at,
                (side * (distance - 1), back * 0.6 + i * 0.34, height + j * 0.42 - 0.35),
                (0.78, 0.62),
                power / 4,
                colour,
            )


def sunbeam(
    rng: Random,
    side: float,
    strength: float = 6.0,
    bars: bool = True,
    back: float | None = None,
    colour: str = "#ffdcae",
) -> None:
    """Low sun from one side, cut by window bars; `back` is its angle past the side, in radians."""
    lift = rng.uniform(0.38, 0.65)
    around = rng.uniform(-0.2, 0.7) if back is None else back
    toward = Vector(
        (side * math.cos(lift) * math.cos(around), math.cos(lift) * math.sin(around), math.sin(lift))
    )
    data = bpy.data.lights.new("sun", "SUN")
    data.energy = strength
    data.angle = math.radians(0.8)
    data.color = linear(colour)[:3]
    sun = bpy.data.objects.new("sun", data)
    bpy.context.collection.objects.link(sun)
    sun.rotation_euler = (-toward).to_track_quat("-Z", "Y").to_euler()
    if not bars:
        return
    frame = plain("window frame", "#d8d4cc", 0.5)
    centre = toward * 1.7
    parts = []
    for k in range(-3, 4):
        parts.append(box((0.035, 0.05, 2.4), frame, (0, k * 0.34, 0)))
    for k in range(-2, 3):
        parts.append(box((0.035, 2.4, 0.04), frame, (0, 0, k * 0.4)))
    grid = join("window frame", parts)
    grid.location = centre + Vector((0, rng.uniform(-0.12, 0.12), rng.uniform(-0.12, 0.12)))
    grid.rotation_euler = (0, 0, math.atan2(toward.y, toward.x))
    grid.visible_camera = False


def room(level: float, colour: str = "#cfd4dc") -> None:
    """Even light from all around, as a pale room gives back."""
    background(colour, level)


def background(colour: str, strength: float) -> None:
    """One colour all around."""
    world = bpy.context.scene.world or bpy.data.worlds.new("world")
    bpy.context.scene.world = world
    world.use_nodes = True
    node = world.node_tree.nodes["Background"]
    node.inputs[0].default_value = linear(colour)
    node.inputs[1].default_value = strength


def sky(rng: Random, elevation: float, azimuth: float, cloud: float = 0.0, haze: float = 1.0) -> None:
    """Nishita's sky with its sun; angles in radians; `cloud` mixes in procedural clouds."""
    world = bpy.context.scene.world or bpy.data.worlds.new("world")
    bpy.context.scene.world = world
    world.use_nodes = True
    tree = world.node_tree
    made = tree.nodes.new("ShaderNodeTexSky")
    made.sky_type = "NISHITA"
    made.sun_elevation = elevation
    made.sun_rotation = azimuth
    made.sun_size = math.radians(0.9)
    made.air_density = 1.0
    made.dust_density = haze
    node = tree.nodes["Background"]
    node.inputs[1].default_value = 0.12
    colour: Any = made.outputs[0]
    if cloud > 0:
        colour = clouds(tree, colour, cloud, rng)
    tree.links.new(colour, node.inputs[0])


def clouds(tree: Any, clear: Any, amount: float, rng: Random) -> Any:
    """Mix noise clouds into a sky colour, thinner toward the zenith."""
    coordinates = tree.nodes.new("ShaderNodeTexCoord")
    split = tree.nodes.new("ShaderNodeSeparateXYZ")
    tree.links.new(coordinates.outputs["Generated"], split.inputs[0])
    lift = tree.nodes.new("ShaderNodeMath")
    lift.operation = "ADD"
    lift.inputs[1].default_value = 0.12
    tree.links.new(split.outputs[2], lift.inputs[0])
    flat = tree.nodes.new("ShaderNodeCombineXYZ")
    for k in (0, 1):
        divide = tree.nodes.new("ShaderNodeMath")
        divide.operation = "DIVIDE"
        tree.links.new(split.outputs[k], divide.inputs[0])
        tree.links.new(lift.outputs[0], divide.inputs[1])
        tree.links.new(divide.outputs[0], flat.inputs[k])
    flat.inputs[2].default_value = rng.uniform(-20, 20)
    noise = tree.nodes.new("ShaderNodeTexNoise")
    noise.inputs["Scale"].default_value = rng.uniform(0.9, 1.6)
    noise.inputs["Detail"].default_value = 8
    noise.inputs["Roughness"].default_value = 0.58
    noise.inputs["Distortion"].default_value = 0.3
    tree.links.new(flat.outputs[0], noise.inputs["Vector"])
    fit = tree.nodes.new("ShaderNodeMapRange")
    fit.inputs[1].default_value = 0.66 - 0.3 * amount
    fit.inputs[2].default_value = 0.8 - 0.2 * amount
    fit.inputs[4].default_value = 0.85
    tree.links.new(noise.outputs["Fac"], fit.inputs[0])
    above = tree.nodes.new("ShaderNodeMapRange")
    above.inputs[1].default_value = 0.0
    above.inputs[2].default_value = 0.08
    tree.links.new(split.outputs[2], above.inputs[0])
    share = tree.nodes.new("ShaderNodeMath")
    share.operation = "MULTIPLY"
    tree.links.new(fit.outputs[0], share.inputs[0])
    tree.links.new(above.outputs[0], share.inputs[1])
    mix = tree.nodes.new("ShaderNodeMixRGB")
    mix.inputs[2].default_value = (7.5, 7.6, 7.9, 1)
    tree.links.new(share.outputs[0], mix.inputs[0])
    tree.links.new(clear, mix.inputs[1])
    return mix.outputs[0]


def night_lamp(rng: Random, at: tuple[float, float, float]) -> None:
    """A shaded table lamp that lights the table around it warmly."""
    shade = plain("lamp shade", rng.choice(("#e8d4a8", "#d9b98a", "#c9d0c0")), 0.9, Transmission=0.0)
    shade.node_tree.nodes["Principled BSDF"].inputs["Emission"].default_value = linear("#ffb860")
    shade.node_tree.nodes["Principled BSDF"].inputs["Emission Strength"].default_value = 0.9
    brass = plain("lamp foot", "#8a6a30", 0.3, 0.9)
    foot = lathe(
        [(0, 0), (0.075, 0), (0.075, 0.012), (0.03, 0.02), (0.009, 0.05), (0.009, 0.3), (0, 0.3)],
        brass,
        48,
        1,
    )
    cone = lathe([(0.15, 0.26), (0.1, 0.45), (0.098, 0.45), (0.148, 0.26), (0.15, 0.26)], shade, 64, 1)
    lamp = join("lamp", [foot, cone])
    lamp.location = at
    data = bpy.data.lights.new("bulb", "POINT")
    data.energy = 16
    data.shadow_soft_size = 0.045
    data.color = linear("#ffb06a")[:3]
    bulb = bpy.data.objects.new("bulb", data)
    bpy.context.collection.objects.link(bulb)
    bulb.location = (at[0], at[1], at[2] + 0.33)


def fairy_lights(rng: Random, count: int, wide: float, at: tuple[float, float, float]) -> None:
    """Points of light far behind, which blur into discs."""
    for _ in range(count):
        tone = rng.choice(("#ffb45a", "#ffd08a", "#ff8a3a", "#ffe6c0", "#9ac4ff"))
        bead = lathe([(0, 0), (0.01, 0.01), (0, 0.02)], glow("bead", tone, rng.uniform(12, 40)), 10, 2)
        place(
            bead,
            (
                at[0] + rng.uniform(-wide, wide),
                at[1] + rng.uniform(-0.4, 0.4),
                at[2] + rng.uniform(-0.5, 0.7),
            ),
        )


def cord(points: Any, colour: str = "#202020") -> Any:
    """A hanging cord."""
    return tube(points, 0.003, plain("cord", colour, 0.6), 8)
