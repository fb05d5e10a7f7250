"""Mesh constructors: surfaces of revolution, tubes, boxes, extrusions, joined into one object."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import bmesh
import bpy
from mathutils import Euler, Matrix, Vector

Point2 = tuple[float, float]
Point3 = tuple[float, float, float]
TAU = math.tau


def join(name: str, parts: Sequence[Any]) -> Any:
    """Apply every part's modifiers and join the parts into one object at the origin."""
    bpy.ops.object.select_all(action="DESELECT")
    for part in parts:
        part.select_set(True)
    bpy.context.view_layer.objects.active = parts[0]
    bpy.ops.object.convert(target="MESH")
    bpy.ops.object.transform_apply(location=True, rotation=True, scale=True)
    if len(parts) > 1:
        bpy.ops.object.join()
    thing = bpy.context.view_layer.objects.active
    thing.name = name
    return thing


def mesh_object(
    name: str,
    vertices: Sequence[Sequence[float]],
    faces: Sequence[Sequence[int]],
    material: Any,
    smooth: bool = True,
) -> Any:
    """An object from vertices (metres) and faces, normals made consistent."""
    data = bpy.data.meshes.new(name)
    data.from_pydata([tuple(v) for v in vertices], [], [tuple(f) for f in faces])
    solid = bmesh.new()
    solid.from_mesh(data)
    bmesh.ops.remove_doubles(solid, verts=solid.verts, dist=1e-7)
    bmesh.ops.recalc_face_normals(solid, faces=solid.faces)
    solid.to_mesh(data)
    solid.free()
    if smooth:
        data.polygons.foreach_set("use_smooth", [True] * len(data.polygons))
    if material is not None:
        data.materials.append(material)
    thing = bpy.data.objects.new(name, data)
    bpy.context.collection.objects.link(thing)
    return thing


def spline(points: Sequence[Sequence[float]], per_span: int = 6, closed: bool = False) -> list[Any]:
    """Catmull-Rom curve through `points` (2-D or 3-D), `per_span` samples between neighbours."""
    vectors = [Vector(p) for p in points]
    count = len(vectors)
    spans = count if closed else count - 1

    def at(i: int) -> Any:
        return vectors[i % count] if closed else vectors[min(max(i, 0), count - 1)]

    curve = []
    for i in range(spans):
        a, b, c, d = at(i - 1), at(i), at(i + 1), at(i + 2)
        for k in range(per_span):
            t = k / per_span
            curve.append(
                0.5
                * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t * t + (3 * b - a - 3 * c + d) * t**3)
            )
    if not closed:
        curve.append(vectors[-1].copy())
    return curve


def lathe(
    profile: Sequence[Point2],
    material: Any,
    segments: int = 64,
    per_span: int = 6,
    shape: Callable[[float, float, float, float], Point2] | None = None,
    capped: bool = True,
) -> Any:
    """Revolve (radius, z) points around z; `shape(angle, t, r, z)` may bend each ring.

    Ends off the axis are closed by discs if `capped`.
    """
    curve = spline(profile, per_span) if per_span > 1 else [Vector(p) for p in profile]
    vertices: list[Point3] = []
    for k, point in enumerate(curve):
        t = k / (len(curve) - 1)
        for s in range(segments):
            angle = TAU * s / segments
            r, z = max(point.x, 0.0), point.y
            if shape:
                r, z = shape(angle, t, r, z)
            vertices.append((r * math.cos(angle), r * math.sin(angle), z))
    faces: list[tuple[int, ...]] = []
    for k in range(len(curve) - 1):
        for s in range(segments):
            a, b = k * segments + s, k * segments + (s + 1) % segments
            faces.append((a, b, b + segments, a + segments))
    for end in (0, len(curve) - 1):
        if capped and curve[end].x > 1e-6:
            faces.append(tuple(end * segments + s for s in range(segments)))
    return mesh_object("lathe", vertices, faces, material)


def tube(
    path: Sequence[Sequence[float]],
    radius: float | Sequence[float] | Callable[[float], float],
    material: Any,
    segments: int = 24,
    closed: bool = False,
    section: Callable[[float, float], float] | None = None,
) -> Any:
    """Sweep a circle along a 3-D path; `section(angle, t)` scales the radius around it."""
    points = [Vector(p) for p in path]
    count = len(points)

    def radius_at(t: float) -> float:
        if callable(radius):
            return radius(t)
        if isinstance(radius, float | int):
            return radius
        place = t * (len(radius) - 1)
        i = min(int(place), len(radius) - 2)
        return radius[i] + (radius[i + 1] - radius[i]) * (place - i)

    vertices: list[Any] = []
    side: Any = None
    for k, point in enumerate(points):
        if closed:
            ahead = points[(k + 1) % count] - points[k - 1]
        else:
            ahead = points[min(k + 1, count - 1)] - points[max(k - 1, 0)]
        ahead.normalize()
        if side is None:
            side = ahead.orthogonal().normalized()
        side = (side - ahead * side.dot(ahead)).normalized()
        up = ahead.cross(side)
        t = k / max(count - 1, 1)
        for s in range(segments):
            angle = TAU * s / segments
            r = radius_at(t) * (section(angle, t) if section else 1.0)
            vertices.append(point + side * (r * math.cos(angle)) + up * (r * math.sin(angle)))
    faces: list[tuple[int, ...]] = []
    for k in range(count if closed else count - 1):
        for s in range(segments):
            a = k * segments + s
            b = k * segments + (s + 1) % segments
            c, d = (b + segments) % len(vertices), (a + segments) % len(vertices)
            faces.append((a, b, c, d))
    if not closed:
        for k in (0, count - 1):
            faces.append(tuple(k * segments + s for s in range(segments)))
    return mesh_object("tube", vertices, faces, material)


