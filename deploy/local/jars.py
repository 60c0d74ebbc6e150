"""Find the jars of Apache Kafka: resolved from Maven Central once, then served from the local cache."""

import fcntl
import logging
import os
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from shared.errors import LinegateError

log = logging.getLogger(__name__)

KAFKA: Final = ("org.apache.kafka", "kafka_2.13", "4.2.2")
"""The pinned broker; any Java from 17 runs it. Not 4.3.0 to 4.4.0: they may lose transaction markers (ADR 18)."""
LOGGING: Final = (
    # Kafka's POM names slf4j-api 1.7 and no provider: without this pair the broker logs nothing.
    ("org.apache.logging.log4j", "log4j-slf4j-impl", "2.25.5"),
    ("org.apache.logging.log4j", "log4j-core", "2.25.5"),
)


class JarsUnavailableError(LinegateError):
    """Neither jgo nor Maven could bring the jars."""


def cache_directory() -> Path:
    """Where this package keeps what it downloads: `$XDG_CACHE_HOME/linegate`, by default `~/.cache/linegate`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "linegate"


def kafka_jars() -> tuple[Path, ...]:
    """The class path of the pinned Apache Kafka; downloads about 100 MB the first time.

    Raises:
        JarsUnavailableError: neither jgo nor Maven could resolve it.
    """
    with _one_at_a_time(cache_directory() / "jars.lock"):
        try:
            jars = _by_jgo()
        except Exception as error:  # noqa: BLE001 - jgo raises many types; all mean "use the other resolver"
            log.warning("jgo could not resolve Apache Kafka (%s: %s); trying Maven", type(error).__name__, error)
            jars = _by_maven(cause=error)
    jar_version(jars)
    return jars


def jar_version(jars: tuple[Path, ...]) -> str:
    """The version that the broker's own code carries, e.g. `4.3.1`.

    Raises:
        JarsUnavailableError: there is no kafka-clients jar, or it is not of the broker's version.
    """
    clients = [jar for jar in jars if jar.name.startswith("kafka-clients-")]
    if len(clients) != 1:
        raise JarsUnavailableError(f"expected one kafka-clients jar on the class path, found {len(clients)}")
    with zipfile.ZipFile(clients[0]) as archive:
        lines = archive.read("kafka/kafka-version.properties").decode().splitlines()
    version = dict(line.split("=", 1) for line in lines if "=" in line).get("version", "")
    if version != KAFKA[2]:
        # A resolver that lets another artifact's dependency management win mixes versions: refuse that.
        raise JarsUnavailableError(f"the class path mixes Kafka {KAFKA[2]} with kafka-clients {version}")
    return version


def _by_jgo() -> tuple[Path, ...]:
    import jgo

    # `!` keeps log4j's dependency management (which pins an older kafka-clients) out of the resolution.
    coordinates = [":".join(KAFKA), *(":".join(artifact) + "!" for artifact in LOGGING)]
    environment = jgo.build("+".join(coordinates))
    # jgo parts a class path (`jars`) from a module path (`modules`); Kafka wants all of it as a class path.
    jars = tuple(sorted(environment.path.rglob("*.jar")))
    if not jars:
        raise JarsUnavailableError(f"jgo left no jar in {environment.path}")
    return jars


def _by_maven(*, cause: Exception) -> tuple[Path, ...]:
    maven = shutil.which("mvn")
    if maven is None:
        raise JarsUnavailableError(
            f"jgo failed ({cause}) and there is no mvn. Check the network, or set KAFKA_BOOTSTRAP_SERVERS."
        ) from cause
    home = cache_directory() / f"kafka-{KAFKA[2]}"
    folder = home / "jars"
    if not (home / "complete").exists():
        home.mkdir(parents=True, exist_ok=True)
        (home / "pom.xml").write_text(_pom(), encoding="utf-8")
        command = [maven, "--batch-mode", "--quiet", "dependency:copy-dependencies", f"-DoutputDirectory={folder}"]
        done = subprocess.run(  # noqa: S603 - a fixed command line, no shell
            [*command, "-DincludeScope=runtime"], cwd=home, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise JarsUnavailableError(f"mvn failed as well: {done.stdout.strip()[-500:]}") from cause
        (home / "complete").touch()
    return tuple(sorted(folder.glob("*.jar")))


def _pom() -> str:
    dependencies = "".join(
        f"<dependency><groupId>{escape(group)}</groupId><artifactId>{escape(name)}</artifactId>"
        f"<version>{escape(version)}</version></dependency>"
        for group, name, version in (KAFKA, *LOGGING)
    )
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        "<groupId>io.linegate</groupId><artifactId>local-kafka</artifactId><version>1</version>"
        f"<packaging>pom</packaging><dependencies>{dependencies}</dependencies></project>"
    )


@contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    """Hold an advisory lock: two processes resolving into one cache would read half-written files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
