"""Procedural materials: a small writer of shader node graphs and the looks made with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import bpy

Colour = tuple[float, float, float, float]
Stops = Sequence[tuple[float, str]]


def linear(code: str) -> Colour:
    """Linear RGBA of an sRGB code such as '#ffa020'."""
    values = [int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values)
    return (r, g, b, 1.0)


class Graph:
    """Writes one material's nodes; every method returns the socket to feed further."""

    def __init__(self, name: str) -> None:
        self.material = bpy.data.materials.new(name)
        self.material.use_nodes = True
        self.tree = self.material.node_tree
        self.tree.nodes.clear()
        self._coordinates = self.tree.nodes.new("ShaderNodeTexCoord")

    def node(self, kind: str, inputs: Mapping[Any, Any] | None = None, **settings: Any) -> Any:
        """A node of a Blender class; an input is a value, an sRGB code or a socket."""
        made = self.tree.nodes.new(kind)
        for key, value in settings.items():
            setattr(made, key, value)
        for name, value in (inputs or {}).items():
            if value is None:
                continue
            socket = made.inputs[name]
            if isinstance(value, bpy.types.NodeSocket):
                self.tree.links.new(value, socket)
            else:
                socket.default_value = linear(value) if isinstance(value, str) else value
        return made

    def coordinates(self, kind: str = "Object") -> Any:
        """Texture coordinates: Object (metres, local), Generated, Normal, ..."""
        return self._coordinates.outputs[kind]

    def moved(
        self,
        offset: Sequence[float] = (0, 0, 0),
        scale: Sequence[float] = (1, 1, 1),
        turn: Sequence[float] = (0, 0, 0),
        vector: Any = None,
    ) -> Any:
        """The coordinates scaled, turned and shifted."""
        source = vector or self.coordinates()
        inputs = {"Vector": source, "Location": offset, "Rotation": turn, "Scale": scale}
        return self.node("ShaderNodeMapping", inputs).outputs[0]

    def split(self, vector: Any = None) -> tuple[Any, Any, Any]:
        """x, y and z of a vector."""
        made = self.node("ShaderNodeSeparateXYZ", {0: vector or self.coordinates()})
        return made.outputs[0], made.outputs[1], made.outputs[2]

    def noise(
        self, scale: float, detail: float = 4, rough: float = 0.5, bend: float = 0, vector: Any = None
    ) -> Any:
        """Fractal noise around 0.5."""
        inputs = {
            "Vector": vector or self.coordinates(),
            "Scale": scale,
            "Detail": detail,
            "Roughness": rough,
            "Distortion": bend,
        }
        return self.node("ShaderNodeTexNoise", inputs).outputs["Fac"]

    def cells(self, scale: float, vector: Any = None, feature: str = "F1", output: str = "Distance") -> Any:
        """Voronoi cells."""
        inputs = {"Vector": vector or self.coordinates(), "Scale": scale}
        return self.node("ShaderNodeTexVoronoi", inputs, feature=feature).outputs[output]

    def waves(
        self, scale: float, bend: float = 0, detail: float = 2, vector: Any = None, **settings: Any
    ) -> Any:
        """Sine bands or rings."""
        inputs = {
            "Vector": vector or self.coordinates(),
            "Scale": scale,
            "Distortion": bend,
            "Detail": detail,
        }
        return self.node("ShaderNodeTexWave", inputs, **settings).outputs["Fac"]

    def math(self, operation: str, a: Any, b: Any = None, c: Any = None, clamp: bool = False) -> Any:
        """One arithmetic step, named as in Blender's Math node."""
        made = self.node("ShaderNodeMath", {0: a, 1: b, 2: c}, operation=operation, use_clamp=clamp)
        return made.outputs[0]

    def fit(self, value: Any, low: float, high: float, to_low: float = 0, to_high: float = 1) -> Any:
        """Map [low, high] to [to_low, to_high], clamped."""
        made = self.node("ShaderNodeMapRange", {0: value, 1: low, 2: high, 3: to_low, 4: to_high})
        return made.outputs[0]

    def ramp(self, value: Any, stops: Stops, interpolation: str = "LINEAR") -> Any:
        """Colour by value."""
        made = self.node("ShaderNodeValToRGB", {0: value})
        elements = made.color_ramp.elements
        made.color_ramp.interpolation = interpolation
        while len(elements) < len(stops):
            elements.new(0.5)
        for element, (position, code) in zip(elements, stops, strict=False):
            element.position = position
            element.color = linear(code)
        return made.outputs[0]

    def mix(self, share: Any, a: Any, b: Any, blend: str = "MIX") -> Any:
        """Blend two colours."""
        return self.node("ShaderNodeMixRGB", {0: share, 1: a, 2: b}, blend_type=blend).outputs[0]

    def bump(self, height: Any, depth: float, strength: float = 1.0, normal: Any = None) -> Any:
        """A normal from a height in [0, 1] that stands for `depth` metres."""
        inputs = {"Height": height, "Distance": depth, "Strength": strength, "Normal": normal}
        return self.node("ShaderNodeBump", inputs).outputs[0]

    def finish(self, **inputs: Any) -> Any:
        """Close with a Principled surface; `Base_Color=` and so on; returns the material."""
        named: dict[str | int, Any] = {key.replace("_", " "): value for key, value in inputs.items()}
        surface = self.node("ShaderNodeBsdfPrincipled", named)
        self.close(surface.outputs[0])
        return self.material

    def close(self, surface: Any) -> Any:
        """Close with any surface socket; returns the material."""
        self.node("ShaderNodeOutputMaterial", {"Surface": surface})
        return self.material


