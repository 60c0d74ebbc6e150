"""Quadrilaterals of labels: from a mask to four corners, and from four corners to a rectified crop.

Coordinates are (x, y) float32 with pixel centres at whole numbers plus one half, the origin at the picture's top-left
corner; a quadrilateral is (4, 2), clockwise, starting at the corner that is shown top-left in the crop.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Quad = NDArray[np.float32]

MARGIN: Final = 0.006
"""How far sides are pushed outwards, as a share of the mean side: a cut label costs more than a rim of body."""
_MIN_PIXELS: Final = 16
_SPUR: Final = 0.06


def mask_to_quadrilateral(mask: NDArray[np.bool_], *, margin: float = MARGIN) -> Quad | None:
    """The four corners of the largest component of a (H, W) mask, or None where it is smaller than 16 pixels.

    Spurs much thinner than the label are cut away first. Lines are fitted to the four sides of the component's convex
    hull and intersected, so that rounded corners come out square and a ragged border averages away; where that fails
    to describe the mask, the smallest rotated rectangle is taken.
    """
    contour = _largest_contour(_without_spurs(mask))
    if contour is None:
        return None
    hull = cv2.convexHull(contour)[:, 0].astype(np.float32) + 0.5  # OpenCV names pixels by index, not by centre
    rectangle = cv2.boxPoints(cv2.minAreaRect(hull)).astype(np.float32)
    quad = _four_sides(hull)
    if quad is None or not _describes(quad, hull):
        quad = rectangle
    return order_clockwise(expand(quad, margin, pixels=0.5))


def order_clockwise(quad: Quad) -> Quad:
    """The same corners clockwise as seen; the first side is the one that runs most nearly rightwards."""
    centre = quad.mean(axis=0)
    angles = np.arctan2(quad[:, 1] - centre[1], quad[:, 0] - centre[0])
    clockwise = quad[np.argsort(angles)]  # y grows downwards, so growing angles turn clockwise
    sides = np.roll(clockwise, -1, axis=0) - clockwise
    first = int(np.argmax(sides[:, 0] / np.maximum(np.linalg.norm(sides, axis=1), 1e-6)))
    return np.ascontiguousarray(np.roll(clockwise, -first, axis=0), np.float32)


def expand(quad: Quad, share: float, *, pixels: float = 0.0) -> Quad:
    """Move every side outwards, parallel to itself, by `share` of the mean side length plus `pixels`."""
    sides = np.roll(quad, -1, axis=0) - quad
    lengths = np.linalg.norm(sides, axis=1, keepdims=True)
    normals = np.stack([sides[:, 1], -sides[:, 0]], axis=1) / np.maximum(lengths, 1e-6)
    if signed_area(quad) < 0:
        normals = -normals
    moved = quad + normals * (share * float(lengths.mean()) + pixels)
    return np.array([_meet(moved[i - 1], sides[i - 1], moved[i], sides[i]) for i in range(4)], np.float32)


def signed_area(polygon: NDArray[np.floating]) -> float:
    """Area of a (N, 2) polygon by the shoelace formula; positive when its corners run clockwise as seen."""
    x, y = polygon[:, 0].astype(np.float64), polygon[:, 1].astype(np.float64)
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2)


def native_size(quad: Quad) -> tuple[int, int]:
    """Height and width in pixels at which a rectified quadrilateral keeps its detail: its longer opposite sides."""
    top, right, bottom, left = np.linalg.norm(np.roll(quad, -1, axis=0) - quad, axis=1)
    return max(1, round(float(max(left, right)))), max(1, round(float(max(top, bottom))))


def fit_size(quad: Quad, max_height: int, max_width: int) -> tuple[int, int]:
    """Height and width of the crop: the station's shape (aspect), shrunk until neither side exceeds its native length.

    The aspect is the station's, not the quadrilateral's, so that all crops of a station share one shape.
    """
    height, width = native_size(quad)
    factor = min(1.0, height / max_height, width / max_width)
    return max(1, round(max_height * factor)), max(1, round(max_width * factor))


def rectify(
    image: NDArray[np.uint8], quad: Quad, height: int, width: int, *, interpolation: int = cv2.INTER_LINEAR
) -> NDArray[np.uint8]:
    """Warp a quadrilateral of a (H, W, 3) picture to a (height, width, 3) crop.

    A crop much smaller than its source is first warped at up to four times its size and then averaged, because sampling
    alone would let fine print alias. Corners outside the picture show its border pixels repeated.

    Raises:
        ValueError: the corners do not span an area.
    """
    if abs(signed_area(quad)) < 1:
        raise ValueError(f"a quadrilateral without area cannot be rectified: {quad.tolist()}")
    source_height, source_width = native_size(quad)
    over = min(4, max(1, round(max(source_height / height, source_width / width))))
    size = (width * over, height * over)
    target = np.array([(0, 0), (size[0], 0), size, (0, size[1])], np.float32)
    # OpenCV samples at whole numbers: shift both pictures by half a pixel.
    matrix = cv2.getPerspectiveTransform((quad - 0.5).astype(np.float32), target - np.float32(0.5))
    crop = cv2.warpPerspective(image, matrix, size, flags=interpolation, borderMode=cv2.BORDER_REPLICATE)
    if over > 1:
        crop = cv2.resize(crop, (width, height), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(crop, np.uint8)


def intersection_area(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """Common area of two convex polygons, each (N, 2), in either direction of turning.

    Sutherland and Hodgman's clipping (CACM 1974). Not OpenCV's `intersectConvexConvex`: for polygons that coincide or
    nearly do, which is what a good detection looks like, it answers half the area or none (version 5.0.0).
    """
    clipped, clip = _clockwise(first), _clockwise(second)
    for corner, heading in zip(clip, np.roll(clip, -1, axis=0) - clip, strict=True):
        away = clipped - corner
        inside = heading[0] * away[:, 1] - heading[1] * away[:, 0]
        clipped = _keep_inside(clipped, inside)
        if len(clipped) < 3:
            return 0.0
    return abs(signed_area(clipped))


def intersection_over_union(first: Quad, second: Quad) -> float:
    """Overlap of two convex quadrilaterals, 0..1."""
    common = intersection_area(first, second)
    union = abs(signed_area(first)) + abs(signed_area(second)) - common
    return common / union if union > 0 else 0.0


def _without_spurs(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Morphological opening with a disc of 6 % of the mask's mean side; a mask that would vanish is left as it is."""
    ys, xs = np.nonzero(mask)
    radius = int(_SPUR * np.sqrt(len(xs)))
    if radius < 1:
        return mask
    # Two distance transforms open with a large disc far faster than the morphology would; only in the mask's window.
    y0, x0 = max(int(ys.min()) - radius, 0), max(int(xs.min()) - radius, 0)
    window = mask[y0 : int(ys.max()) + radius + 1, x0 : int(xs.max()) + radius + 1].astype(np.uint8)
    core = cv2.distanceTransform(window, cv2.DIST_L2, 5) > radius
    opened = (cv2.distanceTransform((~core).astype(np.uint8), cv2.DIST_L2, 5) <= radius) & (window > 0)
    if 2 * int(opened.sum()) < len(xs):
        return mask
    result = np.zeros_like(mask)
    result[y0 : y0 + opened.shape[0], x0 : x0 + opened.shape[1]] = opened
    return result


