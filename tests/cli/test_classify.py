"""`meterwatch registry classify`: the sheet, the office's decision, and its approval by somebody else."""

from datetime import date

import numpy as np
import pytest

from meterwatch.core.model.readings import DayTotals
from meterwatch.stores.readings_sqlite import SqliteReadings
from tests.cli.test_registry import mend
from tests.support.terminal import SECRETS, Terminal

YEAR = np.arange(date(2022, 1, 1).toordinal(), date(2023, 1, 1).toordinal())
MONTHLY = {"P2": 5000.0, "P4": 4000.0, "P5": 12000.0}


@pytest.fixture
def office(empty: Terminal) -> Terminal:
    """C2 (P2) was large and is, C1 (P4) becomes so, C3 (P5) came in July: provisional. K4 heads the office."""
    mend(empty, "people", "K3,", "K4,Head,office_head,,,,,,\nK3,")
    mend(empty, "usage_points", "P3,", "P4,electricity,,,,\nP5,electricity,,,,\nP3,")
    mend(empty, "agreements", "G3,", "G4,C1,P4,2020-01-01,\nG5,C3,P5,2022-07-01,\nG3,")
    become(empty, "K3")
    assert empty("registry", "import", "registry").code == 0
    become(empty, "K1")
    store = SqliteReadings(empty.folder / "data" / "readings.db")
    store.know(["P1", "P2", "P3", "P4", "P5"])
    for row, code in ((1, "P2"), (3, "P4"), (4, "P5")):
        days = np.full(365, MONTHLY[code] * 12 / 365)
        ones, zeros = np.ones(365), np.zeros(365)
        store.write_totals(DayTotals.of(YEAR, np.full(365, row), days, ones, zeros, zeros))
    store.close()
    become(empty, "K4")
    return empty


def become(meterwatch: Terminal, person: str) -> None:
    path = meterwatch.folder / "meterwatch.toml"
    before, _, _ = path.read_text(encoding="utf-8").rpartition('"K')
    path.write_text(f'{before}"{person}"\n', encoding="utf-8")


def classify(meterwatch: Terminal, *words: str) -> str:
    printed = meterwatch("registry", "classify", *words)
    assert printed.code == 0, printed.err
    return printed.out


def refused(meterwatch: Terminal, *words: str) -> list[str]:
    printed = meterwatch("registry", "classify", *words)
    assert printed.code == 1
    return printed.err.removeprefix("meterwatch: ").splitlines()


def write_sheet(meterwatch: Terminal, old: str = "", new: str = "") -> None:
    """Write the sheet of 2022 and fill it in: ``old`` becomes ``new``, and C3 large unless that says otherwise."""
    classify(meterwatch, "--csv", "sheet.csv")
    path = meterwatch.folder / "sheet.csv"
    text = path.read_text(encoding="utf-8-sig")
    assert old in text
    path.write_text(text.replace(old, new).replace("yes,no,yes,\n", "yes,no,yes,yes\n"), encoding="utf-8")


