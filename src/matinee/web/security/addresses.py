"""Which subscriber an address belongs to, for counting requests and login attempts."""

from __future__ import annotations

import ipaddress

# One subscriber usually has a whole /64 of IPv6. Counted by single addresses, they would have no limit.
SUBSCRIBER_BITS = 64


def counted_as(address: str) -> str:
    """An IPv4 address itself, the /64 network of an IPv6 address, and any other text unchanged."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    # A scope, as in fe80::1%eth0, does not belong to a network.
    return str(ipaddress.IPv6Network((int(found), SUBSCRIBER_BITS), strict=False))
