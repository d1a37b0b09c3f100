"""The registry's CSV files: which there are, their columns, and what is said about a place in one.

``FILES`` is the contract: reading, error texts and documentation all follow it. Nothing here knows a database.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.stores.registry_cells import (
    CATEGORY,
    CODE,
    COMMODITY,
    CONTACT_ROLE,
    CUSTOMER_CLASS,
    DAY,
    DIGITS,
    GRADE,
    HASH,
    IMPORTANCE,
    LANG,
    MOMENT,
    MONTHS,
    NOT_NEGATIVE,
    NUMBER,
    PHONE,
    POSITIVE,
    ROLE,
    SUPPLY,
    TEXT,
    TOPIC_FILTER,
    YEAR,
    YES_NO,
    ZONE,
    Kind,
)


@dataclass(frozen=True, slots=True)
class Column:
    """A column: what its cells hold, and what an empty one means. ``key`` columns together name a row of the file.

    ``references`` names the file whose key the cell must be. ``stored`` is the name in the database, if another.
    ``personal`` cells say who somebody is or how he is reached (RULES who-confidential).
    """

    name: str
    kind: Kind
    about: Phrase
    required: bool = False
    key: bool = False
    references: str = ""
    empty: Any = None
    stored: str = ""
    personal: bool = False


@dataclass(frozen=True, slots=True)
class FileSpec:
    """A file of the registry. ``span`` names its columns of first and last time, the last one exclusive or empty.

    Without an ``optional`` file what is stored of it stays as it is: folders of the six first files go on to work.
    """

    name: str
    columns: tuple[Column, ...]
    span: tuple[str, str] | None = None
    optional: bool = False

    @property
    def file(self) -> str:
        """The name of the file."""
        return f"{self.name}.csv"

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that name a row."""
        return tuple(column.name for column in self.columns if column.key)

    def markdown(self) -> str:
        """Return the columns as a Markdown table for the documentation."""
        lines = [f"| `{c.name}`{'*' if c.required else ''} | {c.kind.what.en} | {c.about.en} |" for c in self.columns]
        return "\n".join(["| column (* = required) | holds | meaning |", "|---|---|---|", *lines])


def _from_to(first: Phrase, last: Phrase) -> tuple[Column, Column]:
    return (
        Column("from", DAY, first, stored="first_day"),
        Column("to", DAY, last, stored="last_day"),
    )


