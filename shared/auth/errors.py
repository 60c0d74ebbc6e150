"""Why a request is not let in. No message ever holds a token or a part of one."""

from shared.errors import LinegateError


class TokenMissing(LinegateError):
    """The request brought no bearer token."""


class TokenRejected(LinegateError):
    """The token is not valid. The message says no more than its owner may know."""


class IdentityProviderAway(LinegateError):
    """Whether the token is valid cannot be told now, because the keys it is checked with cannot be had."""
