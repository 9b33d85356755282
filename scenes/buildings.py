"""House fronts along the street, and whatever closes the view at its end."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from scenes.canvas import Canvas, Item, Point
from scenes.category import Category
from scenes.color import Color, mix, scaled, varied
from scenes.dice import Dice
from scenes.street import FAR, Plan
from scenes.style import Look, Style

BUILDING = Category.BUILDING
LIT: Color = (255, 206, 120)


@dataclass(frozen=True)
class Wall:
    """An upright rectangle; a metres along it, y metres up, `out` metres before it."""

    start: Point
    stop: Point
    length: float
    height: float
    outward: tuple[float, float]
    """Unit vector (x, z) out of the wall."""

    def at(self, a: float, y: float, out: float = 0.0) -> Point:
        """The point in the world."""
        share = a / self.length
        (x0, _, z0), (x1, _, z1) = self.start, self.stop
        x, z = x0 + share * (x1 - x0), z0 + share * (z1 - z0)
        return (x + out * self.outward[0], y, z + out * self.outward[1])

    def patch(
        self, a: tuple[float, float], y: tuple[float, float], out: float = 0.0
    ) -> list[Point]:
        """The four corners of a rectangle on the wall."""
        return [
            self.at(a[0], y[0], out),
            self.at(a[0], y[1], out),
            self.at(a[1], y[1], out),
            self.at(a[1], y[0], out),
        ]


@dataclass(frozen=True)
class House:
    """One house: how its front is built and coloured."""

    front: Wall
    depth: float
    wall: Color
    trim: Color
    frame: Color
    roof: Color
    awning: Color | None
    glass: Color
    windows: str
    roof_kind: str
    bricks: bool
    storey: float
    bay: float
    lit: frozenset[int]

    def is_lit(self, storey: int, bay: int) -> bool:
        """Whether there is light in this window."""
        return (storey * 31 + bay * 7) % 97 in self.lit


def place_buildings(plan: Plan, style: Style, dice: Dice) -> Iterator[Item]:
    """Rows of houses on the sides that have them, and one across the end of a closed street."""
    if not plan.shows(BUILDING):
        return
    for sign, side in zip((-1, 1), plan.sides, strict=True):
        if side == "houses":
            yield from _row(plan, style, dice, sign)
    if plan.street.end < FAR:
        yield _across(plan, style, dice)


def _row(plan: Plan, style: Style, dice: Dice, sign: int) -> Iterator[Item]:
    street = plan.street
    hides_sky = not plan.shows(Category.SKY)
    gaps = 0.0 if hides_sky else dice.pick((0.0, 0.0, 0.25))
    setback = street.edge + (0.0 if hides_sky else dice.pick((0.0, 0.0, dice.between(1, 4))))
    s, tall = dice.between(-6, 0), dice.between(6, 17)
    while s < min(street.end - 9, FAR):
        length = dice.between(6, 15)
        length = min(length, street.end - 8 - s) if street.end < FAR else length
        middle = s + length / 2
        if length > 3 and street.is_free(middle) and not dice.chance(gaps):
            height = max(4.5, dice.around(tall, 5))
            if hides_sky:
                height = max(height, 0.62 * (s + length) + 6)
            t = sign * setback
            ends = (street.at(s, t), street.at(s + length, t))
            front = Wall(ends[0], ends[1], length, height, (-sign, 0.0))
            house = _make_house(front, style, dice, flat=hides_sky)
            near, far = s, s + length
            yield Item(
                far + 5, BUILDING, partial(_draw_terraced, house, near, sign, style.light.cast)
            )
        s += length


def _across(plan: Plan, style: Style, dice: Dice) -> Item:
    end, half = plan.street.end, plan.street.end * 1.2 + 25
    height = 0.75 * end + 5 if not plan.shows(Category.SKY) else dice.between(7, 16)
    left, right = plan.street.at(end, -half), plan.street.at(end, half)
    wall = Wall(left, right, 2 * half, height, (0.0, -1.0))
    house = _make_house(wall, style, dice, flat=height > 16)
    return Item(end + 20, BUILDING, partial(_draw_across, house))


def _make_house(front: Wall, style: Style, dice: Dice, *, flat: bool) -> House:
    materials = style.materials
    wall = varied(dice, dice.pick(materials.walls), 0.14)
    storey, bay = dice.between(2.8, 3.5), dice.between(1.9, 3.3)
    share = dice.between(0.15, 0.5) if style.lamps else 0.0
    lit = frozenset(number for number in range(97) if dice.chance(share))
    return House(
        front=front,
        depth=dice.between(8, 13),
        wall=wall,
        trim=mix(wall, dice.pick(((255, 255, 255), (60, 50, 46))), 0.35),
        frame=dice.pick(materials.frames),
        roof=varied(dice, dice.pick(materials.roofs), 0.12),
        awning=dice.pick(materials.awnings) if dice.chance(0.4) else None,
        glass=mix((58, 76, 100), style.skyline, dice.between(0.08, 0.32)),
        windows=dice.pick(materials.windows),
        roof_kind="flat"
        if flat or front.height > 14
        else dice.pick(("flat", "ridge", "ridge", "gable")),
        bricks=style.look is Look.TARGET and dice.chance(0.6),
        storey=storey,
        bay=bay,
        lit=lit,
    )


Caster = Callable[[float], tuple[float, float]]


def _draw_terraced(house: House, near: float, sign: int, cast: Caster, canvas: Canvas) -> None:
    front = house.front
    dx, dz = cast(front.height)
    if dx * sign < 0:
        _draw_row_shadow(canvas, front, (dx, dz))
    (x, _, z), away = front.start, sign * house.depth
    gable = [(x, 0.0, z), (x, front.height, z), (x + away, front.height, z), (x + away, 0.0, z)]
    if near > 0.5:
        canvas.face(gable, scaled(house.wall, 0.94), BUILDING)
        _draw_gable_windows(canvas, house, sign)
    _draw_roof(canvas, house, sign)
    _draw_front(canvas, house, max(near, 0.0))


def _draw_row_shadow(canvas: Canvas, front: Wall, shift: tuple[float, float]) -> None:
    dx, dz = shift
    (x0, _, z0), (x1, _, z1) = front.start, front.stop
    canvas.shadow([(x0, 0, z0), (x1, 0, z1), (x1 + dx, 0, z1 + dz), (x0 + dx, 0, z0 + dz)])


def _draw_across(house: House, canvas: Canvas) -> None:
    front = house.front
    if house.roof_kind != "flat":
        rise = 3.0
        slope = [front.at(0, front.height), front.at(0, front.height + rise, -4)]
        slope += [
            front.at(front.length, front.height + rise, -4),
            front.at(front.length, front.height),
        ]
        canvas.face(slope, house.roof, BUILDING)
    _draw_front(canvas, house, front.start[2])


def _draw_gable_windows(canvas: Canvas, house: House, sign: int) -> None:
    x, _, z = house.front.start
    for storey in range(1, int(house.front.height / house.storey)):
        y = storey * house.storey + 0.9
        for u in (2.0, 5.0):
            left, right = x + sign * u, x + sign * (u + 0.9)
            lit = house.is_lit(storey, int(u))
            pane = [(left, y, z), (left, y + 1.4, z), (right, y + 1.4, z), (right, y, z)]
            canvas.face(pane, LIT if lit else house.glass, None, glowing=lit)


def _draw_roof(canvas: Canvas, house: House, sign: int) -> None:
    front = house.front
    top, deep = front.height, house.depth
    if house.roof_kind == "ridge":
        rise = 2.6
        ridge = [front.at(a, top + rise, -deep / 2) for a in (0, front.length)]
        eaves = [front.at(a, top - 0.15, 0.35) for a in (0, front.length)]
        x, _, z = front.start
        peak = [(x, top, z), (x + sign * deep / 2, top + rise, z), (x + sign * deep, top, z)]
        canvas.face(peak, scaled(house.wall, 0.94), BUILDING)
        canvas.face([eaves[0], ridge[0], ridge[1], eaves[1]], house.roof, BUILDING)
        _draw_chimney(canvas, house, sign, top + rise)
    elif house.roof_kind == "gable":
        rise, middle = min(3.4, front.length * 0.35), front.length / 2
        tip = front.at(middle, top + rise)
        back = front.at(middle, top + rise, -deep)
        canvas.face([front.at(0, top), tip, back, front.at(0, top, -deep)], house.roof, BUILDING)
        canvas.face([front.at(front.length, top), tip, front.at(0, top)], house.wall, BUILDING)


def _draw_chimney(canvas: Canvas, house: House, sign: int, ridge: float) -> None:
    x, _, z = house.front.at(house.front.length * 0.3, 0, -house.depth / 2)
    for color, low, wide in ((scaled(house.wall, 0.8), -1.0, 0.45), (house.roof, 1.0, 0.28)):
        left, right, base = x - sign * wide, x + sign * wide, ridge + low
        height = 2.0 if low < 0 else 0.4
        block = [
            (left, base, z),
            (left, base + height, z),
            (right, base + height, z),
            (right, base, z),
        ]
        canvas.face(block, color, BUILDING)


def _draw_front(canvas: Canvas, house: House, near: float) -> None:
    front = house.front
    canvas.face(front.patch((0, front.length), (0, front.height)), house.wall, BUILDING)
    if house.bricks and near < 22:
        _draw_courses(canvas, house)
    if house.roof_kind == "flat":
        band = front.patch((0, front.length), (front.height - 0.55, front.height), 0.15)
        canvas.face(band, house.trim, BUILDING)
    plinth = front.patch((0, front.length), (0, 0.5))
    canvas.face(plinth, scaled(house.wall, 0.72), None)
    bays = max(1, int((front.length - 0.8) / house.bay))
    margin = (front.length - bays * house.bay) / 2
    storeys = max(1, int((front.height - 0.7) / house.storey))
    for bay in range(bays):
        a = margin + bay * house.bay
        if _is_hidden(canvas, front, a):
            continue
        _draw_ground_floor(canvas, house, a, bay)
        for storey in range(1, storeys):
            _draw_window(canvas, house, (a, storey * house.storey), (storey, bay))
    if house.awning and near < 60 and front.outward[0] != 0:
        low, high = front.at(0.4, 2.45, 1.1), front.at(front.length - 0.4, 2.45, 1.1)
        top = [front.at(front.length - 0.4, 3.0), front.at(0.4, 3.0)]
        canvas.face([low, high, *top], house.awning, BUILDING)


def _is_hidden(canvas: Canvas, front: Wall, a: float) -> bool:
    seen = canvas.camera.view(front.at(a, 1.5))
    return seen[2] < 0.3 or abs(seen[0]) > 1.1 * seen[2] + 4


def _draw_courses(canvas: Canvas, house: House) -> None:
    mortar = scaled(house.wall, 0.9)
    y = 0.6
    while y < house.front.height - 0.6:
        near = max(0.0, 1.5 - house.front.start[2])
        if near < house.front.length:
            ends = (house.front.at(near, y), house.front.at(house.front.length, y))
            canvas.line(ends, 0.02, mortar, None)
        y += 0.42


def _draw_ground_floor(canvas: Canvas, house: House, a: float, bay: int) -> None:
    front, wide = house.front, house.bay
    lit = house.is_lit(0, bay)
    glass = LIT if lit else house.glass
    if bay % 4 == 1:
        canvas.face(front.patch((a + 0.3, a + 1.4), (0, 2.35)), scaled(house.frame, 0.8), None)
        canvas.face(front.patch((a + 0.42, a + 1.28), (0.1, 2.2)), scaled(house.trim, 0.55), None)
    elif house.awning:
        canvas.face(front.patch((a + 0.1, a + wide - 0.1), (0.45, 2.5)), house.frame, None)
        shop = front.patch((a + 0.2, a + wide - 0.2), (0.6, 2.4))
        canvas.face(shop, glass, None, glowing=lit)
    else:
        _draw_window(canvas, house, (a, 0.1), (0, bay))


def _draw_window(
    canvas: Canvas, house: House, at: tuple[float, float], cell: tuple[int, int]
) -> None:
    front, (a, y), wide = house.front, at, house.bay
    lit = house.is_lit(*cell)
    glass = LIT if lit else scaled(house.glass, 1 + 0.16 * ((cell[0] * 7 + cell[1] * 5) % 3 - 1))
    inset = 0.12 if house.windows == "ribbon" else wide * 0.24
    left, right = a + inset, a + wide - inset
    low, high = y + 0.85, y + (2.3 if house.windows != "balcony" else 2.5)
    distance = front.at(a, 0)[2]
    if distance < 55:
        outer = front.patch((left - 0.12, right + 0.12), (low - 0.12, high + 0.12), 0.02)
        canvas.face(outer, house.frame, None)
    canvas.face(front.patch((left, right), (low, high), 0.03), glass, None, glowing=lit)
    if distance < 32:
        _draw_window_parts(canvas, house, (left, right), (low, high))


def _draw_window_parts(
    canvas: Canvas, house: House, a: tuple[float, float], y: tuple[float, float]
) -> None:
    front, middle = house.front, (a[0] + a[1]) / 2
    sill = front.patch((a[0] - 0.2, a[1] + 0.2), (y[0] - 0.24, y[0] - 0.1), 0.12)
    canvas.face(sill, house.trim, None)
    if house.windows in ("cross", "sash", "ribbon", "plain"):
        canvas.face(front.patch((middle - 0.04, middle + 0.04), y, 0.04), house.frame, None)
    if house.windows in ("cross", "sash"):
        half = (y[0] + y[1]) / 2
        canvas.face(front.patch(a, (half - 0.04, half + 0.04), 0.04), house.frame, None)
    if house.windows == "arched":
        arch = [front.at(a[0], y[1], 0.03), front.at(a[0] + 0.1, y[1] + 0.28, 0.03)]
        arch += [front.at(middle, y[1] + 0.42, 0.03), front.at(a[1] - 0.1, y[1] + 0.28, 0.03)]
        canvas.face([*arch, front.at(a[1], y[1], 0.03)], house.frame, None)
    if house.windows == "balcony":
        rail = front.patch((a[0] - 0.3, a[1] + 0.3), (y[0] - 0.2, y[0] + 0.75), 0.5)
        canvas.face(rail, scaled(house.trim, 0.8), BUILDING)
