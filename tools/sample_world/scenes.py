"""Puts a picture together: its place, its things, what lies about, and the camera."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from random import Random
from typing import Any

import bpy

import indoors
import layout
import outdoors
from catalogue import thing_called
from plan import HEIGHT, WIDTH, Picture

PLACES: dict[str, Callable[[Random], Any]] = {
    "oak": indoors.oak_table,
    "walnut": indoors.walnut_table,
    "white": indoors.white_table,
    "linen": indoors.linen_table,
    "counter": indoors.counter,
    "desk": indoors.desk,
    "night": indoors.night_desk,
    "court": indoors.court,
    "room": indoors.floor_room,
    "lawn": outdoors.lawn,
    "field": outdoors.field,
    "beach": outdoors.beach,
    "pavement": outdoors.pavement,
    "road": outdoors.road,
    "snow": outdoors.snow,
    "garden": outdoors.garden_table,
    "alcove": indoors.alcove,
    "rain": outdoors.wet_street,
    "pond": outdoors.pond,
    "forest": outdoors.forest,
    "desert": outdoors.desert,
    "downs": outdoors.plain_of_grass,
    "park": outdoors.park,
    "coast": outdoors.coast,
    "space": outdoors.space,
}
EYE = {"desert": 2.0, "downs": 1.7, "park": 1.8, "coast": -3.0, "space": -math.inf}
SINK = {"lawn": 0.006, "field": 0.01, "beach": 0.004, "snow": 0.012, "forest": 0.006, "downs": 0.9}
AFLOAT = 0.3


def build(picture: Picture) -> list[Any]:
    """Build the whole scene; returns the annotated things in the plan's order."""
    rng = Random(picture.seed)
    render = bpy.context.scene.render
    render.resolution_x, render.resolution_y = WIDTH, HEIGHT
    PLACES[picture.place](rng)
    things = []
    for key in picture.things:
        thing = make(key, rng)
        settle(thing, key, picture, rng)
        things.append(thing)
    extras = clutter(picture, rng)
    layout.arrange(things + extras, rng, picture.gap, picture.loose)
    aim(picture, things, rng)
    return things


def aim(picture: Picture, things: list[Any], rng: Random) -> None:
    """The picture's camera, which sees all `things`."""
    layout.aim(
        things,
        rng,
        math.radians(picture.elevation or rng.uniform(11, 36)),
        picture.lens or rng.choice((40, 50, 50, 65, 85)),
        picture.fill or rng.uniform(0.7, 0.9),
        picture.stop or rng.choice((4.0, 5.6, 8.0)),
        EYE.get(picture.place, 0.0),
        None if picture.azimuth is None else math.radians(picture.azimuth),
    )


def make(key: str, rng: Random) -> Any:
    """Model one thing of the catalogue."""
    family, noun = thing_called(key).model.split(".")
    module = importlib.import_module(f"things.{family}")
    thing = module.made_up(int(noun), rng) if family == "made_up" else getattr(module, noun)(rng)
    bpy.ops.object.select_all(action="DESELECT")
    thing.select_set(True)
    bpy.context.view_layer.objects.active = thing
    bpy.ops.object.transform_apply(location=True, rotation=True, scale=True)
    thing.name = key
    return thing


def settle(thing: Any, key: str, picture: Picture, rng: Random) -> None:
    """Rest a thing on the ground in one of the ways it naturally rests."""
    entry = thing_called(key)
    if entry.lies and rng.random() < entry.lies:
        thing.rotation_euler = (math.pi / 2, 0, 0)
        bpy.ops.object.select_all(action="DESELECT")
        thing.select_set(True)
        bpy.context.view_layer.objects.active = thing
        bpy.ops.object.transform_apply(rotation=True)
        layout.settle(thing, 0.0, rng.uniform(0, math.tau), rng)
        return
    yaw = rng.uniform(0, math.tau) if entry.face is None else math.radians(entry.face) * rng.uniform(-1, 1)
    size = max(thing.dimensions)
    sink = min(SINK.get(picture.place, 0.0), size * 0.08)
    if picture.place == "pond":
        sink = thing.dimensions.z * AFLOAT
    layout.settle(thing, math.radians(entry.tilt), yaw, rng, sink)


def clutter(picture: Picture, rng: Random) -> list[Any]:
    """Things of no interest that stand among the others."""
    extras = []
    for word in picture.extras:
        dishes: dict[str, Callable[[Random], Any]] = {
            "plate": indoors.plate,
            "board": indoors.cutting_board,
            "dish": indoors.spoon_rest,
        }
        extra = dishes[word](rng)
        layout.settle(extra, 0.0, rng.uniform(0, math.tau), rng)
        extras.append(extra)
    if picture.crumbs:
        indoors.crumbs(rng, picture.crumbs, 0.12)
    return extras
