"""`--register`: candidates in a real registry, and never more than that."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from shared.registry.client import Registry
from shared.registry.place_key import PlaceKey
from shared.settings import RedisSettings, Settings, StoreSettings
from shared.store import ArtifactStore
from tests.unit.training.many.plain import Plain
from training.many.expand import expand
from training.many.plan import read_plan
from training.many.rows import Row
from training.many.run import Run
from training.many.survey import survey
from training.many.workshop import Workshop
from training.order import Means

PLAN = """
[defaults]
crop = "full_frame"
author = "ada"
[[version]]
name = "many-registered-1"
place = "many-registered/line-1"
data = "photos"
layouts = ["any"]
"""


def _run(folder: Path, settings: Settings, engine: Plain, *, out: str = "out", register: bool = True) -> Row:
    plan = folder / "plan.toml"
    workshop = Workshop(folder / out, settings, Means(), lambda *_: None)
    with workshop.locked():
        run = Run(survey(plan, expand(read_plan(plan), author="x")), workshop, settings, register=register)
        run.make(engine, run.jobs(lambda _: None), lambda _: None, lambda _: None)
    (row,) = run.rows
    return row


@pytest.mark.redis
@pytest.mark.parametrize("stored", [False, True])
def test_versions_become_candidates(tmp_path: Path, redis_url: str, *, stored: bool) -> None:
    """Made in one run, registered in the next, never in force; a name of another bundle is told before the work."""
    name = f"many-registered-{int(stored)}"
    settings = Settings(
        redis=RedisSettings(url=SecretStr(redis_url)),
        store=StoreSettings(url=str(tmp_path / "store"), cache_dir=tmp_path / "cache"),
    )
    text = PLAN.replace("many-registered-1", name).replace("many-registered/", f"{name}/")
    (tmp_path / "plan.toml").write_text(text, encoding="utf-8")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "list.csv").write_text("image,label\na.png,good\n", encoding="utf-8")
    (tmp_path / "photos" / "a.png").write_bytes(b"a")
    store = ArtifactStore(settings.store)
    engine = Plain(stored=store if stored else None)
    assert not _run(tmp_path, settings, engine, register=False).registered
    with Registry(settings.redis) as registry:
        assert registry.version(name) is None
        for _ in range(2):
            row = _run(tmp_path, settings, engine)
            assert (row.told, engine.made) == ("finished before, registered", [name])
            record = registry.version(name)
            assert record is not None
            assert (record.author, str(record.place)) == ("ada", f"{name}/line-1/*/*/*")
            assert store.exists(record.digest)
            assert not any(name in held.record.versions() for held in registry.snapshot().assignments.values())
        changed = text.replace("author =", "seed = 5\nauthor =")
        (tmp_path / "plan.toml").write_text(changed, encoding="utf-8")
        row = _run(tmp_path, settings, engine)
        assert row.status == "failed"
        assert "is registered already, for another bundle" in row.why
        assert engine.made == [name]
        for key, held in registry.stations().items():
            if key.startswith(name):
                registry.unset_station(PlaceKey(key), expected=held.revision, author="test")
