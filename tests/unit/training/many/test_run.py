"""What is made, what is left as it is, and what failing costs: by a plain engine that fits nothing."""

import base64
import contextlib
import dataclasses
import hashlib
import html
from pathlib import Path

import pytest

from shared.events.base import now
from shared.settings import RedisSettings, Settings, StoreSettings
from shared.store import ArtifactStore
from tests.unit.training.many.plain import Plain
from training.many.expand import Wanted, expand
from training.many.page import render_page
from training.many.plan import PlanRejected, read_plan
from training.many.rows import Row
from training.many.run import Run
from training.many.survey import Planned, check_methods, survey
from training.many.workshop import MAKING, Workshop, WorkshopRejected
from training.order import Means

PLAN = """
[defaults]
crop = "full_frame"
if_photos = 4
[matrix]
layout = ["us", "jp", "cn"]
[[version]]
for_each = ["layout"]
name = "{layout}-1"
place = "p/*/*/{layout}"
data = "photos"
layouts = ["{layout}"]
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A store of its own, and a Redis that nobody answers for: nothing here may ask it."""
    return Settings(
        store=StoreSettings(url=str(tmp_path / "store"), cache_dir=tmp_path / "cache"),
        redis=RedisSettings(url="redis://127.0.0.1:1"),  # type: ignore[arg-type]  # a secret, validated from text
    )


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    """Five good photos of `us`, four of `jp` and a damaged one, two of `cn`."""
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "mask.png").write_bytes(b"a mask")
    (folder / "jp9.png").write_bytes(b"damaged")
    lines = ["image,label,layout,mask", "jp9.png,damaged,jp,mask.png"]
    for layout, count in (("us", 5), ("jp", 4), ("cn", 2)):
        for i in range(count):
            (folder / f"{layout}{i}.png").write_bytes(f"{layout}{i}".encode())
            lines.append(f"{layout}{i}.png,good,{layout}")
    (folder / "photos.csv").write_text("\n".join(lines), encoding="utf-8")
    path = tmp_path / "plan.toml"
    path.write_text(PLAN, encoding="utf-8")
    return path


def _planned(plan: Path) -> tuple[Planned, ...]:
    return survey(plan, expand(read_plan(plan), author="ada"))


def _run(plan: Path, settings: Settings, engine: Plain) -> dict[str, Row]:
    workshop = Workshop(plan.parent / "out", settings, Means(), lambda *_: None)
    with workshop.locked():
        run = Run(_planned(plan), workshop, settings, register=False)
        with contextlib.suppress(KeyboardInterrupt):
            run.make(engine, run.jobs(lambda _: None), lambda _: None, lambda _: None)
    return {row.version: row for row in run.rows}


def test_photos_are_counted_and_few_are_skipped(plan: Path) -> None:
    """With the reason; without `if_photos` too few are for the training to judge, none at all is a mistake."""
    counted = {one.version: (one.good, one.damaged, one.skipped) for one in _planned(plan)}
    assert counted == {"us-1": (5, 0, None), "jp-1": (4, 1, None), "cn-1": (2, 0, "2 good photos, fewer than 4")}
    plan.write_text(PLAN.replace('"cn"]', '"cn", "br"]'), encoding="utf-8")
    assert _planned(plan)[-1].skipped == "0 good photos, fewer than 4"
    plan.write_text(PLAN.replace('"cn"]', '"cn", "br"]').replace("if_photos = 4", ""), encoding="utf-8")
    with pytest.raises(PlanRejected, match=r"br-1: .*no photos of that layout and camera"):
        _planned(plan)
    plan.write_text(PLAN.replace('data = "photos"', 'data = "gone"'), encoding="utf-8")
    with pytest.raises(PlanRejected, match=r"us-1: .*gone does not exist") as caught:
        _planned(plan)
    assert len(caught.value.mistakes) == 1


def test_methods_and_their_options_are_checked(plan: Path) -> None:
    """Before minutes of work; once for all versions of it."""
    plan.write_text(PLAN.replace("[matrix]", "options = { chanels = 3 }\n[matrix]"), encoding="utf-8")
    with pytest.raises(PlanRejected, match=r"us-1: options of padim: there is no field 'chanels'.*channels") as caught:
        check_methods(plan, _planned(plan))
    assert len(caught.value.mistakes) == 1
    plan.write_text(PLAN.replace("[matrix]", 'kind = "padme"\n[matrix]'), encoding="utf-8")
    with pytest.raises(PlanRejected, match="us-1: kind: unknown kind of model 'padme'"):
        check_methods(plan, _planned(plan))


def test_what_is_finished_is_not_made_again(plan: Path, settings: Settings) -> None:
    """And what failed is; the figures of the finished are shown again."""
    engine = Plain(fails=["jp-1"])
    rows = _run(plan, settings, engine)
    assert {version: row.told for version, row in rows.items()} == {
        "us-1": "made",
        "jp-1": "failed: no light; switch it on",
        "cn-1": "skipped: 2 good photos, fewer than 4",
    }
    engine.fails = []
    rows = _run(plan, settings, engine)
    assert engine.made == ["us-1", "jp-1", "jp-1"]
    assert [row.status for row in rows.values()] == ["finished before", "made", "skipped"]
    assert (rows["us-1"].metric("auroc"), rows["us-1"].seconds) == (0.987, 2.0)
    assert not (plan.parent / "out" / MAKING).exists()


