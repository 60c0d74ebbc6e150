"""What a training leaves beside the bundle for people, and the reference that its crops were registered to."""

from pathlib import Path

from shared.images import encode_png
from shared.registration_reference import as_picture, unpack
from training.model_card import render_model_card
from training.report import render_report
from training.result import TrainingResult

NAMES = {
    "report": "report.html",
    "card": "model-card.md",
    "reference": "crop-reference.safetensors",
    "reference picture": "crop-reference.png",
}
"""What each file is, and its name."""


def write_papers(folder: Path, result: TrainingResult, *, version: str, digest: str) -> dict[str, Path]:
    """Write them to `folder`; answers what was written, in the words of `NAMES`.

    Args:
        folder: exists.
        result: of the training.
        version: what the model version is called.
        digest: sha256 of its bundle.
    """
    written = {what: folder / name for what, name in NAMES.items() if what in ("report", "card") or result.reference}
    written["report"].write_text(render_report(result, version=version, digest=digest), encoding="utf-8")
    written["card"].write_text(render_model_card(result, version=version, digest=digest), encoding="utf-8")
    if result.reference is not None:
        written["reference"].write_bytes(result.reference)
        written["reference picture"].write_bytes(encode_png(as_picture(unpack(result.reference))))
    return written