def plain(
    name: str, colour: str, rough: float = 0.5, metal: float = 0.0, speckle: float = 0.08, **inputs: Any
) -> Any:
    """One colour with faint uneven tone and gloss, as every real surface has."""
    g = Graph(name)
    unevenness = g.noise(14, 5, 0.6)
    tone = g.mix(g.fit(unevenness, 0.35, 0.65, 0, speckle), colour, "#000000")
    gloss = g.fit(unevenness, 0.3, 0.7, max(rough - 0.08, 0.02), min(rough + 0.1, 1))
    return g.finish(Base_Color=tone, Roughness=gloss, Metallic=metal, **inputs)


def skin(
    name: str,
    rng: Random,
    stops: Stops,
    scale: float = 12,
    rough: float = 0.35,
    pores: float = 300,
    depth: float = 0.0004,
    soft: float = 0.12,
    coat: float = 0.0,
) -> Any:
    """Fruit or vegetable skin: mottled colour, pores as bump, light bleeding under it."""
    g = Graph(name)
    place = g.moved([rng.uniform(-9, 9) for _ in range(3)])
    colour = g.ramp(g.noise(scale, 5, 0.6, 0.6, place), stops)
    pits = g.cells(pores, place)
    waviness = g.noise(scale * 1.5, 3, 0.5, 0, place)
    height = g.math("ADD", g.fit(pits, 0.0, 0.5), g.math("MULTIPLY", waviness, 2.0))
    return g.finish(
        Base_Color=colour,
        Roughness=g.fit(g.noise(scale * 4, 4, 0.6, 0, place), 0.3, 0.7, rough - 0.06, rough + 0.1),
        Subsurface=soft,
        Subsurface_Radius=(0.012, 0.006, 0.003),
        Subsurface_Color=colour,
        Clearcoat=coat,
        Clearcoat_Roughness=0.12,
        Normal=g.bump(height, depth),
    )


def wood(
    name: str,
    rng: Random,
    light: str,
    dark: str,
    rough: float = 0.4,
    boards: float = 0.0,
    along: Sequence[float] = (1, 0.08, 0.08),
    grain: float = 18,
) -> Any:
    """Wood grain along x; `boards` > 0 is the width in metres of the planks across y."""
    g = Graph(name)
    x, y, z = g.split()
    offset: Any = rng.uniform(-5, 5)
    gap: Any = None
    tone: Any = 0.5
    if boards:
        row = g.math("FLOOR", g.math("DIVIDE", y, boards))
        inside = g.math("FRACT", g.math("DIVIDE", y, boards))
        edge = g.math("MINIMUM", inside, g.math("SUBTRACT", 1.0, inside))
        gap = g.fit(edge, 0.0, 0.0025 / boards)
        random = g.node("ShaderNodeTexWhiteNoise", {1: row}, noise_dimensions="1D").outputs[0]
        offset = g.math("MULTIPLY", random, 37.0)
        tone = random
    shifted = g.node("ShaderNodeCombineXYZ", {0: g.math("ADD", x, offset), 1: g.math("ADD", y, offset), 2: z})
    stretched = g.moved(scale=(along[1] * grain / along[0], grain, grain * 0.6), vector=shifted.outputs[0])
    figure = g.noise(1.0, 6, 0.62, 1.4, stretched)
    rings = g.waves(0.55, 9, 3, stretched, wave_type="BANDS", bands_direction="Y")
    fibres = g.noise(1.0, 4, 0.7, 0, g.moved(scale=(18, 500, 500), vector=shifted.outputs[0]))
    mixture = g.math("ADD", g.math("MULTIPLY", figure, 0.6), g.math("MULTIPLY", rings, 0.12))
    mixture = g.math("ADD", mixture, g.math("MULTIPLY", fibres, 0.34))
    colour = g.ramp(g.fit(mixture, 0.28, 0.74), [(0.0, dark), (0.55, light), (1.0, light)])
    colour = g.mix(g.fit(tone, 0, 1, 0, 0.22) if boards else 0.0, colour, dark, "MULTIPLY")
    height = g.math("MULTIPLY", fibres, 0.35)
    if gap is not None:
        colour = g.mix(g.fit(gap, 0, 1, 1, 0), colour, "#0d0805")
        height = g.math("ADD", height, g.math("MULTIPLY", gap, 3.0))
    gloss = g.fit(mixture, 0.3, 0.7, rough + 0.12, rough - 0.05)
    return g.finish(Base_Color=colour, Roughness=gloss, Normal=g.bump(height, 0.0006))


