"""Addresses and the subscribers they belong to."""

from __future__ import annotations

import pytest

from matinee.web.security.addresses import counted_as


@pytest.mark.parametrize(
    ("address", "subject"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("testclient", "testclient"),
    ],
)
def test_an_address_is_counted_as_its_subscriber(address: str, subject: str) -> None:
    assert counted_as(address) == subject
