"""A camera, the light, and a canvas that draws a picture and its mask with one stroke."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from scenes.category import Category
from scenes.color import Color, mix, whole
from scenes.dice import Dice

Point = tuple[float, float, float]
Pixel = tuple[float, float]

SUPERSAMPLING = 2
"""Canvas pixels across one pixel of the finished picture."""

NEAREST = 0.6
"""Metres before the camera at which everything is cut off."""


@dataclass(frozen=True)
class Pose:
    """Where the camera is: metres from the road's centre line and above ground, angles in radians.

    Positive yaw turns right, positive pitch looks up.
    """

    x: float
    height: float
    yaw: float
    pitch: float
    roll: float


class Camera:
    """Pinhole camera. World axes: x right, y up, z along the road, in metres."""

    def __init__(self, size: tuple[int, int], field: float, pose: Pose) -> None:
        self.width, self.height = size
        self.pose = pose
        self.focal = field * self.width
        self._sin, self._cos = (
            tuple(f(angle) for angle in (pose.yaw, pose.pitch, pose.roll))
            for f in (math.sin, math.cos)
        )

    def view(self, point: Point) -> Point:
        """The point as the camera sees it: right, down, ahead."""
        x, y, z = point[0] - self.pose.x, point[1] - self.pose.height, point[2]
        (sy, sp, sr), (cy, cp, cr) = self._sin, self._cos
        x, z = x * cy - z * sy, x * sy + z * cy
        y, z = y * cp - z * sp, y * sp + z * cp
        return (x * cr + y * sr, x * sr - y * cr, z)

    def ahead(self, point: Point) -> float:
        """Metres from the camera along its line of sight."""
        return self.view(point)[2]

    def pixel(self, seen: Point) -> Pixel:
        """Where a point given by `view` falls on the canvas."""
        scale = self.focal / seen[2]
        return (self.width / 2 + seen[0] * scale, self.height / 2 + seen[1] * scale)

    def polygon(self, points: Sequence[Point]) -> tuple[list[Pixel], float]:
        """The polygon on the canvas, cut at the nearest plane, and its mean distance.

        Fewer than three pixels mean that nothing of it is before the camera.
        """
        seen = [self.view(point) for point in points]
        distance = sum(p[2] for p in seen) / len(seen)
        if min(p[2] for p in seen) < NEAREST:
            seen = _cut(seen)
        return [self.pixel(p) for p in seen], max(distance, NEAREST)

    @property
    def horizon(self) -> float:
        """Canvas row of the horizon below the picture's centre column."""
        return self.height / 2 + self.focal * math.tan(self.pose.pitch)


def _cut(seen: list[Point]) -> list[Point]:
    kept: list[Point] = []
    for here, there in zip(seen, seen[1:] + seen[:1], strict=True):
        if here[2] >= NEAREST:
            kept.append(here)
        if (here[2] < NEAREST) != (there[2] < NEAREST):
            share = (NEAREST - here[2]) / (there[2] - here[2])
            kept.append(
                (
                    here[0] + share * (there[0] - here[0]),
                    here[1] + share * (there[1] - here[1]),
                    NEAREST,
                )
            )
    return kept


@dataclass(frozen=True)
class Light:
    """Sun and sky light as factors on a surface's colour, and the air in between."""

    sun: Point
    """Unit vector towards the sun."""
    sunlight: Color
    skylight: Color
    haze_color: Color
    haze: float
    """Share of the light lost per metre, about."""
    shadow: float
    """How much darker the ground is where the sun does not reach, 0 to 1."""

    def shade(self, color: Color, normal: Point) -> Color:
        """The colour of a matt surface with this unit normal."""
        (x, y, z), (sx, sy, sz) = normal, self.sun
        facing = max(0.0, x * sx + y * sy + z * sz)
        open_sky = 0.78 + 0.22 * y
        sky, sun = self.skylight, self.sunlight
        return (
            color[0] * (sky[0] * open_sky + sun[0] * facing),
            color[1] * (sky[1] * open_sky + sun[1] * facing),
            color[2] * (sky[2] * open_sky + sun[2] * facing),
        )

    def through_air(self, color: Color, distance: float) -> Color:
        """The colour as it looks from this many metres away."""
        return mix(color, self.haze_color, 1 - math.exp(-self.haze * distance))

    def cast(self, height: float) -> tuple[float, float]:
        """Where the shadow of a point `height` above ground falls, in metres (x, z) from its foot."""
        length = height / max(self.sun[1], 0.12)
        return (-self.sun[0] * length, -self.sun[2] * length)