def sphere(
    radius: float,
    material: Any,
    rings: int = 48,
    segments: int = 96,
    shape: Callable[[Any], Any] | None = None,
) -> Any:
    """A sphere whose unit directions `shape(direction)` may map to any other point."""
    vertices: list[Any] = []
    for k in range(rings + 1):
        polar = math.pi * k / rings
        for s in range(segments):
            angle = TAU * s / segments
            d = Vector(
                (
                    math.sin(polar) * math.cos(angle),
                    math.sin(polar) * math.sin(angle),
                    math.cos(polar),
                )
            )
            vertices.append((shape(d) if shape else d) * radius)
    faces: list[tuple[int, ...]] = []
    for k in range(rings):
        for s in range(segments):
            a, b = k * segments + s, k * segments + (s + 1) % segments
            faces.append((a, a + segments, b + segments, b))
    return mesh_object("sphere", vertices, faces, material)


def box(
    size: Point3, material: Any, at: Point3 = (0, 0, 0), bevel: float = 0.0, turn: Point3 = (0, 0, 0)
) -> Any:
    """A box of full `size` centred `at`, edges rounded by `bevel` metres, turned in radians."""
    x, y, z = (s / 2 for s in size)
    corners = [(i * x, j * y, k * z) for i in (-1, 1) for j in (-1, 1) for k in (-1, 1)]
    faces = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    thing = mesh_object("box", corners, faces, material, smooth=False)
    if bevel > 0:
        soften(thing, bevel)
    thing.rotation_euler = turn
    thing.location = at
    return thing


def extrude(
    outline: Sequence[Point2], depth: float, material: Any, bevel: float = 0.0, segments: int = 3
) -> Any:
    """A plate: the closed outline in xy, from z = 0 up to `depth`."""
    count = len(outline)
    vertices = [(p[0], p[1], 0.0) for p in outline] + [(p[0], p[1], depth) for p in outline]
    faces: list[tuple[int, ...]] = [tuple(range(count)), tuple(range(count, 2 * count))]
    faces += [(i, (i + 1) % count, count + (i + 1) % count, count + i) for i in range(count)]
    thing = mesh_object("plate", vertices, faces, material, smooth=False)
    if bevel > 0:
        soften(thing, bevel, segments)
    return thing


def soften(thing: Any, width: float, segments: int = 3) -> None:
    """Bevel the sharp edges, shading smooth across them."""
    bevel = thing.modifiers.new("bevel", "BEVEL")
    bevel.width = width
    bevel.segments = segments
    bevel.limit_method = "ANGLE"
    bevel.harden_normals = True
    thing.data.use_auto_smooth = True
    thing.data.polygons.foreach_set("use_smooth", [True] * len(thing.data.polygons))


def cylinder(radius: float, height: float, material: Any, at: Point3 = (0, 0, 0), bevel: float = 0.0) -> Any:
    """An upright cylinder standing on `at`."""
    edge = min(bevel or radius * 0.02, height / 3)
    ring = [(0.0, 0.0), (radius - edge, 0.0), (radius, edge), (radius, height - edge)]
    ring += [(radius - edge, height), (0.0, height)]
    thing = lathe(ring, material, per_span=1)
    flat_shade_caps(thing)
    thing.location = at
    return thing


def flat_shade_caps(thing: Any) -> None:
    """Smooth shading only across edges gentler than 40 degrees."""
    thing.data.use_auto_smooth = True
    thing.data.auto_smooth_angle = math.radians(40)


def place(thing: Any, at: Point3 = (0, 0, 0), turn: Point3 = (0, 0, 0), scale: float | Point3 = 1.0) -> Any:
    """Move, turn (radians, XYZ) and scale an object, and hand it back."""
    factors = (scale, scale, scale) if isinstance(scale, float | int) else scale
    thing.matrix_world = (
        Matrix.Translation(at) @ Euler(turn).to_matrix().to_4x4() @ Matrix.Diagonal((*factors, 1))
    )
    return thing
