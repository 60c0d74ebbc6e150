"""The model card: the same facts as the report, as Markdown beside the bundle."""

from training.report import metric_rows
from training.result import TrainingResult
from training.wording import expected_catches, expected_stops, rule_in_words


def render_model_card(result: TrainingResult, *, version: str, digest: str) -> str:
    """The card as Markdown text.

    Args:
        result: of the training.
        version: what the model version is called.
        digest: sha256 of its bundle.
    """
    card, data, calibration = result.card, result.card.data, result.card.calibration
    said = [expected_stops(calibration), expected_catches(result.decided)]
    lines = [
        f"# {_text(version)}",
        "",
        f"A {result.model.kind} model of good parts, trained on `{data.name}`, bundle `{digest}`.",
        "",
        *(f"- {sentence}." for sentence in said if sentence),
        f"- A part is stopped when its raw score reaches {calibration.threshold:.6g}: {rule_in_words(calibration)}.",
        "",
        "## Use",
        "",
        "Decides whether one rectified crop of a part shows damage. The threshold holds for parts, layouts and cameras",
        "like those below; after a change of camera or light, recalibrate.",
        (
            f"Crops were made by policy `{result.options.crop}`, at most {result.options.station.width} x "
            f"{result.options.station.height} pixels: give the station the same."
        ),
        *_registration(result),
        "",
        *_section("Warnings", [f"- {_text(warning)}" for warning in result.warnings]),
        "## Data",
        "",
        "| | good | damaged |",
        "|---|---|---|",
        f"| training | {data.train_good} | - |",
        f"| calibration | {data.calibration_good} | {data.calibration_damaged} |",
        f"| test | {data.test_good} | {data.test_damaged} |",
        "",
        (
            f"Digest `{data.digest}`, split `{result.options.scheme}`, seed {result.options.seed}, "
            f"protocol `{card.protocol}`."
        ),
        "",
        "## Metrics",
        "",
        "| metric | value | 95 % interval |",
        "|---|---|---|",
        *(
            f"| {row.name} | {row.value:.3f} | "
            + (f"{row.interval.low:.3f} to {row.interval.high:.3f} |" if row.interval else "- |")
            for row in metric_rows(result)
        ),
        "",
        "## Specification",
        "",
        "```json",
        result.model.spec.model_dump_json(indent=2),
        "```",
        "",
        f"Made by Linegate {card.code_version} on {card.created:%Y-%m-%d %H:%M} UTC.",
        "",
    ]
    return "\n".join(lines)


def _registration(result: TrainingResult) -> list[str]:
    """What the crops were registered to, and how many could not be."""
    reference = None if result.card.crop is None else result.card.crop.reference
    if reference is None:
        return []
    return [f"They were registered to the reference `{reference}`; {len(result.unregistered)} could not be."]


def _section(title: str, body: list[str]) -> list[str]:
    return [f"## {title}", "", *body, ""] if body else []


def _text(text: str) -> str:
    """Text that Markdown takes literally: names of files and data sets come from outside."""
    return "".join(f"\\{char}" if char in "\\`*_[]<>|#" else char for char in " ".join(text.split()))
