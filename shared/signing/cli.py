"""`linegate signing`: make keys, sign bundles in the store, verify them."""

from pathlib import Path
from typing import Annotated

import typer

Bundle = Annotated[str, typer.Argument(help="A registered version, or a bundle's sha256.")]

app = typer.Typer(help="Sign model bundles, and see who signed them.", no_args_is_help=True)


@app.command()
def keygen(
    out: Annotated[Path, typer.Argument(help="Name without ending: NAME.key.pem and NAME.pub.pem are written.")],
) -> None:
    """Make a key pair. The private half is encrypted where a passphrase is set (signing.passphrase_file)."""
    from shared.settings import load_settings
    from shared.signing.keys import key_id, passphrase_of, write_key_pair

    private, public = out.with_name(f"{out.name}.key.pem"), out.with_name(f"{out.name}.pub.pem")
    passphrase = passphrase_of(load_settings().signing)
    key = write_key_pair(private, public, passphrase=passphrase)
    typer.echo(f"key {key_id(key)}: {private} ({'encrypted' if passphrase else 'not encrypted'}), {public}")


@app.command()
def sign(bundle: Bundle) -> None:
    """Sign a bundle in the store with signing.private_key, beside the signatures that it has."""
    from shared.errors import LinegateError
    from shared.settings import load_settings
    from shared.signing.keys import key_id, signing_key
    from shared.signing.store import sign_artifact
    from shared.store import ArtifactStore

    settings = load_settings()
    key = signing_key(settings.signing)
    if key is None:
        raise LinegateError("no private key is set", hint="signing.private_key names its file")
    digest = _digest(bundle)
    sign_artifact(ArtifactStore(settings.store), digest, key)
    typer.echo(f"signed {digest} with key {key_id(key.public_key())}")


@app.command()
def verify(bundle: Bundle) -> None:
    """Verify content and signature of a bundle. Exit status: 0 signed by a trusted key, 1 not."""
    from shared.errors import LinegateError
    from shared.settings import load_settings
    from shared.signing.store import trust_of, verify_artifact
    from shared.store import ArtifactStore

    settings = load_settings()
    trust = trust_of(settings.signing)
    if not trust.asks:
        raise LinegateError("no public key is set, so nobody is trusted", hint="signing.public_keys names them")
    store, digest = ArtifactStore(settings.store), _digest(bundle)
    store.read(digest)
    typer.echo(f"{digest} is signed by key {verify_artifact(store, digest, trust)}")


@app.command()
def keys() -> None:
    """Show which public keys are trusted."""
    from shared.settings import load_settings
    from shared.signing.store import trust_of

    trust = trust_of(load_settings().signing)
    for name in trust.keys:
        typer.echo(name)
    if not trust.asks:
        typer.echo("none: bundles need no signature (signing.public_keys)")


def _digest(bundle: str) -> str:
    from shared.errors import LinegateError
    from shared.registry.client import Registry
    from shared.settings import load_settings

    if len(bundle) == 64 and set(bundle) <= set("0123456789abcdef"):
        return bundle
    with Registry(load_settings().redis) as registry:
        record = registry.version(bundle)
    if record is None:
        raise LinegateError(f"version {bundle} is not registered", hint="`linegate rollout versions` lists them")
    return record.digest
