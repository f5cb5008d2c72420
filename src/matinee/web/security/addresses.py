"""Whom an address stands for, where attempts and requests are counted."""

from __future__ import annotations

import ipaddress

# What one subscriber is given, as a rule: counted address by address it would be without a limit.
SUBSCRIBER_BITS = 64


def counted_as(address: str) -> str:
    """The address, or of IPv6 the network of one subscriber; any other text as it is."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    # A scope, as in fe80::1%eth0, is no part of a network's name.
    return str(ipaddress.IPv6Network((int(found), SUBSCRIBER_BITS), strict=False))
