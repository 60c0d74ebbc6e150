"""From labels on Kafka to a new version that workers load, on real Kafka and Redis."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from services.score.models import ModelShelf
from services.score.step import ScoreStep
from shared.bus.step import Emit, Retry
from shared.errors import LinegateError
from shared.events import Judged, JudgedModel, LabelledPart, Verdict, label_of
from shared.events.feedback import DECIDED
from shared.models.bundle import parse_bundle
from shared.models.extractor import ExtractorPool
from shared.pixels import PixelSource
from shared.registry.client import Registry
from shared.registry.place_key import PlaceKey
from shared.registry.records import Assignment, VersionRecord
from shared.registry.snapshot import HeldAssignment, Snapshot
from shared.settings.sections import ImageSettings
from shared.signing import SignatureRejected, Trust, load_public_key, verify_artifact
from tests.integration.refit.conftest import THRESHOLD, Plant
from tests.unit.services.events import CAPTURED, crop

pytestmark = [pytest.mark.kafka, pytest.mark.redis]
Run = Callable[..., Result]


def label(plant: Plant, number: int, finding: Any, score: float, **more: Any) -> LabelledPart:
    """A labelled part that the plant's version judged."""
    model = JudgedModel(
        version=plant.version, digest=more.pop("digest", plant.digest), arm="champion",
        assignment=f"{plant.name}/*/*/*/*", score=score, threshold=THRESHOLD,
    )  # fmt: skip
    fields = {
        "part": f"P{number}", "plant": plant.name, "line": "line-1", "captured": CAPTURED, "image": f"photo-{number}",
        "label": label_of(finding), "finding": finding, "by": "ada", "feedback": f"word-{number}",
        "judged": Judged(decision=DECIDED[finding], model=model),
    }  # fmt: skip
    return LabelledPart.model_validate(fields | more)


def labels(plant: Plant) -> list[LabelledPart]:
    """False alarms from 10 to 11.9, damage from 11 to 15.9, some of it missed; and much that is not to count."""
    said = [label(plant, n, "false_alarm", 10 + n / 10) for n in range(20)]
    said += [label(plant, 100 + n, "confirmed_damage", 11 + n / 20) for n in range(100)]
    said += [label(plant, 300 + n, "missed_damage", 5 + n) for n in range(3)]
    # Thought better of: the first word no longer counts. Both lie on one partition, since they have one key.
    said = [label(plant, 100 + n, "false_alarm", 11 + n / 20) for n in range(5)] + said
    elsewhere = [label(plant, 400 + n, "false_alarm", 20.0, line="line-2") for n in range(9)]
    another = [label(plant, 500 + n, "false_alarm", 20.0, digest="0" * 64) for n in range(9)]
    return [*elsewhere, *another, *said]