def test_a_run_that_was_cut_off_goes_on(plan: Path, settings: Settings) -> None:
    """What was finished before the cut stays."""
    engine = Plain()
    engine.cut_at = "jp-1"
    assert [row.status for row in _run(plan, settings, engine).values()] == ["made", "not begun", "skipped"]
    engine.cut_at = None
    assert [row.status for row in _run(plan, settings, engine).values()] == ["finished before", "made", "skipped"]
    assert engine.made == ["us-1", "jp-1"]


@pytest.mark.parametrize("what", ["photo", "mask", "manifest", "spec", "place", "bundle", "report", "note"])
def test_a_change_makes_it_again(plan: Path, settings: Settings, what: str) -> None:
    """Of whatever the version depends on; of jp alone where only jp is touched. A note is nothing to fit again for."""
    engine = Plain()
    _run(plan, settings, engine)
    jp, photos = plan.parent / "out" / "jp-1", plan.parent / "photos"
    table = photos / "photos.csv"
    again = ["jp-1"]
    match what:
        case "photo":
            (photos / "jp2.png").write_bytes(b"another")
        case "mask":
            (photos / "mask.png").write_bytes(b"another mask")
        case "manifest":
            rows = table.read_text(encoding="utf-8").replace("jp0.png,good,jp", "jp0.png,good,jp,,part-7")
            table.write_text(rows.replace("layout,mask", "layout,mask,part", 1), encoding="utf-8")
        case "spec":
            plan.write_text(PLAN.replace("crop =", "seed = 7\ncrop ="), encoding="utf-8")
            again = ["us-1", "jp-1"]
        case "place":
            plan.write_text(PLAN.replace("p/*/*/{layout}", "q/*/*/{layout}"), encoding="utf-8")
            again = ["us-1", "jp-1"]
        case "bundle":
            with (jp / "jp-1.safetensors").open("ab") as file:
                file.write(b"bit rot")
        case "report":
            (jp / "report.html").unlink()
        case _:
            plan.write_text(PLAN.replace("crop =", 'note = "because"\ncrop ='), encoding="utf-8")
            again = []
    engine.made.clear()
    rows = _run(plan, settings, engine)
    assert engine.made == again
    assert rows["jp-1"].status == ("made" if again else "finished before")
    engine.made.clear()
    _run(plan, settings, engine)
    assert engine.made == []


def test_a_bundle_in_the_store_alone_must_be_there(plan: Path, settings: Settings) -> None:
    """As Ray leaves it: a store that lost it has it made again."""
    store = ArtifactStore(settings.store)
    engine = Plain(stored=store)
    _run(plan, settings, engine)
    assert [row.status for row in _run(plan, settings, engine).values()] == ["finished before"] * 2 + ["skipped"]
    for path in (plan.parent / "store").rglob("*"):
        if path.is_file():
            path.unlink()
    engine.made.clear()
    _run(plan, settings, engine)
    assert engine.made == ["us-1", "jp-1"]


def test_two_runs_do_not_share_a_folder(plan: Path, settings: Settings) -> None:
    """The second is told; the first is not disturbed."""
    workshop = Workshop(plan.parent / "out", settings, Means(), lambda *_: None)
    with workshop.locked(), pytest.raises(WorkshopRejected, match="another run is at work"):
        _run(plan, settings, Plain())


def test_a_registry_that_is_away_is_told_before_the_work(plan: Path, settings: Settings) -> None:
    """It is asked for names that are taken, so `register` needs it from the start."""
    from shared.registry.errors import RegistryUnavailable

    workshop = Workshop(plan.parent / "out", settings, Means(), lambda *_: None)
    with workshop.locked():
        run = Run(_planned(plan), workshop, settings, register=True)
        with pytest.raises(RegistryUnavailable):
            run.jobs(lambda _: None)


def test_the_page_is_safe_and_complete(plan: Path, settings: Settings) -> None:
    """Nothing is fetched, one script may run, and what comes from outside is text."""
    rows = list(_run(plan, settings, Plain(fails=["jp-1"])).values())
    evil = "<script>alert(1)</script>"
    rows[1].why = evil
    rows[0].planned = dataclasses.replace(rows[0].planned, wanted=_renamed(rows[0].planned.wanted))
    page = render_page(rows, plan=evil, when=now())
    assert page.count("<script>") == 1
    assert page.count(html.escape(evil)) == 4
    assert "http:" not in page
    assert "https:" not in page
    assert 'href="us-2/report.html"' in page
    assert "14 (3-41)" in page
    script = page[page.index("<script>") + len("<script>") : page.index("</script>")]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src &#39;sha256-{digest}&#39;" in page or f"script-src 'sha256-{digest}'" in page


def _renamed(wanted: Wanted) -> Wanted:
    return dataclasses.replace(wanted, order=wanted.order.model_copy(update={"version": "us-2"}))
