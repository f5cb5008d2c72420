"""The application as a whole."""

from __future__ import annotations

from tests.web.site import Site


def test_browsers_keep_what_is_static_and_ask_whether_it_has_changed(quick_site: Site) -> None:
    client = quick_site.client()
    first = client.get("/static/site.css")
    assert first.headers["cache-control"] == "no-cache"
    again = client.get("/static/site.css", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
