"""One sheet of all pictures, to look them over at once."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

COLUMNS, WIDE, TALL = 6, 288, 192


def write(images: Path, target: Path) -> None:
    """Tile the pictures of a folder, each with its number."""
    files = sorted(images.glob("*.jpg"))
    rows = -(-len(files) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * WIDE, max(rows, 1) * TALL), "white")
    pen = ImageDraw.Draw(sheet)
    for k, file in enumerate(files):
        x, y = k % COLUMNS * WIDE, k // COLUMNS * TALL
        with Image.open(file) as picture:
            sheet.paste(picture.resize((WIDE, TALL), Image.Resampling.LANCZOS), (x, y))
        pen.rectangle((x, y, x + 26, y + 12), fill="black")
        pen.text((x + 4, y + 1), file.stem[-3:], fill="white")
    sheet.save(target, quality=85)