def marble(name: str, rng: Random, base: str = "#e8e4de", vein: str = "#77716b") -> Any:
    """Polished stone with veins."""
    g = Graph(name)
    place = g.moved([rng.uniform(-9, 9) for _ in range(3)])
    cloud = g.noise(2.2, 7, 0.6, 1.8, place)
    ridge = g.math("ABSOLUTE", g.math("SUBTRACT", g.noise(1.7, 8, 0.62, 2.4, place), 0.5))
    lines = g.fit(ridge, 0.0, 0.035, 1, 0)
    colour = g.mix(g.fit(cloud, 0.35, 0.75, 0, 0.28), base, vein)
    colour = g.mix(g.math("MULTIPLY", lines, g.fit(cloud, 0.4, 0.6, 0.1, 0.8)), colour, vein)
    return g.finish(Base_Color=colour, Roughness=g.fit(cloud, 0.3, 0.7, 0.1, 0.24))


def cloth(name: str, colour: str, stripe: str | None = None, thread: float = 900, width: float = 0.03) -> Any:
    """Woven cloth with optional stripes along y."""
    g = Graph(name)
    x, y, _ = g.split()
    warp = g.math("SINE", g.math("MULTIPLY", x, thread * 3.0))
    weft = g.math("SINE", g.math("MULTIPLY", y, thread * 3.0))
    weave = g.math("MULTIPLY", warp, weft)
    base: Any = colour
    if stripe:
        band = g.math("FRACT", g.math("DIVIDE", x, width * 3))
        base = g.mix(g.math("LESS_THAN", band, 0.33), colour, stripe)
    tone = g.mix(g.fit(g.noise(60, 4, 0.6), 0.3, 0.7, 0.0, 0.2), base, "#000000")
    height = g.math("ADD", weave, g.math("MULTIPLY", g.noise(400, 3), 2.0))
    return g.finish(Base_Color=tone, Roughness=0.92, Sheen=0.5, Normal=g.bump(height, 0.0004, 0.7))


def metal(name: str, colour: str = "#c9c9c9", rough: float = 0.25, brushed: float = 0.0) -> Any:
    """Bare metal, smudged, optionally brushed along x."""
    g = Graph(name)
    smudge = g.noise(9, 6, 0.65, 0.8)
    normal = None
    if brushed:
        lines = g.noise(1, 3, 0.7, 0, g.moved(scale=(40, 2500, 2500)))
        normal = g.bump(lines, 0.00004, brushed)
    gloss = g.fit(smudge, 0.35, 0.7, rough * 0.7, rough * 1.6)
    return g.finish(Base_Color=colour, Metallic=1.0, Roughness=gloss, Normal=normal)


def glaze(
    name: str, colour: str, rough: float = 0.12, speckle: str | None = None, wave: float = 0.0004
) -> Any:
    """Glazed ceramic."""
    g = Graph(name)
    tone: Any = colour
    if speckle:
        spots = g.fit(g.cells(160), 0.1, 0.16, 1, 0)
        tone = g.mix(g.math("MULTIPLY", spots, g.fit(g.noise(90), 0.5, 0.6)), colour, speckle)
    tone = g.mix(g.fit(g.noise(18, 3), 0.4, 0.7, 0, 0.07), tone, "#000000")
    return g.finish(Base_Color=tone, Roughness=rough, Clearcoat=0.5, Normal=g.bump(g.noise(35, 2), wave, 0.5))


def glass(name: str, tint: str = "#ffffff", rough: float = 0.0) -> Any:
    """Clear glass that lets shadow rays through, so that it casts light shadows cheaply."""
    g = Graph(name)
    clear = g.node("ShaderNodeBsdfGlass", {"Color": tint, "Roughness": rough, "IOR": 1.45})
    through = g.node("ShaderNodeBsdfTransparent", {"Color": tint})
    shadow = g.node("ShaderNodeLightPath").outputs["Is Shadow Ray"]
    both = g.node("ShaderNodeMixShader", {0: shadow, 1: clear.outputs[0], 2: through.outputs[0]})
    return g.close(both.outputs[0])


def glow(name: str, colour: str, strength: float) -> Any:
    """A light-giving surface."""
    g = Graph(name)
    return g.close(g.node("ShaderNodeEmission", {"Color": colour, "Strength": strength}).outputs[0])
