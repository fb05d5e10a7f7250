"""Blender entry: builds pictures of a plan and writes their light, helper and index passes.

Run as `blender -b --factory-startup -P render.py -- OUT_DIR SAMPLES PERCENT BOUNCES VIEWS NAME ...`;
BOUNCES are those of diffuse and glossy light, VIEWS the further views of each picture of a cheap plan.
"""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import bpy
import numpy as np

import cheap_plan
import plan
import scenes

PASSES = {"colour": "Image", "albedo": "Denoising Albedo", "normal": "Denoising Normal"}


def main(name: str, out: Path, samples: int, percent: int, bounces: int, views: int) -> None:
    """Render the picture `name`, and further views of it, into out/NAME/{colour,albedo,normal,index}.npy."""
    lookup = cheap_plan.by_name if cheap_plan.is_cheap(name) else plan.by_name
    picture = lookup(name)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    things = scenes.build(picture)
    for index, thing in enumerate(things, start=1):
        thing.pass_index = index
    bpy.context.scene.render.resolution_percentage = percent
    render(out / name, samples, bounces)
    for number in range(1, views + 1):
        other, framed = cheap_plan.view(picture, number)
        scenes.aim(other, [things[place] for place in framed], Random(other.seed))
        render(out / other.name, samples, bounces)


def render(folder: Path, samples: int, bounces: int) -> None:
    """Render what the scene's camera sees into folder/{colour,albedo,normal,index}.npy."""
    folder.mkdir(parents=True, exist_ok=True)
    settings(samples, bounces)
    write_passes(folder, PASSES)
    bpy.ops.render.render()
    index_settings()
    write_passes(folder, {"index": "IndexOB"})
    bpy.ops.render.render()
    for file in (*PASSES, "index"):
        unpack(folder, file)


def unpack(folder: Path, name: str) -> None:
    """Turn Blender's numbered EXR into NAME.npy: HWC float32, top row first."""
    file = folder / f"{name}0001.exr"
    image = bpy.data.images.load(str(file))
    image.colorspace_settings.name = "Non-Color"
    width, height = image.size
    pixels = np.empty(height * width * 4, np.float32)
    image.pixels.foreach_get(pixels)
    rows = pixels.reshape(height, width, 4)[::-1, :, :3]
    np.save(folder / f"{name}.npy", rows)
    file.unlink()


def settings(samples: int, bounces: int) -> None:
    """Path tracing with few bounces and clamped fireflies."""
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.render.use_persistent_data = True
    scene.view_settings.view_transform = "Standard"
    cycles = scene.cycles
    cycles.device = "CPU"
    cycles.samples = samples
    cycles.use_adaptive_sampling = True
    cycles.adaptive_threshold = 0.06
    cycles.adaptive_min_samples = 6
    cycles.use_denoising = False
    cycles.max_bounces = 5
    cycles.diffuse_bounces = bounces
    cycles.glossy_bounces = bounces
    cycles.transmission_bounces = 5
    cycles.transparent_max_bounces = 8
    cycles.sample_clamp_indirect = 4
    cycles.sample_clamp_direct = 60
    cycles.blur_glossy = 0.6
    cycles.pixel_filter_type = "BLACKMAN_HARRIS"
    cycles.filter_width = 1.5
    cycles.caustics_reflective = False
    cycles.caustics_refractive = False
    layer = bpy.context.view_layer
    layer.use_pass_object_index = True
    layer.cycles.denoising_store_passes = True


def index_settings() -> None:
    """One unfiltered pinhole sample a pixel: the index pass is then exact."""
    scene = bpy.context.scene
    scene.camera.data.dof.use_dof = False
    cycles = scene.cycles
    cycles.samples = 1
    cycles.use_adaptive_sampling = False
    cycles.max_bounces = 0
    cycles.pixel_filter_type = "BOX"
    cycles.filter_width = 0.01


def write_passes(folder: Path, passes: dict[str, str]) -> None:
    """Route render passes to one float EXR file each."""
    scene = bpy.context.scene
    scene.use_nodes = True
    tree = scene.node_tree
    tree.nodes.clear()
    layers = tree.nodes.new("CompositorNodeRLayers")
    target: Any = tree.nodes.new("CompositorNodeOutputFile")
    target.base_path = str(folder)
    target.format.file_format = "OPEN_EXR"
    target.format.color_depth = "32"
    target.file_slots.clear()
    for file, socket in passes.items():
        target.file_slots.new(file)
        tree.links.new(layers.outputs[socket], target.inputs[file])


if __name__ == "__main__":
    arguments = sys.argv[sys.argv.index("--") + 1 :]
    for picture_name in arguments[5:]:
        main(picture_name, Path(arguments[0]), *(int(argument) for argument in arguments[1:5]))
