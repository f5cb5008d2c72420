from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from matinee.errors import DataError
from matinee.ratings import UNKNOWN_TIME, Ratings
from matinee.ratings.times import times_of

MOMENT = datetime(2005, 4, 2, 23, 20, 27, tzinfo=UTC)
SECONDS = int(MOMENT.timestamp())
DAY = int(datetime(2009, 9, 13, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("per_second", "unit"),
    [(1, None), (1_000, "milliseconds"), (1_000_000, "microseconds"), (1_000_000_000, "nanoseconds")],
)
@pytest.mark.parametrize("kind", [np.int64, np.float64, str])
def test_the_size_of_the_numbers_says_their_unit(per_second, unit, kind):
    given = [kind(SECONDS * per_second), kind((SECONDS - 86_400) * per_second), kind(0)]
    found, note = times_of(given if kind is str else np.array(given))
    assert found.tolist() == [SECONDS, SECONDS - 86_400, 0]
    assert note == (None if unit is None else f"timestamps are read as {unit}")


def test_the_unit_is_shown_in_the_description_and_the_days_are_whole():
    ratings = Ratings.from_arrays([1, 2], [1, 2], [1, 2], timestamps=[SECONDS * 1000, SECONDS * 1000])
    lines = str(ratings.describe()).splitlines()
    assert "time span          2005-04-02 to 2005-04-02" in lines
    assert "note               timestamps are read as milliseconds" in lines
    assert ratings.describe().to_dict()["notes"] == ["timestamps are read as milliseconds"]


@pytest.mark.parametrize("given", [[20090913, 20150101], ["20090913", "20150101"], [20090913.0, 20150101.0]])
def test_numbers_that_are_all_dates_are_dates(given):
    found, note = times_of(given)
    assert found.tolist() == [DAY, int(datetime(2015, 1, 1, tzinfo=UTC).timestamp())]
    assert note == "timestamps are read as dates, yyyymmdd"
    assert times_of([20090913000102])[0].tolist() == [DAY + 62]


def test_a_number_that_is_no_date_makes_all_of_them_seconds():
    found, note = times_of([20150101, 20151301])
    assert found.tolist() == [20150101, 20151301]
    assert note is None


@pytest.mark.parametrize(
    "text",
    [
        "2009-09-13", "2009/09/13", "09 13, 2009", "9 13, 2009", "Sep 13, 2009", "September 13, 2009",
        "13-Sep-2009", "13 Sep 2009", "13.09.2009", "09/13/2009", "9/13/2009", "13/09/2009", "13-09-2009",
        "2009-09-13 00:00:00 UTC", "2009-09-13 00:00:00.000 UTC", "2009-09-13T00:00:00.000Z",
        "Sat Sep 12 17:00:00 -0700 2009", "09/13/2009 12:00 AM", "13 Sep 2009, 00:00",
        "2009-09-13 02:00:00+02:00", "2009-09-13 00:00 UTC",
    ],
)  # fmt: skip
def test_dates_are_read_in_the_forms_of_the_field(text):
    found, note = times_of([text, None])
    assert found.tolist() == [DAY, UNKNOWN_TIME]
    assert note is None


def test_the_whole_column_says_whether_the_day_or_the_month_comes_first():
    january, september = (int(datetime(2015, *rest, tzinfo=UTC).timestamp()) for rest in ((1, 9), (9, 1)))
    assert times_of(["01/09/2015", "01/31/2015"])[0].tolist()[0] == january
    assert times_of(["01/09/2015", "31/01/2015"])[0].tolist()[0] == september
    found, note = times_of(["01/09/2015", "02/03/2015"])
    assert found.tolist()[0] == january
    assert note.startswith("dates are read as month/day/year")
    with pytest.raises(DataError, match="row 1: timestamp '01/31/2015' is neither a number of seconds nor a"):
        times_of(["31/01/2015", "01/31/2015"])


def test_numbers_and_dates_may_be_mixed_and_some_may_be_missing():
    found, _ = times_of(pl.Series([str(SECONDS), "2009-09-13", "N/A"]))
    assert found.tolist() == [SECONDS, DAY, UNKNOWN_TIME]