def _largest_contour(mask: NDArray[np.bool_]) -> NDArray[np.int32] | None:
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return None
    largest = max(contours, key=cv2.contourArea)
    if cv2.contourArea(largest) < _MIN_PIXELS:
        return None
    return np.asarray(largest, np.int32)


def _four_sides(hull: Quad) -> Quad | None:
    """Four lines through the hull's sides, intersected; None when the hull does not boil down to four sides."""
    start = _four_corners(hull)
    if start is None:
        return None
    points = _along(hull)
    lines = []
    for first, last in zip(start, np.roll(start, -1, axis=0), strict=True):
        direction = last - first
        length = float(np.linalg.norm(direction))
        if length < 1e-3:
            return None
        unit = direction / length
        along = (points - first) @ unit / length
        away = np.abs((points - first) @ np.array([-unit[1], unit[0]], np.float32))
        # The middle of a side: near its ends the corners are rounded.
        near = points[(along > 0.12) & (along < 0.88) & (away < 0.08 * length + 2)]
        if len(near) < 4:
            lines.append((first, unit))
            continue
        fitted = cv2.fitLine(near, cv2.DIST_HUBER, 0, 0.01, 0.01).ravel()
        lines.append((fitted[2:].astype(np.float32), fitted[:2].astype(np.float32)))
    corners = [_meet(*lines[i - 1], *lines[i]) for i in range(4)]
    quad = np.array(corners, np.float32)
    return quad if np.isfinite(quad).all() else None