def judge(plant: Plant, record: VersionRecord) -> list[Verdict]:
    """What a score step says with this version as the champion."""
    held = HeldAssignment(revision=1, record=Assignment(champion=record.version))
    state = Snapshot(revision=1, assignments={"munich/*/*/*/*": held}, versions={record.version: record})
    step = ScoreStep(
        ModelShelf(plant.store, ExtractorPool("cpu"), budget_mib=64),
        source=PixelSource(ImageSettings()), limits=ImageSettings(), snapshot=lambda: state, clock=lambda: CAPTURED,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    crops = [crop("1"), crop("22"), crop("333")]
    results = step(crops)
    while any(isinstance(result, Retry) for result in results):
        assert time.monotonic() < deadline, results  # a version is loaded in the background
        time.sleep(0.05)
        results = step(crops)
    return [
        event for result in results if isinstance(result, Emit) for event in result.events if type(event) is Verdict
    ]


def test_feedback_makes_a_version_with_another_threshold(plant: Plant, linegate_train: Run, tmp_path: Path) -> None:
    """Registered as a candidate, signed, with its parent; its scores are the same bit for bit."""
    plant.publish(*labels(plant))
    ask = (
        "recalibrate", plant.version, "--place", f"{plant.name}/line-1", "--precision", "0.95", "--author", "ada",
        "--as", f"{plant.name}-2", "--out", tmp_path / "made",
    )  # fmt: skip
    told = linegate_train(*ask, "--dry-run")
    assert told.exit_code == 0
    assert "rises from 10 to" in told.output
    assert not (tmp_path / "made").exists()
    with Registry(plant.settings.redis) as registry:
        assert registry.version(f"{plant.name}-2") is None
        result = linegate_train(*ask)
        assert result.exit_code == 0, result.output
        record, former = registry.version(f"{plant.name}-2"), registry.version(plant.version)
        assert registry.assignment(PlaceKey.parse(f"{plant.name}/line-1")) is None, "nothing is promoted"
    assert record is not None
    assert former is not None
    assert (record.parent, record.author, record.kind) == (plant.version, "ada", "padim")
    assert record.place == PlaceKey.parse(f"{plant.name}/line-1")

    new = parse_bundle(plant.store.read(record.digest), ExtractorPool("cpu"), name="new", expect=record.digest)
    calibration = new.card.calibration
    assert record.calibration == calibration
    assert record.good_distances == (0.9, 1.1), "the drift monitor's reference goes with it"
    assert calibration.rule == "feedback"
    assert calibration.field is not None
    found = calibration.field
    assert found.findings == {
        "confirmed_damage": 100, "false_alarm": 20, "missed_damage": 3, "confirmed_good": 0,
    }  # fmt: skip
    # From here on the stopped parts are 95 % damaged with 90 % confidence, and with one false alarm more they are not.
    assert 11.0 < calibration.threshold < 12.0
    assert found.bound >= 0.95
    assert (found.former_threshold, found.lost) == (THRESHOLD, 100 - found.caught)
    for text in ("confirmed damaged parts pass", f"registered {plant.name}-2"):
        assert text in result.output
    report = (tmp_path / "made" / "recalibration.html").read_text()
    assert "<svg" in report
    assert record.digest in report
    assert plant.store.names(record.digest) == ["recalibration.html"]
    trust = Trust([load_public_key(str(tmp_path / "key.pub"))])
    assert verify_artifact(plant.store, record.digest, trust) is not None

    before, after = judge(plant, former), judge(plant, record)
    assert [v.checks[0].score for v in before] == [v.checks[0].score for v in after]
    assert len(after) == 3
    for verdict in after:
        check = verdict.checks[0]
        assert check.threshold == calibration.threshold
        assert check.score is not None
        assert verdict.decision == ("fail" if check.score >= calibration.threshold else "pass")
        assert verdict.model is not None
        assert verdict.model.digest == record.digest


def test_what_cannot_be_reached_is_told_and_writes_nothing(plant: Plant, linegate_train: Run, tmp_path: Path) -> None:
    """With the count that would do; an unknown version and an unsigned one are one clear line."""
    plant.publish(*(label(plant, n, "confirmed_damage", 11.0) for n in range(30)))
    ask = ("recalibrate", plant.version, "--precision", "0.996", "--out", tmp_path / "made", "--place", plant.name)
    result = linegate_train(*ask)
    assert result.exit_code == 1
    assert "at least 545 more parts" in " ".join(result.output.split())
    enough = linegate_train(*ask, "--confidence", "0")
    assert enough.exit_code == 0
    assert "nothing to change" in enough.output
    assert "no confidence was asked for" in enough.output
    assert not (tmp_path / "made").exists()
    with pytest.raises(LinegateError, match="version nobody is not registered"):
        linegate_train("recalibrate", "nobody", "--place", plant.name, "--precision", "0.9")
    signature = tmp_path / "store" / "sha256" / plant.digest[:2] / f"{plant.digest}.sig"
    signature.unlink()
    shutil.rmtree(tmp_path / "cache")
    with pytest.raises(SignatureRejected):
        linegate_train(*ask)
