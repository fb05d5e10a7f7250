"""Develops rendered passes into a photograph: denoise, expose, tone curve, lens and grain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyoidn
from numpy.typing import NDArray

Image = NDArray[np.float32]


def develop(folder: Path, exposure: float, seed: int) -> NDArray[np.uint8]:
    """The sRGB picture (HWC, RGB, 8 bit) of one rendered folder; `exposure` in stops."""
    light = denoise(*(np.load(folder / f"{name}.npy") for name in ("colour", "albedo", "normal")))
    light = light * meter(light) * np.float32(2.0**exposure)
    light = bloom(light)
    picture = tone(light)
    picture = vignette(picture)
    rng = np.random.default_rng(seed)
    grain = rng.normal(0, 1, picture.shape[:2]).astype(np.float32)
    grain = cv2.GaussianBlur(grain, (0, 0), 0.6) * 0.016
    picture = picture + grain[..., None] * (0.35 + 0.65 * (1 - picture))
    return (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)


def denoise(colour: Image, albedo: Image, normal: Image) -> Image:
    """Intel Open Image Denoise on the linear light, guided by albedo and normal."""
    clean = [
        np.clip(np.nan_to_num(image), low, high)
        for image, low, high in ((colour, 0, 1e4), (albedo, 0, 1), (normal, -1, 1))
    ]
    return np.asarray(pyoidn.denoise(clean[0], clean[1], clean[2], hdr=True), dtype=np.float32)


def meter(light: Image) -> np.float32:
    """Exposure as a camera's matrix meter would choose it."""
    luma = light @ np.asarray([0.2126, 0.7152, 0.0722], np.float32)
    middle = np.exp(np.mean(np.log(np.clip(luma, 1e-4, None))))
    bright = np.percentile(luma, 97)
    return np.float32(min(0.32 / middle, 1.65 / max(float(bright), 1e-4)))


def bloom(light: Image) -> Image:
    """A faint glow around what is far brighter than the frame."""
    over = np.clip(light - 1.2, 0, 6)
    wide = cv2.GaussianBlur(over, (0, 0), 12) * 0.05 + cv2.GaussianBlur(over, (0, 0), 3) * 0.06
    return light + wide


def tone(light: Image) -> Image:
    """A filmic curve (Hable's operator), then the sRGB transfer."""

    def curve(x: Any) -> Any:
        a, b, c, d, e, f = 0.22, 0.30, 0.10, 0.20, 0.01, 0.30
        return (x * (a * x + c * b) + d * e) / (x * (a * x + b) + d * f) - e / f

    white = curve(np.float32(5.5))
    shown = np.clip(curve(np.clip(light, 0, None) * np.float32(1.9)) / white, 0, 1)
    luma = shown @ np.asarray([0.2126, 0.7152, 0.0722], np.float32)
    shown = np.clip(luma[..., None] + (shown - luma[..., None]) * 1.12, 0, 1)
    srgb = np.where(shown <= 0.0031308, shown * 12.92, 1.055 * shown ** (1 / 2.4) - 0.055)
    return np.asarray(srgb, dtype=np.float32)


def vignette(picture: Image) -> Image:
    """Corners a little darker, as from a lens."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return picture * (1 - 0.11 * (x * x + y * y) ** 1.3 / 2.5)[..., None].astype(np.float32)
