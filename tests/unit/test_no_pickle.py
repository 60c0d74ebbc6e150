"""Nothing in the product can unpickle: every module is read and every call that might is refused.

The checker itself is checked on code that does what is forbidden.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("shared", "services", "training", "deploy")
PICKLERS = frozenset({
    "pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve", "marshal", "jsonpickle", "hickle",
})  # fmt: skip
READERS = frozenset({"load", "load_all", "unsafe_load", "full_load", "read_pickle", "hub", "package"})
READS_TENSORS = frozenset({
    "shared/models/weights.py",  # third-party backbone weights, .pth from packages and from timm's hub
    "training/detector/backbone.py",  # the same, for the detector's training
    "training/detector/train.py",  # the training's own checkpoint on the same machine; never part of a bundle
})  # fmt: skip
"""Where `torch.load(weights_only=True)` may be called."""


def forbidden(source: str, path: str) -> Iterator[str]:
    """What in `source` could unpickle something, one line each."""
    tree = ast.parse(source)
    imported = [name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names]
    aliases = {name.asname: name.name for name in imported if name.asname}
    for node in ast.walk(tree):
        what: list[str] = []
        match node:
            case ast.Import(names=names):
                what = [f"imports {name.name}" for name in names if _pickles(name.name)]
            case ast.ImportFrom(module=str(module), names=names):
                hidden = module in {"torch", "numpy", "yaml", "pandas"}
                what = [f"imports from {module}"] if _pickles(module) else []
                what += [f"hides where {name.name} comes from" for name in names if hidden and name.name in READERS]
            case ast.Call():
                what = list(_call(node, aliases, path))
        yield from (f"{path}:{getattr(node, 'lineno', 0)} {line}" for line in what)


def _call(node: ast.Call, aliases: dict[str, str], path: str) -> Iterator[str]:
    words = {word.arg: word.value for word in node.keywords}
    owner = called = ""
    if isinstance(node.func, ast.Attribute):
        called = node.func.attr
        owner = ast.unparse(node.func.value)
        owner = aliases.get(owner, owner)
    if (owner, called) == ("torch", "load"):
        if not _is(words.get("weights_only"), constant=True):
            yield "calls torch.load without weights_only=True"
        if path not in READS_TENSORS:
            yield "calls torch.load: bundles are safetensors"
    if owner in {"torch.hub", "torch.package"}:
        yield f"calls {owner}.{called}"
    if owner == "yaml" and not called.startswith("safe_"):
        yield f"calls yaml.{called}"
    if called in {"read_pickle", "to_pickle"}:
        yield f"calls {called}"
    if "allow_pickle" in words and not _is(words["allow_pickle"], constant=False):
        yield "allows pickle"
    first = node.args[0] if node.args else None
    if isinstance(first, ast.Constant) and isinstance(first.value, str) and _pickles(first.value):
        yield f"names {first.value}, perhaps to import it"


def _pickles(module: str) -> bool:
    return module.split(".", maxsplit=1)[0] in PICKLERS


def _is(node: ast.expr | None, *, constant: bool) -> bool:
    return isinstance(node, ast.Constant) and node.value is constant


def test_no_module_can_unpickle() -> None:
    """Every module of every package."""
    modules = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    assert len(modules) > 150, "the packages moved"
    found = [
        line
        for path in modules
        for line in forbidden(path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix())
    ]
    assert found == []


def test_the_exceptions_are_needed() -> None:
    """A file that no longer reads tensors is no longer excepted."""
    for name in READS_TENSORS:
        assert "torch.load(" in (ROOT / name).read_text(encoding="utf-8"), name


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "import os, pickle as p",
        "from pickle import loads",
        "def f():\n    import joblib",
        "from joblib.numpy_pickle import load",
        "import shelve",
        "import marshal",
        "import torch\ntorch.load(path)",
        "import torch\ntorch.load(path, weights_only=False)",
        "import torch\ntorch.load(path, weights_only=flag)",
        "import torch\ntorch.load(path, weights_only=True)",  # not in this file
        "import torch as t\nt.load(path)",
        "import torch\ntorch.hub.load('a/b', 'c')",
        "from torch import hub",
        "from torch import load",
        "import numpy as np\nnp.load(path, allow_pickle=True)",
        "import numpy as np\nnp.load(path, allow_pickle=flag)",
        "import yaml\nyaml.load(text, yaml.Loader)",
        "from yaml import unsafe_load",
        "import pandas as pd\npd.read_pickle(path)",
        "frame.to_pickle(path)",
        "import importlib\nimportlib.import_module('pickle')",
        "__import__('dill')",
    ],
)
def test_the_checker_sees_what_is_forbidden(source: str) -> None:
    """Each of these would be found."""
    assert list(forbidden(source, "shared/somewhere.py"))


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("import torch\ntorch.load(path, map_location='cpu', weights_only=True)", "shared/models/weights.py"),
        ("import numpy as np\nnp.load(path, allow_pickle=False)", "x.py"),
        ("import json\njson.load(file)", "x.py"),
        ("import yaml\nyaml.safe_load(text)", "x.py"),
        ("log('pickles are refused')", "x.py"),
    ],
)
def test_the_checker_lets_pass_what_is_harmless(source: str, path: str) -> None:
    """Or it would only ever say no."""
    assert not list(forbidden(source, path))
