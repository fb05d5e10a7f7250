"""Places things: settles them on the ground, keeps footprints from overlapping, and frames the view."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random
from typing import Any

import bpy
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Euler, Matrix, Vector

Polygon = list[tuple[float, float]]


def settle(thing: Any, tilt: float, yaw: float, rng: Random, sink: float = 0.0) -> None:
    """Turn a thing by up to `tilt` radians and `yaw`, its lowest point at z = -`sink`."""
    turn = Euler((rng.uniform(-tilt, tilt), rng.uniform(-tilt, tilt), 0)).to_matrix().to_4x4()
    turn = Matrix.Rotation(yaw, 4, "Z") @ turn
    lowest = min((turn @ v.co).z for v in thing.data.vertices)
    thing.matrix_world = Matrix.Translation((0, 0, -lowest - sink)) @ turn


def footprint(thing: Any, margin: float) -> Polygon:
    """Convex hull of a settled thing seen from above, grown by `margin` metres."""
    matrix = thing.matrix_world
    step = max(1, len(thing.data.vertices) // 3000)
    points = sorted({((matrix @ v.co).x, (matrix @ v.co).y) for v in list(thing.data.vertices)[::step]})
    hull = half_hull(points)[:-1] + half_hull(points[::-1])[:-1]
    cx = sum(p[0] for p in hull) / len(hull)
    cy = sum(p[1] for p in hull) / len(hull)
    grown = []
    for x, y in hull:
        away = math.hypot(x - cx, y - cy) or 1.0
        grown.append((x + (x - cx) / away * margin, y + (y - cy) / away * margin))
    return grown


def half_hull(points: Sequence[tuple[float, float]]) -> Polygon:
    """One side of Andrew's monotone chain."""
    hull: Polygon = []
    for p in points:
        while len(hull) > 1 and cross(hull[-2], hull[-1], p) <= 0:
            hull.pop()
        hull.append(p)
    return hull


