"""The way out: HTTP to addresses that others name, without becoming their hand in our network.

See docs/network-guard.md.
"""

from shared.network.guard import NetworkGuard, TargetRefused, TargetUnreachable, UrlRefused
from shared.network.http import Answer, request

__all__ = ["Answer", "NetworkGuard", "TargetRefused", "TargetUnreachable", "UrlRefused", "request"]
