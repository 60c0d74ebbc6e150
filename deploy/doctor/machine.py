"""Checks of this machine: Python, its libraries, Java, the GPU, disk space."""

import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path
from typing import Final

from deploy.doctor.finding import Finding, fail, ok, warn
from deploy.local.kafka import find_java
from deploy.local.process import ServerFailedError
from shared.settings import Settings

_GIB: Final = 2**30
_LEAST_JAVA: Final = 17


def python(_: Settings) -> Iterator[Finding]:
    """Python's version and where it runs."""
    told = f"Python {platform.python_version()} at {sys.executable}"
    yield ok(told) if sys.version_info >= (3, 11) else fail(told, "install Python 3.11 or later")


def torch_pair(_: Settings) -> Iterator[Finding]:
    """Torch and torchvision are built for each other: a compiled operator of torchvision runs on a torch tensor."""
    try:
        import torch
        import torchvision
    except (ImportError, RuntimeError, OSError) as error:
        yield fail(f"torch and torchvision do not load: {_line(error)}", "reinstall both together, as a matching pair")
        return
    told = f"torch {torch.__version__} with torchvision {torchvision.__version__}"
    boxes = torch.tensor([[0.0, 0.0, 10.0, 10.0], [1.0, 1.0, 11.0, 11.0], [20.0, 20.0, 30.0, 30.0]])
    try:
        kept = torchvision.ops.nms(boxes, torch.tensor([0.9, 0.8, 0.7]), 0.5).tolist()
    except (RuntimeError, NotImplementedError) as error:
        yield fail(f"{told} do not match: {_line(error)}", "reinstall both together, as a matching pair")
        return
    yield ok(told) if kept == [0, 2] else fail(f"{told}: nms is wrong, it kept {kept}", "reinstall both together")


def faiss(_: Settings) -> Iterator[Finding]:
    """One faiss, not two: faiss-cpu and faiss-gpu install the same files over each other."""
    installed = sorted(
        f"{dist.name} {dist.version}" for dist in distributions() if re.fullmatch(r"faiss[-_].*", dist.name or "")
    )
    if len(installed) > 1:
        yield fail(
            f"{' and '.join(installed)} are both installed and overwrite each other's files",
            "pip uninstall all of them, then install the one that this machine needs",
        )
        return
    try:
        import faiss as library
    except ImportError as error:
        yield fail(f"faiss does not load: {_line(error)}", "pip install faiss-cpu (or faiss-gpu on a GPU machine)")
        return
    yield ok(f"{installed[0] if installed else 'faiss ' + library.__version__} loads")


def java(_: Settings) -> Iterator[Finding]:
    """Java, which only the local Kafka of `linegate up` and `linegate demo` needs."""
    remedy = f"install a Java runtime ({_LEAST_JAVA} or later); only `linegate up` and `linegate demo` need it"
    try:
        program = find_java()
        answer = subprocess.run([program, "-version"], capture_output=True, text=True, timeout=30, check=True)  # noqa: S603 - the Java that the stack will run
    except ServerFailedError:
        yield warn("no Java found", remedy)
        return
    except (OSError, subprocess.SubprocessError) as error:
        yield warn(f"Java does not run: {_line(error)}", remedy)
        return
    found = re.search(r'version "(?:1\.)?(\d+)[^"]*"', answer.stderr + answer.stdout)
    if found is None or int(found[1]) < _LEAST_JAVA:
        yield warn(f"Java at {program} is {found[0] if found else 'of an unknown version'}", remedy)
        return
    yield ok(f"Java {found[1]} at {program}")


def gpu(settings: Settings) -> Iterator[Finding]:
    """Whether torch sees a GPU, measured against `score.device`."""
    import torch

    if torch.cuda.is_available():
        names = ", ".join(torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count()))
        yield ok(f"GPU: {names} (CUDA {torch.version.cuda})")
    elif settings.score.device == "cuda":
        yield fail(
            "score.device is cuda, but torch sees no GPU",
            "check the driver (nvidia-smi) and that torch is a CUDA build, or set score.device to auto",
        )
    else:
        yield ok("no GPU seen: scoring runs on the CPU")


def disk(settings: Settings) -> Iterator[Finding]:
    """Free space where models are cached and, if it is local, where the store is."""
    places = {"the model cache": settings.store.cache_dir}
    if "://" not in settings.store.url:
        places["the artifact store"] = Path(settings.store.url).expanduser()
    for what, folder in places.items():
        existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
        free = shutil.disk_usage(existing).free / _GIB
        told = f"{free:.1f} GiB free for {what} ({folder})"
        if free < 1:
            yield fail(told, "make room, or choose another folder (store.cache_dir, store.url)")
        elif free < 5:
            yield warn(told, "make room soon; store.cache_max_mib bounds the cache")
        else:
            yield ok(told)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
