"""The words and figures that differ from part to part: VIN, weights, dates, tyres, approval numbers."""

from __future__ import annotations

import numpy as np

from training.studio import vin

_ENGINES = ("B20A", "D30T", "E110", "H15M", "P24X")
_MODELS = ("LINEA 20", "LINEA 30", "GATE 5X", "GATE 7X", "GATE E")
_TYRES = ("205/55 R16 91W", "225/45 R17 94W", "245/40 R18 97Y", "235/50 R19 103V", "255/45 R20 105W")
_WORKS = ("NORTHGATE WORKS", "EASTGATE WORKS", "RIVERSIDE PLANT")


def draw(rng: np.random.Generator) -> dict[str, str]:
    """Draw the text fields of one label; every template of ``layouts`` is filled from these keys."""
    kerb = int(rng.integers(1180, 2260))
    gross = kerb + int(rng.integers(380, 690))
    front = int(gross * rng.uniform(0.46, 0.54))
    rear = gross - front + int(rng.integers(20, 120))
    pounds = [round(kg * 2.2046) for kg in (gross, front, rear)]
    year, month = int(rng.integers(2020, 2031)), int(rng.integers(1, 13))
    serial = int(rng.integers(0, 10_000_000))
    return {
        "vin": vin.generate(rng),
        "part": f"LG-{rng.integers(0, 10**8):08d}",
        "gross": str(gross),
        "train": str(gross + int(rng.integers(700, 2100))),
        "front": str(front),
        "rear": str(rear),
        "gross_lb": str(pounds[0]),
        "front_lb": str(pounds[1]),
        "rear_lb": str(pounds[2]),
        "year": str(year),
        "month": f"{month:02d}",
        "approval": f"e{rng.integers(1, 29)}*2018/858*{rng.integers(10_000, 99_999)}*{rng.integers(0, 30):02d}",
        "certificate": f"RU E-LG.MT{rng.integers(1, 30):02d}.{rng.integers(100, 99_999):05d}",
        "serial": f"{serial:07d}",
        "model": str(rng.choice(_MODELS)),
        "engine": str(rng.choice(_ENGINES)),
        "power": str(int(rng.integers(70, 310))),
        "capacity": str(int(rng.integers(10, 40)) * 100 - int(rng.integers(1, 20))),
        "paint": f"{'ABCU'[rng.integers(4)]}{rng.integers(10, 99)}",
        "trim": f"{rng.integers(100, 999)}{'KLMP'[rng.integers(4)]}",
        "tyre": str(rng.choice(_TYRES)),
        "pressure": str(int(rng.integers(21, 34)) * 10),
        "works": str(rng.choice(_WORKS)),
        "noise": f"{rng.integers(64, 76)} dB(A)",
    }