@dataclass(frozen=True)
class Glow:
    """A lamp that is on: canvas position, radius in canvas pixels, colour, and the pixel there."""

    at: tuple[int, int]
    radius: float
    color: Color
    seen: object


class Canvas:
    """Draws far things first, near things last; what is drawn later hides what was there."""

    def __init__(
        self, camera: Camera, light: Light, backdrop: tuple[Image.Image, Category], dice: Dice
    ) -> None:
        size = (camera.width, camera.height)
        picture, behind = backdrop
        self.camera = camera
        self.light = light
        self.dice = dice
        self.image = picture.resize(size, Image.Resampling.NEAREST)
        self.mask = Image.new("L", size, int(behind))
        self.shadows = Image.new("L", (size[0] // SUPERSAMPLING, size[1] // SUPERSAMPLING), 0)
        self.glows: list[Glow] = []
        self._paint = ImageDraw.Draw(self.image)
        self._glaze = ImageDraw.Draw(self.image, "RGBA")
        self._label = ImageDraw.Draw(self.mask)
        self._darken = ImageDraw.Draw(self.shadows)

    def fill(self, pixels: Sequence[Pixel], color: Color, category: Category | None) -> None:
        """A polygon in canvas pixels; without a category the mask stays as it is."""
        if len(pixels) < 3:
            return
        self._paint.polygon(pixels, whole(color))
        if category is not None:
            self._label.polygon(pixels, int(category))

    def disc(
        self, box: tuple[float, float, float, float], color: Color, label: Category | None
    ) -> None:
        """An upright ellipse in canvas pixels: left, top, right, bottom."""
        self._paint.ellipse(box, whole(color))
        if label is not None:
            self._label.ellipse(box, int(label))

    def stroke(
        self, pixels: Sequence[Pixel], width: float, color: Color, label: Category | None
    ) -> None:
        """A line through canvas pixels, at least one canvas pixel wide."""
        thickness = max(1, round(width))
        self._paint.line(pixels, whole(color), thickness, "curve" if thickness > 2 else None)
        if label is not None:
            self._label.line(pixels, int(label), thickness, "curve" if thickness > 2 else None)

    def face(
        self,
        points: Sequence[Point],
        color: Color,
        category: Category | None,
        *,
        one_sided: bool = False,
        glowing: bool = False,
    ) -> None:
        """A flat polygon in the world, lit and seen through the air.

        A one-sided face shows only when its points run clockwise as seen from the camera.
        Without a category it is a detail: it lies on something already drawn.
        """
        pixels, distance = self.camera.polygon(points)
        if len(pixels) < 3 or (one_sided and not _is_clockwise(pixels)):
            return
        lit = color if glowing else self.light.shade(color, self._normal(points))
        self.fill(pixels, self.light.through_air(lit, distance), category)

    def ground(self, points: Sequence[Point], color: Color, category: Category | None) -> None:
        """A flat polygon on the ground; the air before it is added with its texture."""
        pixels, _ = self.camera.polygon(points)
        self.fill(pixels, self.light.shade(color, (0, 1, 0)), category)

    def glaze(
        self, points: Sequence[Point], color: Color, opacity: float, category: Category
    ) -> None:
        """A see-through face, such as wire mesh: all of it belongs to the category."""
        pixels, distance = self.camera.polygon(points)
        if len(pixels) < 3:
            return
        lit = self.light.through_air(self.light.shade(color, self._normal(points)), distance)
        self._glaze.polygon(pixels, (*whole(lit), round(255 * opacity)))
        self._label.polygon(pixels, int(category))

    def line(
        self, points: Sequence[Point], width: float, color: Color, label: Category | None
    ) -> None:
        """A line in the world, `width` metres thick; nothing where it leaves the camera's front."""
        seen = [self.camera.view(point) for point in points]
        nearest = min(p[2] for p in seen)
        if nearest < NEAREST:
            return
        distance = sum(p[2] for p in seen) / len(seen)
        lit = self.light.through_air(self.light.shade(color, (0, 0.5, -0.8)), distance)
        pixels = [self.camera.pixel(p) for p in seen]
        self.stroke(pixels, width * self.camera.focal / distance, lit, label)

    def shadow(self, ground: Sequence[Point], depth: float = 1.0) -> None:
        """A shadow on the ground, as dark as the light makes it times `depth`."""
        pixels, _ = self.camera.polygon(ground)
        if len(pixels) >= 3:
            small = [(x / SUPERSAMPLING, y / SUPERSAMPLING) for x, y in pixels]
            self._darken.polygon(small, round(255 * min(1.0, depth)))

    def glow(self, point: Point, radius: float, color: Color) -> None:
        """A halo `radius` metres wide around a lamp that has just been drawn."""
        seen = self.camera.view(point)
        if seen[2] <= NEAREST:
            return
        x, y = (int(axis) for axis in self.camera.pixel(seen))
        if 0 <= x < self.camera.width and 0 <= y < self.camera.height:
            size = radius * self.camera.focal / seen[2]
            self.glows.append(Glow((x, y), size, color, self.image.getpixel((x, y))))

    def visible_glows(self) -> list[Glow]:
        """Lamps that nothing was drawn over since."""
        return [glow for glow in self.glows if self.image.getpixel(glow.at) == glow.seen]

    def _normal(self, points: Sequence[Point]) -> Point:
        (ax, ay, az), (bx, by, bz), (cx, cy, cz) = points[0], points[1], points[2]
        ux, uy, uz, vx, vy, vz = bx - ax, by - ay, bz - az, cx - ax, cy - ay, cz - az
        x, y, z = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        length = math.sqrt(x * x + y * y + z * z) or 1.0
        towards = x * (self.camera.pose.x - ax) + y * (self.camera.pose.height - ay) - z * az
        length = length if towards > 0 else -length
        return (x / length, y / length, z / length)


def _is_clockwise(pixels: Sequence[Pixel]) -> bool:
    area = 0.0
    x0, y0 = pixels[-1]
    for x1, y1 in pixels:
        area += x0 * y1 - x1 * y0
        x0, y0 = x1, y1
    return area > 0


class Sprite:
    """A flat thing that stands at a point and faces the camera.

    Its own axes are metres: u to the right, v up, from the foot.
    """

    def __init__(self, canvas: Canvas, foot: Point, category: Category) -> None:
        seen = canvas.camera.view(foot)
        self.distance = seen[2]
        self.category: Category | None = category
        self._canvas = canvas
        self._visible = seen[2] > NEAREST
        self._scale = canvas.camera.focal / max(seen[2], NEAREST)
        self._x, self._y = canvas.camera.pixel(seen) if self._visible else (0.0, 0.0)
        roll = canvas.camera.pose.roll
        self._right, self._tilt = math.cos(roll), math.sin(roll)

    @property
    def pixels_per_metre(self) -> float:
        """Canvas pixels per metre: how much detail is worth drawing."""
        return self._scale

    def pixel(self, u: float, v: float) -> Pixel:
        """Canvas position of a point of the sprite."""
        return (
            self._x + (u * self._right + v * self._tilt) * self._scale,
            self._y + (u * self._tilt - v * self._right) * self._scale,
        )

    def polygon(
        self, points: Sequence[Pixel], color: Color, normal: Point = (0, 0.3, -0.95)
    ) -> None:
        """A filled shape."""
        if self._visible:
            pixels = [self.pixel(u, v) for u, v in points]
            self._canvas.fill(pixels, self._lit(color, normal), self.category)

    def ellipse(
        self, centre: Pixel, radii: Pixel, color: Color, normal: Point = (0, 0.3, -0.95)
    ) -> None:
        """An upright ellipse."""
        if self._visible:
            x, y = self.pixel(*centre)
            a, b = radii[0] * self._scale, radii[1] * self._scale
            box = (x - a, y - b, x + a, y + b)
            self._canvas.disc(box, self._lit(color, normal), self.category)

    def limb(self, points: Sequence[Pixel], width: float, color: Color) -> None:
        """A line of this width in metres."""
        if self._visible:
            pixels = [self.pixel(u, v) for u, v in points]
            lit = self._lit(color, (0, 0.3, -0.95))
            self._canvas.stroke(pixels, width * self._scale, lit, self.category)

    def lamp(self, centre: Pixel, radius: float, color: Color) -> None:
        """A disc that shines by itself."""
        if self._visible:
            x, y = self.pixel(*centre)
            size = radius * self._scale
            lit = self._canvas.light.through_air(color, self.distance * 0.5)
            self._canvas.disc((x - size, y - size, x + size, y + size), lit, self.category)

    def _lit(self, color: Color, normal: Point) -> Color:
        light = self._canvas.light
        return light.through_air(light.shade(color, normal), self.distance)


@dataclass(frozen=True)
class Room:
    """The ground that something takes: its middle along and across the street, and half its extent."""

    s: float
    t: float
    half_s: float
    half_t: float

    def meets(self, other: "Room") -> bool:
        """Whether the two overlap."""
        along, across = self.half_s + other.half_s, self.half_t + other.half_t
        return abs(self.s - other.s) < along and abs(self.t - other.t) < across


@dataclass(frozen=True)
class Item:
    """Something to draw. Items with a larger `depth` are drawn first."""

    depth: float
    category: Category
    draw: Callable[[Canvas], None]
    room: Room | None = None
