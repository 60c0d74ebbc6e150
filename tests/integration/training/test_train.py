"""`linegate train` from photos to a published version, on tiny generated photos and random weights (plumbing only)."""

import dataclasses
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from shared.errors import LinegateError
from shared.models.bundle import read_bundle
from shared.models.extractor import ExtractorPool
from shared.models.spec import ExtractorSpec, InputSpec, ModelSpec, WeightsSpec
from shared.registry.client import Registry
from shared.registry.place_key import PlaceKey
from shared.registry.records import StationConfig
from shared.settings import RedisSettings, Settings, StoreSettings
from shared.store import ArtifactStore
from tests.unit.shared.labels import HEIGHT, WIDTH, packed
from tests.unit.training.pictures import photo, write_photos
from training import publish
from training.cli import train as command
from training.data.sample import DataRejected
from training.data.source import DataSet, open_data
from training.fit import FitRejected, train
from training.metrics import confusion
from training.model_card import render_model_card
from training.options import TrainOptions
from training.report import defect_rows, render_report
from training.result import TrainingResult
from training.studio.dataset import write_dataset
from training.studio.photo import photographs
from training.version_record import version_record

SPEC = ModelSpec(
    kind="padim",
    extractor=ExtractorSpec(weights=WeightsSpec(source="random:1"), input=InputSpec(height=64, width=64)),
    options={"channels": 24},
)
STATION = StationConfig(policy="full_frame", height=64, width=64)
OPTIONS = TrainOptions(crop="full_frame", station=STATION, rule="mean_sd", resamples=100)
ARGUMENTS = (
    *("--crop", "full_frame", "--size", "64", "--weights", "random:1", "--option", "channels=24"),
    *("--rule", "mean_sd", "--device", "cpu"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """good/ and bad/ with 40 and 12 photos."""
    root = tmp_path_factory.mktemp("photos") / "tiles"
    write_photos(root, good=40, damaged=12)
    return root


@pytest.fixture(scope="module")
def pool() -> ExtractorPool:
    """One backbone for the module."""
    return ExtractorPool("cpu")


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory, pool: ExtractorPool) -> TrainingResult:
    """A training with drawn masks."""
    samples = write_photos(tmp_path_factory.mktemp("drawn"), good=40, damaged=12)
    return train(DataSet("tiles <b>&</b>", tuple(samples)), SPEC, OPTIONS, pool=pool)


def _run(*arguments: object) -> tuple[int, str]:
    """The command as the root command runs it: exit status and what it said."""
    done = CliRunner().invoke(command, [str(argument) for argument in arguments], env={"COLUMNS": "200"})
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


def test_blots_are_found(result: TrainingResult) -> None:
    """Bright blots on bars are easy even for random weights: the whole chain must rank and localise them."""
    assert result.card.metrics["auroc"] > 0.95
    assert result.card.metrics["pixel_auroc"] > 0.8
    assert result.intervals["auroc"].low <= result.card.metrics["auroc"] <= result.intervals["auroc"].high


def test_the_card_tells_what_happened(result: TrainingResult) -> None:
    """Counts, decisions and warnings agree with the scores; random weights are confessed."""
    data, decided = result.card.data, result.decided
    assert (data.train_good, data.calibration_good, data.test_good) == (28, 6, 6)
    assert (data.calibration_damaged, data.test_damaged) == (6, 6)
    assert decided == confusion(result.test.scores, result.test.damaged, result.card.calibration.threshold)
    assert result.card.weights_are_random
    assert any("random weights" in warning for warning in result.warnings)
    assert any("rough guess" in warning for warning in result.warnings)


def test_the_reference_of_drift_is_of_training_crops_and_its_distances_are_of_held_out_good_ones(
    result: TrainingResult,
) -> None:
    """And the registry gets the distances alone: what a monitor compares with, not the channels."""
    reference, held_out = result.card.embedding, result.calibration
    assert reference is not None
    assert reference.crops == result.card.data.train_good
    assert reference.good_distances == tuple(sorted(held_out.distances[~held_out.damaged]))
    assert len(result.test.distances) == len(result.test.samples)
    record = version_record("v1", result.model, result.card, digest="0" * 64, author="test")
    assert record.good_distances == reference.good_distances


def test_held_out_parts_are_never_trained_on(result: TrainingResult) -> None:
    """Train, calibration and test share no photo, and the scores are of the held-out ones."""
    train_names = {sample.name for sample in result.split.train}
    calibration_names = {sample.name for sample in result.calibration.samples}
    test_names = {sample.name for sample in result.test.samples}
    assert not train_names & calibration_names
    assert not train_names & test_names
    assert not calibration_names & test_names
    assert len(train_names | calibration_names | test_names) == 52


def test_same_seed_same_model(result: TrainingResult, pool: ExtractorPool, tmp_path: Path) -> None:
    """Training again gives the same threshold, metrics and data digest, whatever the folder is called."""
    samples = write_photos(tmp_path, good=40, damaged=12)
    again = train(DataSet("other name", tuple(samples[::-1])), SPEC, OPTIONS, pool=pool)
    assert again.card.calibration == result.card.calibration
    assert again.card.metrics == result.card.metrics
    assert again.card.data.digest == result.card.data.digest


def test_author_protocol_judges_itself(folder: Path, pool: ExtractorPool) -> None:
    """The authors' threshold comes from the test parts, and the card says that this is optimistic."""
    made = train(open_data(folder), SPEC, dataclasses.replace(OPTIONS, protocol="author", rule=None), pool=pool)
    assert made.card.protocol == "author"
    assert made.card.calibration.rule == "author"
    assert made.card.calibration.threshold in made.test.scores
    assert made.card.embedding is not None
    assert made.card.embedding.good_distances == tuple(sorted(made.test.good_distances))
    assert any("optimistic" in warning for warning in made.warnings)


def test_good_photos_alone_are_enough(tmp_path: Path, pool: ExtractorPool) -> None:
    """Without any damage there is a model, a threshold and a report; what cannot be measured is absent."""
    write_photos(tmp_path, good=40, damaged=0)
    made = train(open_data(tmp_path), SPEC, dataclasses.replace(OPTIONS, rule=None), pool=pool)
    assert made.card.calibration.rule == "mean_sd"
    assert set(made.card.metrics) == {"false_alarm_rate_at_threshold"}
    page = render_report(made, version="good-only", digest="0" * 64)
    assert "to be caught" not in page
    assert "Precision and recall" not in page


def test_a_photo_under_both_labels_is_refused(tmp_path: Path, pool: ExtractorPool) -> None:
    """The same bytes as good and damaged are a labelling mistake, told with both names."""
    samples = write_photos(tmp_path, good=10, damaged=2)
    twin = dataclasses.replace(samples[0], name="twin.png", label="damaged")
    with pytest.raises(DataRejected, match=r"good/000.png and twin.png are the same photo"):
        train(DataSet("d", (*samples, twin)), SPEC, OPTIONS, pool=pool)


def test_a_wrong_method_option_is_one_line(folder: Path, pool: ExtractorPool) -> None:
    """The option's name is in the message, the traceback of pydantic is not."""
    spec = SPEC.model_copy(update={"options": {"chanels": 3}})
    with pytest.raises(FitRejected, match="chanels") as caught:
        train(open_data(folder), spec, OPTIONS, pool=pool)
    assert "\n" not in str(caught.value)


class _Page(HTMLParser):
    """Collects what a browser would fetch or run."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]


def test_the_report_is_one_safe_page(result: TrainingResult) -> None:
    """No script, nothing fetched, and names from outside are escaped."""
    text = render_report(result, version="v1 <script>alert(1)</script>", digest="ab" * 32)
    page = _Page()
    page.feed(text)
    assert "script" not in page.tags
    assert "b" in page.tags  # the bars' markers; the data set's own <b> is escaped:
    assert "tiles &lt;b&gt;&amp;&lt;/b&gt;" in text
    assert all(url.startswith(("data:image/jpeg;base64,", "#")) for url in page.fetched)
    assert page.tags.count("svg") == 3
    assert page.tags.count("img") >= 2
    assert not re.search(r"#01020[3-8]", text), "a plot's placeholder colour was left"


def test_the_report_says_what_the_card_says(result: TrainingResult) -> None:
    """Headline, confusion counts and the metrics' values stand on the page and in the Markdown card."""
    page = render_report(result, version="v1", digest="ab" * 32)
    markdown = render_model_card(result, version="v_1", digest="ab" * 32)
    for text in (page, markdown):
        assert "Of 1000 good parts, expect" in text
        assert f"{result.card.metrics['auroc']:.3f}" in text
    assert f"<strong>{result.decided.passed}</strong>" in page
    (blots,) = defect_rows(result)
    assert (blots.name, blots.caught, blots.total) == ("blot", result.decided.caught, 6)
    assert "<td>blot</td>" in page
    assert markdown.startswith("# v\\_1\n")


def test_the_command_writes_a_model_that_loads(folder: Path, tmp_path: Path) -> None:
    """The bundle's digest is the one printed, and the loaded model scores as it did when the threshold was set."""
    out = tmp_path / "model"
    status, said = _run(folder, *ARGUMENTS, "--out", out, "--version", "tiles-1")
    assert status == 0
    loaded = read_bundle(out / "tiles-1.safetensors", ExtractorPool("cpu"))
    assert loaded.digest in said
    assert "Of 1000 good parts" in said
    assert (out / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert loaded.digest in (out / "model-card.md").read_text(encoding="utf-8")
    good, bad = photo(900, damaged=False)[0], photo(901, damaged=True)[0]
    scores = loaded.model.score([good, bad]).image
    assert scores[1] > loaded.card.calibration.threshold
    assert scores[1] > scores[0]


def test_the_command_refuses_before_it_works(folder: Path, tmp_path: Path) -> None:
    """Bad arguments are one line with a hint; an existing model is never overwritten."""
    (tmp_path / "report.html").touch()
    for arguments, message in (
        ([folder, *ARGUMENTS, "--out", tmp_path], "exists already"),
        ([tmp_path / "gone"], "does not exist"),
        ([folder, "--rule", "magic"], "no rule 'magic'"),
        ([folder, "--layout", "us"], "no photos of that layout"),
        ([folder, "--assign", "Not//A/Place"], "is no place"),
    ):
        with pytest.raises(LinegateError, match=message) as caught:
            _run(*arguments)
        assert "\n" not in str(caught.value)


@pytest.mark.redis
def test_the_command_publishes(folder: Path, tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Registered: bundle and report in the store, champion at the place, and the station crops as training did."""
    monkeypatch.setenv("LINEGATE_REDIS__URL", redis_url)
    monkeypatch.setenv("LINEGATE_STORE__URL", str(tmp_path / "store"))
    monkeypatch.setenv("LINEGATE_STORE__CACHE_DIR", str(tmp_path / "cache"))
    place = "training-test/line-1"
    status, said = _run(
        folder, *ARGUMENTS, "--out", tmp_path / "m", "--version", "published-1", "--assign", place, "--author", "ada"
    )
    assert status == 0
    assert "champion at training-test/line-1" in said
    key = PlaceKey.parse(place)
    with Registry(RedisSettings(url=SecretStr(redis_url))) as registry:
        snapshot = registry.snapshot()
        record = registry.version("published-1")
        held = snapshot.assignment(key)
        assert held is not None
        registry.unassign(key, expected=held.revision, author="test")
        registry.unset_station(key, expected=snapshot.stations[key.root].revision, author="test")
    assert record is not None
    assert (record.kind, record.author) == ("padim", "ada")
    assert held.record.champion == "published-1"
    assert snapshot.stations[key.root].record == STATION
    store = ArtifactStore(StoreSettings(url=str(tmp_path / "store"), cache_dir=tmp_path / "other cache"))
    assert read_bundle(store.fetch(record.digest), ExtractorPool("cpu"), expect=record.digest).card.data.name == "tiles"
    assert store.names(record.digest) == ["model-card.md", "report.html"]


def test_a_station_is_given_the_reference_and_nothing_else_is_overwritten(redis_url: str, tmp_path: Path) -> None:
    """Set where there is no entry or only the reference is missing; told of where the line crops otherwise."""
    settings = Settings(
        redis=RedisSettings(url=SecretStr(redis_url)),
        store=StoreSettings(url=str(tmp_path / "store"), cache_dir=tmp_path / "cache"),
    )
    key, content = PlaceKey.parse("reference/line-1"), packed()
    digest = ArtifactStore(settings.store).put_bytes(content)
    plain = StationConfig(height=HEIGHT, width=WIDTH, presence=0.7)
    recipe = plain.recipe().model_copy(update={"reference": digest})
    with Registry(settings.redis) as registry:
        assert publish.reference_at(key, settings) is None
        revision = registry.set_station(key, plain, expected=None, author="test")
        (line,) = publish.set_station(key, recipe, 0.5, author="test", settings=settings)
        assert digest[:12] in line
        held = registry.snapshot().stations[key.root]
        assert held.record == plain.model_copy(update={"reference": digest})
        assert held.revision > revision
        assert publish.reference_at(key, settings) == content
        assert publish.set_station(key, recipe, 0.5, author="test", settings=settings) == []
        wider = recipe.model_copy(update={"width": 400})
        (line,) = publish.set_station(key, wider, 0.5, author="test", settings=settings)
        assert line.startswith("warning")
        assert "width: 400, 320" in line
        assert registry.snapshot().stations[key.root] == held
        registry.unset_station(key, expected=held.revision, author="test")
        publish.set_station(key, recipe, 0.5, author="test", settings=settings)
        held = registry.snapshot().stations[key.root]
        assert held.record == StationConfig(**recipe.model_dump())
        registry.unset_station(key, expected=held.revision, author="test")


def test_a_training_learns_what_its_crops_are_registered_to(tmp_path: Path, pool: ExtractorPool) -> None:
    """The card names the reference that the result carries; a training that is given it crops alike."""
    write_dataset(tmp_path, photographs(24, seed=5, damaged=0.25, layouts=("us",), cameras=("stationary",)))
    station = StationConfig(height=96, width=160)
    options = dataclasses.replace(
        OPTIONS, crop="mask_rcnn", station=station, reference="learn", rule="manual", parameter=5.0, resamples=0
    )
    first = train(open_data(tmp_path), SPEC, options, pool=pool)
    assert first.reference is not None
    assert first.card.crop is not None
    assert first.card.crop.reference == hashlib.sha256(first.reference).hexdigest()
    assert first.card.crop.differences(station.recipe()) == [f"reference: {first.card.crop.reference[:12]}, none"]
    again = train(open_data(tmp_path), SPEC, dataclasses.replace(options, reference=first.reference), pool=pool)
    assert again.card.crop == first.card.crop
    assert again.test.scores.tolist() == first.test.scores.tolist()
    assert first.card.crop.reference in render_model_card(first, version="v", digest="0" * 64)
    without = train(open_data(tmp_path), SPEC, dataclasses.replace(options, reference=None), pool=pool)
    assert without.reference is None
    assert without.card.crop == station.recipe()
