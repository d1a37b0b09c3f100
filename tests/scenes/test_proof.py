"""RULES proof: a timeline proves warning, contact and plan; it can be taken away, and shows whether it was tampered with."""

import csv
import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from tests.support.audit import tamper
from tests.support.scene import FILES, Office

CAUSE = ("--cause", "一台锅炉停用", "--proposal", "五月中旬回访，商谈气价")


def only_the_foundry() -> Mapping[str, str]:
    own = ("customers", "usage_points", "agreements", "meters", "contacts", "designations")
    lines = {name: str(FILES[name]).splitlines(keepends=True) for name in own}
    return {name: "".join([found[0], *(line for line in found if "FOUNDRY" in line)]) for name, found in lines.items()}


class Printed(NamedTuple):
    """A timeline as it was taken away: what, by whom and the content of each line, their digests, and the foot."""

    lines: list[tuple[str, str, str]]
    digests: list[str]
    chain: str
    audit: str


def printed(room: Office, person: str, path: str) -> Printed:
    room.says(person, "timeline", "FOUNDRY", "--format", "csv", "--out", path)
    _, *rows = csv.reader(Path(path).read_text(encoding="utf-8-sig").splitlines())
    lines = [row for row in rows if len(row) > 1]
    assert [int(row[0]) for row in lines] == [*range(1, len(lines) + 1)]
    foot = "\n".join(row[0] for row in rows if len(row) == 1)
    chain, audit = re.findall(r"链式校验值：([0-9a-f]{64})", foot), re.findall(r"审计摘要：(\d+-[0-9a-f]{16})", foot)
    return Printed([(row[3], row[4], row[5]) for row in lines], [row[6] for row in lines], chain[0], audit[0])


def held(found: Printed, *steps: tuple[str, str, str]) -> None:
    """Fail unless the timeline has these lines in this order: what, by whom, and what its content holds."""
    rest = iter(found.lines)
    for what, person, content in steps:
        assert any(line[0].startswith(what) and line[1] == person and content in line[2] for line in rest), (what, content)


def test_warning_contact_and_plan(office: Callable[..., Office]) -> None:
    room = office("2023-04-17 10:00", days=40, used={"FOUNDRY-GAS": 1000.0}, **only_the_foundry())
    room.uses("FOUNDRY-GAS", 400.0)
    room.until("2023-04-21 10:00")
    room.told("WANG", "FOUNDRY", "66%", "2023-04-23 17:30")
    room.until("2023-04-21 15:00")
    warning = str(room.task("churn-warn", "FOUNDRY/gas")["id"])
    room.says("WANG", "tasks", "done", warning, "--kind", "visit", *CAUSE)
    room.says("LI", "contact", "add", "FOUNDRY", "--kind", "phone", "--contact", "N1", "--note", "约定五月回访")
    room.until("2023-05-15 10:00")
    confirm = str(room.task("churn-confirm", "FOUNDRY/gas")["id"])
    room.says("WANG", "tasks", "done", confirm, "--note", "本月连续生产，无特殊因素", "--outcome", "potential")
    Path("plan.pdf").write_bytes(b"plan")
    plan = str(room.task("churn-plan", "FOUNDRY/gas")["id"])
    room.says("WANG", "tasks", "done", plan, "--kind", "paper", "--note", "气价优惠方案", "--paper", "plan.pdf")
    room.told("WU", "审批挽回方案并报公司备案", "FOUNDRY/gas")
    filing = str(room.task("churn-filing", "FOUNDRY/gas", person="WU")["id"])
    room.says("WU", "tasks", "done", filing, "--kind", "approval", "--note", "备案2023-7", "--outcome", "approved")

    found = printed(room, "ZHAO", "timeline.csv")
    held(
        found,
        ("告警 1", "", "用量流失"),
        ("告警阶段 1", "", "预警"),
        ("通知 N1", "WANG", "66%"),
        (f"任务 {warning}", "WANG", "2023-04-23 17:30"),
        ("联系记录", "LI", "约定五月回访"),
        (f"任务证据 {warning}", "WANG", "一台锅炉停用; 措施: 五月中旬回访，商谈气价"),
        ("告警阶段 1", "", "潜在流失"),
        (f"任务 {confirm}", "WANG", "确认是否潜在流失"),
        (f"任务证据 {confirm}", "WANG", "本月连续生产，无特殊因素"),
        (f"任务证据 {plan}", "WANG", sha256(b"plan").hexdigest()),
        (f"任务证据 {filing}", "WU", "备案2023-7"),
    )
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in found.digests)
    assert "13800000001" not in Path("timeline.csv").read_text(encoding="utf-8")
    assert "timeline.csv" in room.refused("ZHAO", "timeline", "FOUNDRY", "--format", "csv", "--out", "timeline.csv")
    assert printed(room, "WU", "again.csv")[:3] == found[:3]

    # Whoever rewrites what was done past the program changes the digests of the line and of the whole.
    database = room.service.books.ledger.database
    tamper(database, "UPDATE evidence SET cause = '全部停产' WHERE cause <> ''")
    other = printed(room, "ZHAO", "tampered.csv")
    assert other.chain != found.chain
    assert len([one for one, was in zip(other.digests, found.digests, strict=True) if one != was]) == 1

    # The audit that was sealed when the first was printed is still there; a row taken out of it is missed.
    whole = room.asks("MA", "audit", "verify", "--against", found.audit)
    assert (whole["whole"], whole["against"]) == (True, True)
    tamper(database, "DELETE FROM audit WHERE action = 'task.done'")
    room.refused("MA", "audit", "verify")


def test_not_everybody_takes_it_away(office: Callable[..., Office]) -> None:
    room = office("2023-04-17 10:00", days=1)
    for person in ("CHEN", "ZHOU", "HE", "GAO", "nobody"):
        assert "FOUNDRY" in room.refused(person, "timeline", "FOUNDRY", "--out", "taken.txt")
    assert not Path("taken.txt").exists()
    for person in ("WANG", "LI", "ZHAO", "WU", "MA"):
        room.says(person, "timeline", "FOUNDRY", "--format", "html", "--out", f"{person}.html")
    page = Path("WANG.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "宏达铸造厂" in page
    noted = [row["action"] for row in room.asks("WU", "audit", "list", "--subject", "FOUNDRY")]
    assert (noted.count("timeline.read"), noted.count("timeline.refuse")) == (5, 5)
