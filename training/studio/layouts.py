"""The eight label layouts, as data: seven export countries and ``row``, the rest of the world.

Every length is in millimetres from the label's top-left corner. The layouts are invented; they
borrow from public regulations only what such labels must say (VIN, weights, dates, warnings).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Font = Literal["sans", "bold", "mono", "mono-bold", "condensed"]
Pictogram = Literal["warning", "airbag", "manual", "battery", "drop", "conformity", "tyre", "recycle"]


@dataclass(frozen=True, slots=True)
class Text:
    """One line of lettering. ``size`` is the cap height; ``template`` is filled from ``fields.draw``."""

    x: float
    y: float
    size: float
    template: str
    font: Font = "sans"
    anchor: Literal["left", "middle", "right"] = "left"


@dataclass(frozen=True, slots=True)
class Barcode:
    """A Code 39 symbol of one field."""

    x: float
    y: float
    width: float
    height: float
    field: str = "vin"


@dataclass(frozen=True, slots=True)
class Matrix:
    """A square that looks like a Data Matrix symbol of the VIN."""

    x: float
    y: float
    size: float


@dataclass(frozen=True, slots=True)
class Icon:
    """A pictogram inside a square of ``size``."""

    x: float
    y: float
    size: float
    kind: Pictogram


@dataclass(frozen=True, slots=True)
class Rule:
    """A straight line."""

    x0: float
    y0: float
    x1: float
    y1: float
    weight: float = 0.3


@dataclass(frozen=True, slots=True)
class Frame:
    """A rectangle outline."""

    x: float
    y: float
    width: float
    height: float
    weight: float = 0.35


Element = Text | Barcode | Matrix | Icon | Rule | Frame


@dataclass(frozen=True, slots=True)
class Layout:
    """One label type. ``width``, ``height`` and ``radius`` (of the corners) are in millimetres."""

    slug: str
    country: str
    width: float
    height: float
    radius: float
    elements: tuple[Element, ...]


def _lines(
    at: tuple[float, float], pitch: float, size: float, lines: tuple[str, ...], font: Font = "sans"
) -> tuple[Text, ...]:
    """Several lines, the first with its top-left corner ``at``, each ``pitch`` below the one before."""
    return tuple(Text(at[0], at[1] + pitch * index, size, line, font) for index, line in enumerate(lines))


_ROW = Layout(
    "row",
    "rest of the world",
    100,
    56,
    2.5,
    (
        Text(50, 4, 3.4, "LINEGATE MOTOR WORKS", "bold", "middle"),
        Rule(4, 9.6, 96, 9.6),
        Text(5, 11.6, 2.3, "{approval}"),
        Text(5, 16.6, 3.4, "*{vin}*", "mono-bold"),
        *_lines((5, 23.5), 4.6, 2.5, ("{gross} kg", "{train} kg", "1- {front} kg", "2- {rear} kg")),
        *_lines(
            (36, 23.5),
            4.6,
            2.3,
            ("TYPE  {model}", "MOTOR {engine}", "{power} kW", "PAINT {paint}  TRIM {trim}"),
            "condensed",
        ),
        Icon(80, 22, 14, "conformity"),
        Barcode(5, 43.5, 70, 8.5),
        Icon(81, 41, 11, "manual"),
    ),
)
_US = Layout(
    "us",
    "United States",
    116,
    66,
    3,
    (
        Text(58, 3.6, 2.9, "MFD BY LINEGATE MOTOR WORKS INC.", "bold", "middle"),
        Text(6, 9.6, 2.3, "DATE: {month}/{year}"),
        Text(52, 9.6, 2.3, "GVWR: {gross_lb} LB ({gross} KG)"),
        Rule(5, 14, 111, 14),
        *_lines(
            (6, 15.8),
            4.0,
            2.2,
            (
                "FRONT GAWR: {front_lb} LB WITH {tyre} TIRES",
                "REAR GAWR: {rear_lb} LB WITH {tyre} TIRES",
                "THIS VEHICLE CONFORMS TO ALL APPLICABLE FEDERAL MOTOR",
                "VEHICLE SAFETY, BUMPER AND THEFT PREVENTION STANDARDS",
                "IN EFFECT ON THE DATE OF MANUFACTURE SHOWN ABOVE.",
            ),
        ),
        Text(6, 37.6, 3.6, "VIN: {vin}", "mono-bold"),
        Barcode(6, 44.5, 82, 10),
        Text(6, 57.5, 2.4, "TYPE: PASSENGER CAR   MODEL: {model}   COLOR: {paint}"),
        Icon(94, 42, 15, "airbag"),
    ),
)
_CN = Layout(
    "cn",
    "China",
    92,
    62,
    2,
    (
        Frame(1.6, 1.6, 88.8, 58.8),
        Text(46, 4.4, 3.5, "LINEGATE AUTOMOBILE CO., LTD. CHINA", "condensed", "middle"),
        Text(30, 11.5, 2.6, "MODEL: LG{capacity}{trim}"),
        Text(30, 17, 3.0, "*{vin}*", "mono-bold"),
        *_lines(
            (30, 23.5),
            5.0,
            2.6,
            (
                "ENGINE {engine}  {capacity} mL",
                "MAX POWER {power} kW",
                "GVW {gross} kg",
                "MADE {year} / {month}",
                "SEATS 5   No. {serial}",
            ),
            "condensed",
        ),
        Matrix(6, 12, 19),
        Icon(6.5, 34, 8, "battery"),
        Icon(16.5, 34, 8, "drop"),
        Barcode(6, 50, 62, 7),
        Icon(74, 36, 12, "recycle"),
    ),
)
_JP = Layout(
    "jp",
    "Japan",
    90,
    40,
    2,
    (
        Text(4, 3.6, 3.2, "LINEGATE", "bold"),
        Text(86, 3.8, 2.4, "{works}", "condensed", "right"),
        Rule(3, 8.8, 87, 8.8),
        Text(4, 10.8, 2.3, "MODEL"),
        Text(24, 10.8, 2.3, "{model}-{trim}", "mono"),
        Text(4, 15.6, 2.3, "FRAME No."),
        Text(24, 15.4, 2.7, "{vin}", "mono-bold"),
        Text(4, 20.8, 2.3, "ENGINE"),
        Text(24, 20.8, 2.3, "{engine}   {capacity} cc", "mono"),
        Text(4, 25.6, 2.3, "COLOR"),
        Text(24, 25.6, 2.3, "{paint}   TRIM {trim}", "mono"),
        Barcode(4, 31, 58, 6),
        Matrix(71, 11, 16),
        Icon(70.5, 29, 8.5, "warning"),
        Icon(79, 29, 8.5, "manual"),
    ),
)
_KR = Layout(
    "kr",
    "Korea",
    104,
    50,
    2.5,
    (
        Icon(4, 3.6, 10.5, "tyre"),
        Text(20, 4.2, 3.2, "LINEGATE KOREA CO.", "bold"),
        Text(20, 10, 2.4, "{works}"),
        Rule(3, 15.8, 101, 15.8, 0.4),
        Text(4, 18.2, 3.6, "{vin}", "mono-bold"),
        Rule(3, 24.2, 62, 24.2, 0.4),
        Rule(62, 15.8, 62, 46, 0.4),
        *_lines((4, 26.4), 4.7, 2.4, ("GVW  {gross} kg", "FRT AXLE  {front} kg", "RR AXLE  {rear} kg", "TYRE {tyre}")),
        *_lines((64.5, 18.2), 4.6, 2.3, ("{year}.{month}", "NOISE {noise}", "KMVSS {serial}"), "condensed"),
        Barcode(64.5, 34, 36, 11, "serial"),
    ),
)
_BR = Layout(
    "br",
    "Brazil",
    98,
    60,
    3.5,
    (
        Text(49, 4, 3.2, "LINEGATE DO BRASIL S.A.", "bold", "middle"),
        Text(49, 9.6, 2.2, "INDUSTRIA BRASILEIRA", "sans", "middle"),
        Frame(5, 14, 88, 8),
        Text(49, 16.2, 3.6, "{vin}", "mono-bold", "middle"),
        *_lines(
            (6, 25.4),
            4.8,
            2.5,
            ("PBT {gross} kg", "EIXO 1  {front} kg", "EIXO 2  {rear} kg", "CMT {train} kg", "ANO {year}  COR {paint}"),
        ),
        Icon(52, 25, 12, "drop"),
        Icon(66, 25, 12, "battery"),
        Icon(80, 25, 12, "warning"),
        Barcode(48, 40, 46, 9, "part"),
        Text(48, 51.6, 2.3, "PNEUS {tyre}", "condensed"),
    ),
)
_IN = Layout(
    "in",
    "India",
    84,
    58,
    2,
    (
        Text(42, 3.4, 3.0, "LINEGATE MOTORS INDIA PVT. LTD.", "condensed", "middle"),
        Rule(3, 8.6, 81, 8.6),
        *_lines(
            (4, 10.8),
            5.0,
            2.4,
            (
                "VARIANT : {model}",
                "MONTH / YEAR : {month} / {year}",
                "ENGINE : {engine} {serial}",
                "G.V.W. : {gross} kg",
                "F.A.W. : {front} kg   R.A.W. : {rear} kg",
            ),
        ),
        Text(42, 36.6, 3.2, "{vin}", "mono-bold", "middle"),
        Barcode(8, 42.6, 68, 7.5),
        Text(42, 52, 2.2, "MADE IN INDIA", "bold", "middle"),
        Icon(66, 11, 13, "airbag"),
    ),
)
_GB = Layout(
    "gb",
    "United Kingdom",
    108,
    46,
    2.5,
    (
        Text(5, 4, 3.0, "LINEGATE MOTOR WORKS", "bold"),
        Text(5, 9.6, 2.4, "{approval}"),
        Text(5, 14.8, 3.4, "{vin}", "mono-bold"),
        *_lines((5, 21.4), 4.7, 2.5, ("{gross} kg", "{train} kg", "1 - {front} kg", "2 - {rear} kg")),
        Icon(31, 21.5, 9, "tyre"),
        Text(42, 22.2, 2.3, "{tyre}", "condensed"),
        Text(42, 27, 2.3, "F {pressure}  R {pressure} kPa", "condensed"),
        Rule(76, 3, 76, 43),
        Matrix(80, 5, 23),
        Text(80, 31, 2.3, "PAINT {paint}"),
        Text(80, 35.6, 2.3, "TRIM {trim}"),
        Barcode(30, 34, 42, 7.5, "part"),
    ),
)

LAYOUTS: Final[dict[str, Layout]] = {layout.slug: layout for layout in (_ROW, _US, _CN, _JP, _KR, _BR, _IN, _GB)}
"""The layouts by slug."""
