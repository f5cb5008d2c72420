import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matinee.datasets import integers
from matinee.datasets.integers import has_odd_integers


@pytest.mark.parametrize("separator", [",", ":", "\t", "|", " ", ";"])
@given(data=st.data())
def test_odd_integers_are_found_as_a_plain_search_finds_them(separator, data):
    pieces = st.sampled_from([separator, "\n", "0", "00", "+", "-", "-0", "7", '"', " ", "é", ".", "\r\n"])
    content = data.draw(st.lists(pieces, max_size=12).map("".join))
    blank = "" if separator == " " else " ?"
    pattern = rf'(?:^|[{re.escape(separator)}\n"]){blank}(?:\+|-0|0[0-9])'
    wanted = re.search(pattern, content.replace("\r\n", "\n")) is not None
    assert has_odd_integers(content.encode(), separator) >= wanted
    # What is found besides is no more than a blank away.
    if not wanted and " " not in content:
        assert not has_odd_integers(content.encode(), separator)


@pytest.mark.parametrize("place", range(12))
def test_an_odd_integer_is_found_wherever_a_block_ends(tmp_path, monkeypatch, place):
    monkeypatch.setattr(integers, "BLOCK", 8)
    path = tmp_path / "ratings"
    path.write_bytes(b"1,2,3\n" + b"7" * place + b",-0,\n")
    assert has_odd_integers(path, ",")
    path.write_bytes(b"1,2,3\n" + b"7" * place + b",10,\n")
    assert not has_odd_integers(path, ",")


@pytest.mark.parametrize("content", [b"", b"0", b"1,0.5,0", b"10,200,3:00", b"a 00:12,5"])
def test_a_zero_elsewhere_is_no_odd_integer(content):
    assert not has_odd_integers(content, ",")
