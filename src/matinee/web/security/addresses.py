"""Which subscriber an address belongs to, and the names by which the server may be addressed."""

from __future__ import annotations

import ipaddress
import re

from matinee.errors import DataError

# One subscriber usually has a whole /64 of IPv6. Counted by single addresses, they would have no limit.
SUBSCRIBER_BITS = 64
ROOT_PATH = re.compile(r"(/[\w.~-]+)*", re.ASCII)
HOST = re.compile(r"(\*\.)?[\w.-]+|\[[\da-f:.]+\]", re.IGNORECASE)


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


def parsed_hosts(text: str) -> list[str]:
    """The names in a text such as ``films.example, *.films.example``; a DataError for any other text."""
    hosts = [host.strip() for host in text.split(",")]
    for host in hosts:
        if not HOST.fullmatch(host):
            raise DataError(
                f"{host!r} is not the name of a host; expected names without scheme or port, such as "
                "'films.example,*.films.example'"
            )
    return hosts


def checked_root_path(text: str) -> str:
    """The path below which a site is, without a slash at the end; a DataError if it is none."""
    path = text.rstrip("/")
    if not ROOT_PATH.fullmatch(path):
        raise DataError(f"{text!r} is not a path of a host; expected a text such as '/cinema'")
    return path