def _four_corners(hull: Quad) -> Quad | None:
    """Simplify the hull until four corners are left."""
    length = cv2.arcLength(hull, closed=True)
    for share in np.geomspace(0.005, 0.2, 24):
        simple = cv2.approxPolyDP(hull, float(share * length), closed=True)[:, 0]
        if len(simple) == 4:
            return np.asarray(simple, np.float32)
        if len(simple) < 4:
            return None
    return None


def _along(hull: Quad) -> Quad:
    """Points on the hull's border, evenly spaced, so that long sides weigh as their length."""
    following = np.roll(hull, -1, axis=0)
    lengths = np.linalg.norm(following - hull, axis=1)
    spacing = max(0.5, float(lengths.sum()) / 800)
    pieces = [
        a + (b - a) * np.linspace(0, 1, max(1, int(n / spacing)), endpoint=False, dtype=np.float32)[:, None]
        for a, b, n in zip(hull, following, lengths, strict=True)
    ]
    return np.concatenate(pieces).astype(np.float32)


def _describes(quad: Quad, hull: Quad) -> bool:
    """Whether a quadrilateral covers the hull, is not much larger, and is convex."""
    if not cv2.isContourConvex(quad):
        return False
    hull_area, quad_area = abs(signed_area(hull)), abs(signed_area(quad))
    covered = intersection_area(quad, hull)
    return covered > 0.94 * hull_area and quad_area < 1.3 * hull_area


def _meet(
    point: NDArray[np.floating],
    direction: NDArray[np.floating],
    other: NDArray[np.floating],
    heading: NDArray[np.floating],
) -> NDArray[np.floating]:
    """Where two lines cross; not finite when they run parallel."""
    cross = direction[0] * heading[1] - direction[1] * heading[0]
    if abs(cross) < 1e-9:
        return np.full(2, np.nan)
    gap = other - point
    return np.asarray(point + direction * ((gap[0] * heading[1] - gap[1] * heading[0]) / cross))


def _clockwise(polygon: NDArray[np.floating]) -> NDArray[np.float64]:
    points = np.asarray(polygon, np.float64)
    return points if signed_area(points) >= 0 else points[::-1]


def _keep_inside(polygon: NDArray[np.float64], inside: NDArray[np.float64]) -> NDArray[np.float64]:
    """The part of a convex polygon where the signed distance `inside`, one a corner, is not negative."""
    kept: list[NDArray[np.float64]] = []
    for point, following, here, there in zip(
        polygon, np.roll(polygon, -1, axis=0), inside, np.roll(inside, -1), strict=True
    ):
        if here >= 0:
            kept.append(point)
        if (here > 0 > there) or (here < 0 < there):
            kept.append(point + (following - point) * (here / (here - there)))
    return np.array(kept).reshape(-1, 2)