def cross(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
    """Twice the signed area of a triangle."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def overlap(first: Polygon, second: Polygon) -> bool:
    """Whether two convex polygons meet (separating axis)."""
    for polygon in (first, second):
        for (x0, y0), (x1, y1) in zip(polygon, polygon[1:] + polygon[:1], strict=True):
            nx, ny = y1 - y0, x0 - x1
            a = [nx * x + ny * y for x, y in first]
            b = [nx * x + ny * y for x, y in second]
            if max(a) < min(b) or max(b) < min(a):
                return False
    return True


def shifted(polygon: Polygon, x: float, y: float) -> Polygon:
    """The polygon moved."""
    return [(px + x, py + y) for px, py in polygon]


def arrange(things: Sequence[Any], rng: Random, gap: float, loose: float = 1.0) -> None:
    """Stand settled things near each other around the origin without touching.

    Each next thing is put at the nearest free spot along a random direction, so that
    the group is close, partly hides its far members, and never intersects.
    """
    taken: list[Polygon] = []
    for k, thing in enumerate(things):
        print_ = footprint(thing, gap)
        reach = max(math.hypot(*p) for p in print_)
        best: tuple[float, float, float] | None = None
        for _ in range(14):
            angle = rng.uniform(0, math.tau)
            distance = 0.0 if k == 0 else rng.uniform(0.2, 0.6) * reach
            while True:
                x, y = distance * math.cos(angle) * 1.25, distance * math.sin(angle) * 0.9
                if not any(overlap(shifted(print_, x, y), other) for other in taken):
                    break
                distance += reach * 0.08
            score = math.hypot(x, y) * rng.uniform(1.0, 1.0 + loose)
            if best is None or score < best[0]:
                best = (score, x, y)
        assert best is not None
        thing.matrix_world = Matrix.Translation((best[1], best[2], 0)) @ thing.matrix_world
        taken.append(shifted(print_, best[1], best[2]))


def clear_view(things: Sequence[Any], target: Any, rng: Random, elevation: float, size: float) -> float:
    """An azimuth from which no thing hides much more than a third of another."""
    best, least = 0.0, math.inf
    for _ in range(16):
        turn = rng.uniform(-0.9, 0.9)
        out = Vector(
            (math.sin(turn) * math.cos(elevation), -math.cos(turn) * math.cos(elevation), math.sin(elevation))
        )
        right = Vector((math.cos(turn), math.sin(turn), 0))
        up = out.cross(right)
        eye = target + out * size * 2
        boxes = []
        for thing in things:
            rays = [p - eye for p in outline(thing)]
            spots = [(r.dot(right) / -r.dot(out), r.dot(up) / -r.dot(out)) for r in rays]
            xs, ys = [p[0] for p in spots], [p[1] for p in spots]
            boxes.append((min(xs), min(ys), max(xs), max(ys)))
        worst = 0.0
        for i, a in enumerate(boxes):
            for b in boxes[:i]:
                wide = min(a[2], b[2]) - max(a[0], b[0])
                tall = min(a[3], b[3]) - max(a[1], b[1])
                if wide > 0 and tall > 0:
                    smaller = min((c[2] - c[0]) * (c[3] - c[1]) for c in (a, b))
                    worst = max(worst, wide * tall / smaller)
        if worst < least:
            best, least = turn, worst
        if worst < 0.35:
            break
    return best


def outline(thing: Any) -> list[Any]:
    """A few hundred of a thing's vertices, in the world."""
    vertices = list(thing.data.vertices)
    step = max(1, len(vertices) // 400)
    return [thing.matrix_world @ v.co for v in vertices[::step]]


def aim(
    things: Sequence[Any],
    rng: Random,
    elevation: float,
    lens: float,
    fill: float,
    stop: float,
    eye: float = 0.0,
    azimuth: float | None = None,
    focus: Any = None,
) -> Any:
    """A camera that sees all `things` in `fill` of its frame, focused on one of them.

    Angles in radians; `lens` in millimetres on a 36 mm sensor; `stop` is the f-number and `eye` the lowest
    height the camera may take.
    """
    scene = bpy.context.scene
    data = bpy.data.cameras.new("camera")
    camera = bpy.data.objects.new("camera", data)
    bpy.context.collection.objects.link(camera)
    scene.camera = camera
    data.lens = lens
    data.clip_start = 0.01
    data.clip_end = 400000
    spots = [c for thing in things for c in outline(thing)]
    low = Vector([min(p[i] for p in spots) for i in range(3)])
    high = Vector([max(p[i] for p in spots) for i in range(3)])
    target = (low + high) / 2
    size = (high - low).length
    turn = clear_view(things, target, rng, elevation, size) if azimuth is None else azimuth
    toward = Vector(
        (
            math.sin(turn) * math.cos(elevation),
            -math.cos(turn) * math.cos(elevation),
            math.sin(elevation),
        )
    )
    roll = rng.uniform(-0.02, 0.02)
    shift = Vector((rng.uniform(-0.06, 0.06), rng.uniform(-0.05, 0.05)))
    distance = size * 0.5
    for _ in range(140):
        camera.location = target + toward * distance
        camera.location.z = max(camera.location.z, eye + 0.01)
        view = (target - camera.location).normalized()
        camera.rotation_euler = view.to_track_quat("-Z", "Y").to_euler()
        camera.rotation_euler.rotate_axis("Z", roll)
        bpy.context.view_layer.update()
        seen = [world_to_camera_view(scene, camera, p) for p in spots]
        if all(p.z > 0 for p in seen):
            wide = max(p.x for p in seen) - min(p.x for p in seen)
            tall = max(p.y for p in seen) - min(p.y for p in seen)
            if max(wide, tall * 1.05) <= fill:
                break
        distance *= 1.04
    seen = [world_to_camera_view(scene, camera, p) for p in spots]
    data.shift_x = (min(p.x for p in seen) + max(p.x for p in seen)) / 2 - 0.5 + shift.x
    data.shift_y = ((min(p.y for p in seen) + max(p.y for p in seen)) / 2 - 0.5) * 2 / 3 + shift.y
    sharp = focus or things[0]
    middle = sum(outline(sharp), Vector()) / len(outline(sharp))
    data.dof.use_dof = True
    data.dof.focus_distance = max((middle - camera.location).dot(view) - max(sharp.dimensions) * 0.2, 0.05)
    data.dof.aperture_fstop = stop
    data.dof.aperture_blades = 7
    return camera
