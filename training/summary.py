"""What a training ends with on the terminal."""

from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from training.report import metric_rows
from training.result import TrainingResult
from training.wording import expected_catches, expected_stops, rule_in_words


def print_summary(
    console: Console, result: TrainingResult, *, version: str, digest: str, files: dict[str, Path]
) -> None:
    """Metrics, threshold, paths and digest. Everything that comes from outside is printed as plain text."""
    table = Table(title=Text(f"{version}: {result.model.kind} on {result.card.data.name}"), title_justify="left")
    table.add_column("metric")
    table.add_column("value", justify="right")
    table.add_column("95 % interval", justify="right")
    for row in metric_rows(result):
        interval = f"{row.interval.low:.3f} - {row.interval.high:.3f}" if row.interval else "-"
        table.add_row(row.name, f"{row.value:.3f}", interval)
    console.print(table)
    calibration, data = result.card.calibration, result.card.data
    lines = [
        ("threshold", f"{calibration.threshold:.6g} ({rule_in_words(calibration)})"),
        ("expected", "; ".join(filter(None, (expected_stops(calibration), expected_catches(result.decided))))),
        (
            "parts",
            (
                f"trained on {data.train_good}; calibration {data.calibration_good} good, {data.calibration_damaged} "
                f"damaged; test {data.test_good} good, {data.test_damaged} damaged"
            ),
        ),
        ("speed", f"{result.ms_per_image:.1f} ms a part"),
        *((name, str(path)) for name, path in files.items()),
        ("sha256", digest),
    ]
    facts = Table.grid(padding=(0, 2))
    for name, text in lines:
        facts.add_row(Text(name, style="dim"), Text(text))
    console.print(facts)
    for warning in result.warnings:
        console.print(Text(f"warning: {warning}", style="yellow"))