class TestSheet:
    def test_it_shows_what_changes_first(self, office: Terminal) -> None:
        shown = classify(office)
        rows = [line.split() for line in shown.splitlines() if line.startswith("C") and "electricity" in line]
        mean = "12098.6"  # half a year of 12000 * 12 / 365 a day, each month as long as it is
        assert rows == [
            ["C3", "electricity", "A1", mean, "6", "yes", "no", "yes"],
            ["C1", "electricity", "A1", "4000", "12", "no", "no", "yes"],
            ["C2", "electricity", "A2", "5000", "12", "no", "yes", "yes"],
        ]
        assert "2022: 3 customers, 2 become large, 0 no longer, 1 provisional" in shown
        assert not [secret for secret in SECRETS if secret in shown]

    def test_in_chinese_and_cut(self, office: Terminal) -> None:
        shown = classify(office, "--lang", "zh-CN", "--limit", "1")
        assert "2022 年：共 3 户，新增大客户 2 户，不再是 0 户，暂定 1 户" in shown
        assert "另有 2 行" in shown
        assert "C2" not in shown

    def test_as_json(self, office: Terminal) -> None:
        told = office("registry", "classify", "--json").data
        assert (told["year"], told["pending"], len(told["rows"])) == (2022, None, 3)
        assert told["rows"][1] == {
            "customer": "C1",
            "commodity": "electricity",
            "customer_class": "A1",
            "monthly_mean": 4000.0,
            "months": 12,
            "provisional": False,
            "old_large": False,
            "proposed": True,
            "large": None,
        }

    def test_as_a_file_the_office_fills_in(self, office: Terminal) -> None:
        assert "fill in its column large" in classify(office, "--csv", "sheet.csv")
        path = office.folder / "sheet.csv"
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.read_text(encoding="utf-8-sig").splitlines() == [
            "customer,commodity,year,class,monthly_mean,months,provisional,old_large,proposed,large",
            "C1,electricity,2022,A1,4000,12,no,no,yes,yes",
            "C2,electricity,2022,A2,5000,12,no,yes,yes,yes",
            "C3,electricity,2022,A1,12098.63,6,yes,no,yes,",
        ]
        assert refused(office, "--csv", "sheet.csv") == ["sheet.csv is there already; name another file"]

    def test_a_year_that_is_not_over(self, office: Terminal) -> None:
        assert refused(office, "--year", "2023") == ["the year 2023 is not over; name an earlier one with --year"]

    def test_a_threshold_of_the_site(self, office: Terminal) -> None:
        path = office.folder / "meterwatch.toml"
        path.write_text("[classes]\nlarge_kwh = 4000.001\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
        rows = {row["customer"]: row["proposed"] for row in office("registry", "classify", "--json").data["rows"]}
        assert rows == {"C1": False, "C2": True, "C3": True}

    def test_nobody_to_classify(self, office: Terminal) -> None:
        assert "nobody to classify: no customer was supplied in 1999" in classify(office, "--year", "1999")

    def test_without_readings(self, empty: Terminal) -> None:
        assert "there are no readings yet" in refused(empty)[0]


FIRST, SECOND = "C1,electricity,2022,A1,4000,12,no,no,yes,yes\n", "C2,electricity,2022,A2,5000,12,no,yes,yes,yes\n"
NOT_TO_DECIDE = (
    "sheet.csv:3 large: C2/electricity used 5000 a month in a whole year, so large is yes; only a provisional row is the "
    "office's to decide"
)
CHANGED = (
    "sheet.csv:3 monthly_mean: the figures of C2/electricity are 5000 over 12 months by now; write a new sheet and decide it"
)
WRONG = [
    ("yes,no,yes,\n", "yes,no,yes, \n", "sheet.csv:4 large: must not be empty"),
    ("yes,no,yes,\n", "yes,no,yes,perhaps\n", 'sheet.csv:4 large: "perhaps" is not yes or no'),
    (SECOND, SECOND.replace("yes\n", "no\n"), NOT_TO_DECIDE),
    (SECOND, SECOND.replace("5000", "3000"), CHANGED),
    (SECOND, SECOND.replace(",no,", ",yes,"), CHANGED),
    (SECOND, SECOND.replace("2022", "2021"), "sheet.csv:3 year: the row is of 2021, the sheet of 2022"),
    (FIRST, "", "sheet.csv: C1/electricity is missing; decide every row of the sheet"),
    (FIRST, FIRST * 2, "sheet.csv:3 customer: C1/electricity stands on line 2 already"),
    (
        FIRST,
        FIRST + FIRST.replace("C1,electricity", "C9,gas"),
        "sheet.csv:3 customer: C9/gas is not on the sheet of 2022; write a new one",
    ),
]


class TestDecision:
    def test_the_office_decides_and_a_supervisor_approves(self, office: Terminal) -> None:
        write_sheet(office)
        assert "sheet 1 is recorded: 3 of 3 customers are large" in classify(office, "--decide", "sheet.csv")
        shown = classify(office)
        assert "decided by K4 on 2023-03-01 10:00+0800" in shown
        assert [line.split()[-1] for line in shown.splitlines() if line.startswith("C3")] == ["yes"]
        become(office, "K3")
        assert "snapshot 3 is in use, 3 customers are large by their use in 2022" in classify(office, "--approve")
        rows = office("registry", "classify", "--json").data
        assert (rows["pending"], {row["old_large"] for row in rows["rows"]}) == (None, {True})
        classify(office, "--year", "2022")
        assert office("registry", "export", "copy").code == 0
        text = (office.folder / "copy" / "classifications.csv").read_text(encoding="utf-8-sig")
        assert "C3,electricity,2022,12098.63,6,yes,yes,K4,K3" in text.splitlines()

    def test_the_office_may_decide_a_provisional_row_either_way(self, office: Terminal) -> None:
        write_sheet(office, "yes,no,yes,\n", "yes,no,yes,no\n")
        assert "2 of 3 customers are large" in classify(office, "--decide", "sheet.csv")
        become(office, "K3")
        assert office("registry", "classify", "--approve", "--json").data == {"year": 2022, "snapshot": 3, "large": 2}

    def test_one_who_may_not(self, office: Terminal) -> None:
        write_sheet(office)
        become(office, "K1")
        assert "may not decide who is large" in refused(office, "--decide", "sheet.csv")[0]
        assert "only a supervisor may" in refused(office, "--approve")[0]

    def test_alone(self, office: Terminal) -> None:
        become(office, "K3")
        write_sheet(office)
        classify(office, "--decide", "sheet.csv")
        assert refused(office, "--approve") == ["K3 decided this sheet; another supervisor must approve it"]

    @pytest.mark.parametrize(("old", "new", "said"), WRONG)
    def test_a_bad_row_is_named_with_its_reason(self, office: Terminal, old: str, new: str, said: str) -> None:
        write_sheet(office, old, new)
        found = refused(office, "--decide", "sheet.csv")
        assert found == ["the sheet was not recorded and nothing was changed; problems found: 1", said]
        assert office("registry", "classify", "--json").data["pending"] is None

    def test_problems_as_json(self, office: Terminal) -> None:
        write_sheet(office, "yes,no,yes,\n", "yes,no,yes, \n")
        assert office("registry", "classify", "--decide", "sheet.csv", "--json").data == {
            "problems": ["sheet.csv:4 large: must not be empty"]
        }

    def test_no_such_file(self, office: Terminal) -> None:
        assert refused(office, "--decide", "none.csv") == ["there is no file none.csv; `--csv none.csv` writes one"]
