"""The stream of events by HTTP."""

from __future__ import annotations

import json
from typing import Any

from matinee.web.store.operator_tokens import Right
from tests.web.site import Site

EVENTS = "/api/v1/events"


def lines(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


def test_a_program_reads_on_from_its_cursor(quick_site: Site) -> None:
    headers, client = quick_site.operator(Right.EVENTS), quick_site.client()
    assert lines(client.get(EVENTS, headers=headers)) == []
    browser = quick_site.logged_in()
    for number in range(5):
        browser.call("PUT", f"/me/ratings/{number + 1}", json={"rating": 4})
    first = lines(client.get(f"{EVENTS}?limit=3", headers=headers))
    rest = lines(client.get(f"{EVENTS}?after={first[-1]['cursor']}", headers=headers))
    assert [one["kind"] for one in first + rest] == ["registered"] + ["rated"] * 5
    assert [one["item"] for one in first + rest][1:] == ["1", "2", "3", "4", "5"]
    assert lines(client.get(f"{EVENTS}?after={rest[-1]['cursor']}", headers=headers)) == []
    text = client.get(EVENTS, headers=headers).text
    assert "Ada" not in text and "password" not in text


def test_only_a_token_with_the_right_may_read_it(quick_site: Site) -> None:
    client = quick_site.client()
    assert client.get(EVENTS).status_code == 401
    assert client.get(EVENTS, headers=quick_site.operator(Right.USERS)).status_code == 403
    token = quick_site.logged_in().call("POST", "/me/tokens", json={"name": "script"}).json()["token"]
    assert client.get(EVENTS, headers={"Authorization": f"Bearer {token}"}).status_code == 401
