"""Messages of the library and of the store, as a visitor meets them on a German page."""

from __future__ import annotations

import io
import re
import zipfile
from html import unescape

import pytest

from matinee.web import languages
from matinee.web.rendering.messages import MESSAGES, in_own_language
from matinee.web.store import ratings_log, tokens
from tests.web.pages.test_importing import upload
from tests.web.site import Browser, Site

HEAD = "Date,Name,Year,Letterboxd URI,Rating\n"


def zipped(**files: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("_", "."), content)
    return packed.getvalue()


@pytest.fixture
def german(quick_site: Site) -> Browser:
    browser = quick_site.browser()
    browser.post("/language", language="de")
    return browser


UPLOADS: list[tuple[bytes, str]] = [
    (b"", "die Datei: die Datei ist leer."),
    (
        b"a,b\n1,2\n",
        "die Datei: enthält keine Bewertungen einer Person; erwartet wurde ein Export von letter",
    ),
    (b"Date,Name,Year,Letterboxd URI\n", "die Datei, Zeile 1: eine Datei von letterboxd ohne Bewertungen"),
    (f"{HEAD}2020-01-01,Alien,1979,x,7\n".encode(), "Zeile 2: die Bewertung '7' ist keine von 0 bis 5."),
    (f"{HEAD}2020-01-01,,1979,x,4\n".encode(), "die Datei, Zeile 2: der Titel fehlt."),
    (f"{HEAD}2020-01-01,Alien,1979,x,\n".encode(), "die Datei: darin ist nichts bewertet."),
    (f"{HEAD}gestern,Alien,1979,x,4\n".encode(), "der Zeitpunkt 'gestern' ist weder eine Zahl"),
    (HEAD.encode() + b"2020-01-01,Al\x00en,1979,x,4\n", "enthält Binärdaten (ein NUL-Byte)"),
    (b"PK\x03\x04broken", "das Archiv (zip) ist unvollständig oder beschädigt"),
    (
        zipped(a_csv="x\n1\n", b_csv="x\n1\n"),
        "das Zip-Archiv enthält a.csv, b.csv; erwartet wurde eine Tabelle",
    ),
    (zipped(a_png="x"), "das Zip-Archiv enthält keine Tabelle"),
    (zipped(mimetype="x"), "ist eine Arbeitsmappe oder ein Dokument eines Büroprogramms"),
    (b"<!doctype html><title>Log in</title>", "ist eine Webseite, vielleicht eine Fehlermeldung"),
    (b"%PDF-1.7", "ist keine Tabelle (a PDF document); speichere sie als CSV."),
    (b"7z\xbc\xaf\x27\x1c", "ist gepackt (a 7z archive); entpacke es zuerst."),
    (b"\x89PNG", "ist keine Tabelle (a picture)."),
]


@pytest.mark.parametrize(("content", "expected"), UPLOADS, ids=range(len(UPLOADS)))
def test_what_is_wrong_with_a_file_is_said_in_german(german: Browser, content: bytes, expected: str) -> None:
    answer = upload(german, content)
    assert answer.status_code == 422
    assert expected in unescape(answer.text)


def test_what_is_wrong_with_what_was_entered_is_said_in_german(
    german: Browser, items: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def said(path: str, **fields: str) -> str:
        answer = german.post(path, **fields) if fields else german.get(path)
        assert answer.status_code in (403, 404, 422)
        return unescape(answer.text)

    assert "'abc' ist kein Jahr" in said("/?year_from=abc")
    assert "die Jahre enden mit 1980, bevor sie mit 1990 beginnen" in said("/?year_from=1990&year_to=1980")
    assert "'x' ist keine Mischung" in said("/?blend=x")
    assert "'x' ist keine Abwechslung" in said("/?diversity=x")
    assert "erwartet wurden halbe oder ganze Sterne" in said(f"/films/{items['Alien']}/rating", rating="9")
    assert "Einen Film 'none' gibt es nicht." in said("/films/none")
    assert "Die Sprache 'tlh' gibt es hier nicht." in said("/language", language="tlh")
    assert "Dieser Server beantwortet GET /nowhere nicht." in said("/nowhere")
    assert "Das Feld csrf_token oder der Header" in unescape(german.client.post("/language").text)
    other = german.client.post("/language", headers={"Origin": "https://evil.example"})
    assert "Die Anfrage kommt von einer anderen Website" in other.text
    assert "das Formular ist beschädigt" in said("/ratings/import/confirm", ratings="{")
    monkeypatch.setattr(ratings_log, "MOST_RATINGS", 1)
    german.post(f"/films/{items['Alien']}/rating", rating="4")
    assert "du hast schon 1 Bewertungen" in said(f"/films/{items['Jaws']}/rating", rating="4")


def test_what_an_account_may_not_do_is_said_in_german(
    german: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        german.log_in("Ada", "not the password")
    assert "Zu viele Versuche; versuche es in 15 Minuten wieder." in german.log_in("Ada", "again").text
    assert "Melde dich zuerst an." in german.post("/account/tokens", name="script").text
    german.register("Grace")
    monkeypatch.setattr(tokens, "MOST_TOKENS", 0)
    assert "du hast schon 0 Tokens" in unescape(german.post("/account/tokens", name="script").text)
    assert "Dieses Token gibt es nicht." in german.post("/account/tokens/99/delete").text
    assert "Lösche das Konto auf seiner eigenen Seite" in german.post("/forget").text


def test_in_english_messages_are_as_they_were(quick_site: Site) -> None:
    browser = quick_site.browser()
    assert "'abc' is not a year; expected a number such as 1979" in unescape(
        browser.get("/?year_from=abc").text
    )
    assert "the file: nothing in it is rated." in upload(browser, f"{HEAD}2020-01-01,Alien,1979,x,\n").text


def test_programs_are_answered_in_english(quick_site: Site, items: dict[str, str]) -> None:
    client = quick_site.client()
    answer = client.get("/api/v1/movies/none", headers={"Accept-Language": "de"})
    assert answer.json()["detail"] == "There is no film 'none'."


@pytest.mark.parametrize("message", MESSAGES)
def test_each_message_is_recognised_by_its_own_pattern(message: str) -> None:
    """No message that stands before it takes its place."""
    blanks = {name: f"‹{name}›" for name in re.findall(r"%\((\w+)\)s", message)}
    if "message" in blanks:
        blanks["message"] = "nothing in it is rated"
    spoken = languages._language.set("de")
    try:
        expected = languages.gettext(message) % (blanks | {"message": "darin ist nichts bewertet"})
        assert expected != message % blanks
        assert in_own_language(message % blanks) == expected
    finally:
        languages._language.reset(spoken)
