"""Messages of errors in the language of the page.

The library and the store say in English what was wrong, and with what. A message is recognised by its text
around the blanks, and is said again in the language of the page with what was in the blanks.
"""

from __future__ import annotations

import re
from functools import cache

from matinee.web.languages import gettext

# Of several that fit, the first counts. What is in the blank "message" is a message itself.
MESSAGES = (
    "the file, line %(line)s: %(message)s",
    "the file: %(message)s",
    "row %(row)s: %(message)s",
    # exports of other sites
    "is not an export of one person's ratings; expected one of %(sites)s",
    "a file of %(site)s without ratings; expected its ratings.csv",
    "nothing in it is rated",
    "the title is missing",
    "rating %(rating)s is not one from 0 to %(most)s",
    "timestamp %(text)s is neither a number of seconds nor a date such as 2015-01-31",
    # files and archives
    "the file is empty",
    "holds binary data (a NUL byte); expected text",
    "is not UTF-8 text (byte %(byte)s)",
    "is not %(encoding)s text (%(reason)s)",
    "line %(line)s is not %(encoding)s text (byte %(byte)s of the file); name its encoding",
    "cannot be split (%(reason)s)",
    "the %(kind)s file is truncated or damaged (%(reason)s)",
    "unpacks to more than %(size)s, far more than a file of its size should; "
    "if that is meant, allow it with max_unpacked=…, a number of bytes",
    "the zip archive is protected by a password; unpack it first",
    "the zip archive holds no table; expected one table; unpack it and name the file",
    "the zip archive holds %(files)s; expected one table; unpack it and name the file",
    "is a workbook or document of an office program; save the table as CSV",
    "is a web page, perhaps an error or a login in place of a download; download the file itself",
    "is %(kind)s; save the table as CSV or Parquet",
    "is %(kind)s; unpack it first",
    "is %(kind)s; expected a table",
    "the form is damaged; choose the file again",
    # what visitors enter
    "%(text)s is not a year; expected a number such as 1979, or nothing",
    "the years end in %(last)s, before they begin in %(first)s; turn them round",
    "%(text)s is no blend; expected a number from 0, safe, to 1, only the best",
    "%(text)s is no diversity; expected a number from 0, as usual, to 1, the most variety",
    "rating %(rating)s: expected half or whole stars from 0.5 to 5",
    "you already have %(number)s ratings; remove some first",
    "you already have %(number)s tokens; revoke one first",
    "this visitor no longer exists; load the page again",
    # addresses and forms
    "There is no film %(film)s.",
    "There is no language %(language)s here.",
    "There is no such token.",
    "This server does not answer %(method)s %(path)s.",
    "Log in first.",
    "Delete the account on its own page, with its password.",
    "Too many attempts; try again in 1 minute.",
    "Too many attempts; try again in %(minutes)s minutes.",
    "The request comes from another site; this action works only from this site's own pages.",
    "The form is out of date, or cookies are turned off: the field %(field)s or the header %(header)s "
    "must hold this browser's token. Load the page again, and send the form from there.",
    # the server
    "The database does not answer, so nothing was changed. Try again in a moment.",
    "The server failed because of a fault of its own, which it has noted in its log.",
)
BLANK = re.compile(r"%\\\((\w+)\\\)s")  # as re.escape leaves it


def in_own_language(message: str) -> str:
    """A message in the language of the page; as it is, if it has no translation."""
    whole = gettext(message)
    if whole != message:
        return whole
    for text, pattern in _patterns():
        found = pattern.fullmatch(message)
        if found:
            blanks = found.groupdict()
            if "message" in blanks:
                blanks["message"] = in_own_language(blanks["message"])
            return gettext(text) % blanks
    return message


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    return [(text, re.compile(BLANK.sub(r"(?P<\1>.*)", re.escape(text)), re.DOTALL)) for text in MESSAGES]
