"""Render a clean label: where there is ink, and where there is label."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import as_file, files
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from training.studio import symbols
from training.studio.layouts import Barcode, Font, Frame, Icon, Layout, Matrix, Rule, Text

PAD_MM: Final = 3.0
"""Room around the label, for the shadow of a lifted edge."""

_FILES: Final[dict[Font, str]] = {
    "sans": "DejaVuSans.ttf",
    "bold": "DejaVuSans-Bold.ttf",
    "mono": "DejaVuSansMono.ttf",
    "mono-bold": "DejaVuSansMono-Bold.ttf",
    "condensed": "DejaVuSans.ttf",
}
_CAP_HEIGHT: Final = 0.729
"""Cap height of the DejaVu fonts as a share of their em."""


@dataclass(frozen=True, slots=True)
class Lettering:
    """A rendered label with ``PAD_MM`` around it: ``ink`` and ``silhouette`` are uint8 (H, W), 255 = full."""

    ink: NDArray[np.uint8]
    silhouette: NDArray[np.uint8]
    scale: float
    """Pixels per millimetre."""
    corners: NDArray[np.float32]
    """(4, 2) label corners in reading order, in pixels of the maps."""


@lru_cache(maxsize=256)
def _font(name: Font, pixels: int) -> ImageFont.FreeTypeFont:
    # The DejaVu fonts come inside the matplotlib wheel, so no system font path is needed.
    with as_file(files("matplotlib").joinpath("mpl-data", "fonts", "ttf", _FILES[name])) as path:
        return ImageFont.truetype(str(path), pixels, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=4096)
def text_mask(text: str, font: Font, cap_pixels: float) -> NDArray[np.uint8]:
    """Return the coverage (uint8, H x W) of one line of text whose capitals are ``cap_pixels`` high."""
    face = _font(font, max(4, round(cap_pixels / _CAP_HEIGHT)))
    left, top, right, bottom = face.getbbox(text)
    image = Image.new("L", (max(1, int(right - left)), max(1, int(bottom - top))), 0)
    ImageDraw.Draw(image).text((-left, -top), text, font=face, fill=255)
    mask = np.asarray(image)
    if font == "condensed":
        mask = cv2.resize(mask, (max(1, round(mask.shape[1] * 0.78)), mask.shape[0]), interpolation=cv2.INTER_AREA)
    mask.setflags(write=False)  # shared by the cache
    return mask


def paste_max(target: NDArray[np.uint8], patch: NDArray[np.uint8], x: int, y: int) -> None:
    """Lay ``patch`` over ``target`` with its corner at (x, y), keeping the greater value; clipped at the borders."""
    height, width = target.shape
    x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + patch.shape[1], width), min(y + patch.shape[0], height)
    if x0 < x1 and y0 < y1:
        part = target[y0:y1, x0:x1]
        np.maximum(part, patch[y0 - y : y1 - y, x0 - x : x1 - x], out=part)


def rounded_rectangle(height: int, width: int, pad: float, radius: float) -> NDArray[np.uint8]:
    """Return an anti-aliased rounded rectangle inset by ``pad`` in a (height, width) uint8 map; pixels."""
    # Signed distance to the rectangle's border, negative inside.
    ys, xs = np.ogrid[:height, :width]
    qx = np.abs(xs + 0.5 - width / 2) - (width / 2 - pad - radius)
    qy = np.abs(ys + 0.5 - height / 2) - (height / 2 - pad - radius)
    distance = np.hypot(np.maximum(qx, 0), np.maximum(qy, 0)) + np.minimum(np.maximum(qx, qy), 0) - radius
    return np.asarray(np.clip((0.5 - distance) * 255, 0, 255), np.uint8)


@lru_cache(maxsize=64)
def _silhouette(height: int, width: int, pad: float, radius: float) -> NDArray[np.uint8]:
    shape = rounded_rectangle(height, width, pad, radius)
    shape.setflags(write=False)
    return shape


def render(layout: Layout, fields: dict[str, str], scale: float = 8.0) -> Lettering:
    """Render ``layout`` filled with ``fields`` at ``scale`` pixels per millimetre."""
    pad = round(PAD_MM * scale)
    width, height = round(layout.width * scale) + 2 * pad, round(layout.height * scale) + 2 * pad
    ink = np.zeros((height, width), np.uint8)

    def px(value: float) -> float:
        return value * scale + pad

    for element in layout.elements:
        match element:
            case Text():
                mask = text_mask(element.template.format_map(fields), element.font, element.size * scale)
                shift = {"left": 0.0, "middle": mask.shape[1] / 2, "right": mask.shape[1]}[element.anchor]
                paste_max(ink, mask, round(px(element.x) - shift), round(px(element.y)))
            case Barcode():
                box = (px(element.x), px(element.y), element.width * scale, element.height * scale)
                symbols.draw_barcode(ink, box, fields[element.field])
            case Matrix():
                symbols.draw_matrix(ink, (px(element.x), px(element.y), element.size * scale), fields["vin"])
            case Icon():
                symbols.draw_icon(ink, (px(element.x), px(element.y), element.size * scale), element.kind)
            case Rule():
                line = [(round(px(x)), round(px(y))) for x, y in ((element.x0, element.y0), (element.x1, element.y1))]
                cv2.line(ink, line[0], line[1], 255, max(1, round(element.weight * scale)), cv2.LINE_AA)
            case Frame():
                first = (round(px(element.x)), round(px(element.y)))
                last = (round(px(element.x + element.width)), round(px(element.y + element.height)))
                cv2.rectangle(ink, first, last, 255, max(1, round(element.weight * scale)), cv2.LINE_AA)
    silhouette = _silhouette(height, width, float(pad), layout.radius * scale)
    right, bottom = width - pad, height - pad
    corners = np.array([(pad, pad), (right, pad), (right, bottom), (pad, bottom)], np.float32)
    return Lettering(np.minimum(ink, silhouette), silhouette, scale, corners)
