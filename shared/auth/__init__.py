"""Who asks, and what they may do: bearer tokens, roles, plants. For every HTTP service of Linegate."""

from shared.auth.authenticator import Authenticator, TokenAuthenticator, make_authenticator
from shared.auth.errors import IdentityProviderAway, TokenMissing, TokenRejected
from shared.auth.principal import ALL_PLANTS, ANYONE, Principal
from shared.auth.roles import ROLES, Permission, Role

__all__ = [
    "ALL_PLANTS",
    "ANYONE",
    "ROLES",
    "Authenticator",
    "IdentityProviderAway",
    "Permission",
    "Principal",
    "Role",
    "TokenAuthenticator",
    "TokenMissing",
    "TokenRejected",
    "make_authenticator",
]