NAME = Column(
    "name",
    TEXT,
    Phrase("name; shown only to those who may see it", "姓名或名称；只对有权限者显示"),
    required=True,
    personal=True,
)
CUSTOMERS = FileSpec(
    "customers",
    (
        Column("customer", CODE, Phrase("code of the customer", "客户编号"), required=True, key=True),
        NAME,
        Column(
            "class",
            CUSTOMER_CLASS,
            Phrase(
                "A1 industrial, A2 commercial, A3 other, B1, B2 residential",
                "A1 工业、A2 商业、A3 其他，B1 集体居民、B2 零散居民",
            ),
            required=True,
        ),
        Column("wheeling", YES_NO, Phrase("the gas is only carried for him; empty = no", "代输客户；空＝否"), empty=False),
        Column("unit", CODE, Phrase("unit he belongs to", "所属单位")),
        Column("area", CODE, Phrase("area he lies in", "所在片区")),
    ),
)
USAGE_POINTS = FileSpec(
    "usage_points",
    (
        Column("usage_point", CODE, Phrase("code of the usage point", "用户点编号"), required=True, key=True),
        Column("commodity", COMMODITY, Phrase("what is delivered", "供应品种"), required=True),
        Column("time_zone", ZONE, Phrase("empty = the site's zone", "空＝本站时区")),
        Column(
            "capacity",
            POSITIVE,
            Phrase("contract or transformer capacity in kW; gas and water m3/h", "合同或变压器容量，kW；气、水为 m3/h"),
        ),
        Column("qmin", NOT_NEGATIVE, Phrase("smallest flow the meter measures, m3/h", "表计最小流量，m3/h")),
        Column("qmax", POSITIVE, Phrase("largest flow the meter measures, m3/h", "表计最大流量，m3/h")),
    ),
)
AGREEMENTS = FileSpec(
    "agreements",
    (
        Column("agreement", CODE, Phrase("code of the agreement", "合同编号"), required=True, key=True),
        Column("customer", CODE, Phrase("who is supplied", "用户"), required=True, references="customers"),
        Column("usage_point", CODE, Phrase("where", "用户点"), required=True, references="usage_points"),
        Column("from", DAY, Phrase("first day", "首日"), required=True, stored="first_day"),
        Column("to", DAY, Phrase("first day after it; empty = open", "终止后的第一天；空＝未终止"), stored="last_day"),
    ),
    span=("from", "to"),
)
METERS = FileSpec(
    "meters",
    (
        Column(
            "meter",
            CODE,
            Phrase("code of the meter; several rows if it was moved", "表号；移装过的有多行"),
            required=True,
            key=True,
        ),
        Column("usage_point", CODE, Phrase("where it stands", "安装的用户点"), required=True, references="usage_points"),
        Column(
            "digits",
            DIGITS,
            Phrase("digits of the register before the point; empty = not known", "计数器整数位数；空＝未知"),
        ),
        Column(
            "multiplier",
            POSITIVE,
            Phrase("use = difference of the register x this; empty = 1", "倍率，用量＝读数差×倍率；空＝1"),
            empty=1.0,
        ),
        Column("gateway", CODE, Phrase("gateway that reports it", "上报网关")),
        Column("topic_filter", TOPIC_FILTER, Phrase("topics it reports on", "上报主题")),
        Column(
            "valid_from",
            MOMENT,
            Phrase("installed; local to the usage point if no zone is written", "安装时间；不写时区则为用户点当地时间"),
            required=True,
            key=True,
        ),
        Column("valid_to", MOMENT, Phrase("removed; empty = still in use", "拆除时间；空＝在用")),
        Column("initial_index", NOT_NEGATIVE, Phrase("register when installed", "装表底数")),
        Column("final_index", NOT_NEGATIVE, Phrase("register when removed", "拆表底数")),
    ),
    span=("valid_from", "valid_to"),
)
PEOPLE = FileSpec(
    "people",
    (
        Column("person", CODE, Phrase("code of the person", "人员编号"), required=True, key=True),
        NAME,
        Column("role", ROLE, Phrase("role", "岗位"), required=True),
        Column("phone", PHONE, Phrase("phone that notices go to", "接收通知的电话"), personal=True),
        Column("email", TEXT, Phrase("e-mail", "电子邮箱"), personal=True),
        Column("unit", CODE, Phrase("unit the person works for", "所在单位")),
        Column("lang", LANG, Phrase("language of notices; empty = zh-CN", "通知语言；空＝zh-CN"), empty="zh-CN"),
        *_from_to(
            Phrase("first day in office; empty = always", "任职首日；空＝一直"),
            Phrase("first day no longer in office; empty = open", "离任日；空＝在任"),
        ),
    ),
    span=("from", "to"),
)
ASSIGNMENTS = FileSpec(
    "assignments",
    (
        Column("person", CODE, Phrase("who is responsible", "责任人"), required=True, key=True, references="people"),
        Column("role", ROLE, Phrase("as what", "岗位"), required=True, key=True),
        Column(
            "customer",
            CODE,
            Phrase("for this customer; empty = for all", "负责的客户；空＝全部"),
            key=True,
            references="customers",
        ),
        Column("class", CUSTOMER_CLASS, Phrase("for this class; empty = for all", "负责的类别；空＝全部"), key=True),
        Column("area", CODE, Phrase("for this area; empty = for all", "负责的片区；空＝全部"), key=True),
        Column(
            "from",
            DAY,
            Phrase("first day; empty = as long as the person is in office", "首日；空＝任职期内"),
            key=True,
            stored="first_day",
        ),
        Column("to", DAY, Phrase("first day no longer; empty = open", "终止日；空＝未终止"), stored="last_day"),
        Column(
            "importance",
            IMPORTANCE,
            Phrase(
                "for large, important or so graded customers; empty = for all", "负责的大客户、重要客户或某一等级；空＝全部"
            ),
            key=True,
        ),
    ),
    span=("from", "to"),
)
CONTACTS = FileSpec(
    "contacts",
    (
        Column("contact", CODE, Phrase("code of the contact", "联系人编号"), required=True, key=True),
        Column("customer", CODE, Phrase("whose contact", "所属客户"), required=True, references="customers"),
        NAME,
        Column("phone", PHONE, Phrase("phone", "电话"), personal=True),
        Column(
            "role",
            CONTACT_ROLE,
            Phrase("main, or outage: whom outage notices go to", "main 主联系人，outage 停电联系人"),
            required=True,
        ),
        *_from_to(
            Phrase("first day; empty = always", "首日；空＝一直"),
            Phrase("first day no longer; empty = open", "终止日；空＝未终止"),
        ),
        Column("paper_hash", HASH, Phrase("SHA-256 of the stamped paper that names him", "盖章确认书的 SHA-256")),
    ),
    span=("from", "to"),
    optional=True,
)
ZONES = FileSpec(
    "zones",
    (
        Column("zone", CODE, Phrase("code of the zone", "供电（气、水）区编号"), required=True, key=True),
        Column(
            "kind",
            TEXT,
            Phrase("feeder, substation, gate station, pressure district", "类型，如馈线、变电站、门站、调压区"),
            required=True,
        ),
        Column("parent", CODE, Phrase("the zone that feeds it; empty = none", "上级区；空＝无"), references="zones"),
    ),
    optional=True,
)
POINT_ZONES = FileSpec(
    "point_zones",
    (
        Column("usage_point", CODE, Phrase("which point", "用户点"), required=True, key=True, references="usage_points"),
        Column("zone", CODE, Phrase("hangs on which zone", "所接的区"), required=True, key=True, references="zones"),
        Column(
            "supply",
            SUPPLY,
            Phrase("primary or backup; empty = primary", "primary 主供，backup 备供；空＝主供"),
            empty="primary",
        ),
    ),
    optional=True,
)
DESIGNATIONS = FileSpec(
    "designations",
    (
        Column(
            "customer",
            CODE,
            Phrase("who is important, whatever he uses", "重要客户"),
            required=True,
            key=True,
            references="customers",
        ),
        Column("category", CATEGORY, Phrase("why he is important", "重要类别"), required=True),
        Column("grade", GRADE, Phrase("special, 1, 2 or temporary", "特级、一级、二级或临时"), required=True),
        Column("basis", TEXT, Phrase("the decision it rests on", "认定依据"), required=True),
        Column("approved_by", CODE, Phrase("who approved it", "批准人"), required=True, references="people"),
        Column("review_date", DAY, Phrase("when it is looked at again", "复核日期"), required=True),
    ),
    optional=True,
)
CLASSIFICATIONS = FileSpec(
    "classifications",
    (
        Column("customer", CODE, Phrase("whose use was looked at", "客户编号"), required=True, key=True),
        Column("commodity", COMMODITY, Phrase("use of what", "供应品种"), required=True, key=True),
        Column("year", YEAR, Phrase("year of the use", "用量所属年份"), required=True, key=True),
        Column(
            "monthly_mean",
            NUMBER,
            Phrase("monthly mean use, kWh or m3; empty = not known", "月均用量，kWh 或 m3；空＝未知"),
        ),
        Column("months", MONTHS, Phrase("months it is the mean of", "计入的月数"), required=True),
        Column(
            "provisional",
            YES_NO,
            Phrase("service or readings do not cover the year", "供应或读数未覆盖全年"),
            required=True,
        ),
        Column("large", YES_NO, Phrase("a general large customer", "一般大客户"), required=True),
        Column("decided_by", CODE, Phrase("who decided it", "决定人"), required=True),
        Column(
            "approved_by",
            CODE,
            Phrase("who approved it: somebody else", "批准人，须为另一人"),
            required=True,
        ),
    ),
    optional=True,
)
FILES = (
    CUSTOMERS,
    USAGE_POINTS,
    AGREEMENTS,
    METERS,
    PEOPLE,
    ASSIGNMENTS,
    CONTACTS,
    ZONES,
    POINT_ZONES,
    DESIGNATIONS,
    CLASSIFICATIONS,
)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something to say about a place in a file; line 0 means the whole file, an empty column the whole line.

    A figure that is a Phrase itself is said in the language of the sentence.
    """

    file: str
    line: int
    column: str
    text: Phrase
    figures: Mapping[str, object] = field(default_factory=dict)

    def say(self, lang: Lang) -> str:
        """Return the place and the reason, e.g. ``meters.csv:7 digits: "x" is not a whole number from 1 to 12``."""
        figures = {name: f.say(lang) if isinstance(f, Phrase) else f for name, f in self.figures.items()}
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}{' ' if self.column else ''}{self.column}: {self.text.say(lang, **figures)}"
