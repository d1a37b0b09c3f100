"""What the broker delivered, where it lies in the journal, and why something in it was refused."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from meterwatch.core.model.phrase import Phrase


class Position(NamedTuple):
    """Where a record starts: segment number and byte offset within it. Positions of one journal sort in journal order."""

    segment: int
    offset: int

    def __str__(self) -> str:
        return f"{self.segment}:{self.offset}"

    @classmethod
    def parse(cls, text: str) -> "Position":
        """Return the position written as ``segment:offset``; raises ValueError for anything else."""
        segment, _, offset = text.partition(":")
        return cls(int(segment), int(offset))


@dataclass(frozen=True, slots=True)
class Packet:
    """One MQTT PUBLISH as received.

    ``received_at`` is UTC microseconds of business time, given by the journal and kept on replay; 0 before that.
    ``generation`` counts connections: an acknowledgement is only valid on the connection that brought the packet.
    """

    topic: str
    payload: bytes
    qos: int = 1
    dup: bool = False
    retain: bool = False
    packet_id: int = 0
    generation: int = 0
    received_at: int = 0
    properties: bytes = b""


class Reason(StrEnum):
    """Why a packet or a reading was refused. The value is the name in logs, metrics, the ledger and the contract."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    NO_MAPPING = "no_mapping"
    NOT_JSON = "not_json"
    NO_RECORDS = "no_records"
    NO_VALUE = "no_value"
    NO_METER = "no_meter"
    UNKNOWN_METER = "unknown_meter"
    NOT_INSTALLED = "not_installed"
    NO_TIME = "no_time"
    BAD_TIME = "bad_time"
    TOO_OLD = "too_old"
    IN_FUTURE = "in_future"
    NOT_A_NUMBER = "not_a_number"
    OUT_OF_RANGE = "out_of_range"
    WRONG_UNIT = "wrong_unit"
    WRONG_COMMODITY = "wrong_commodity"
    STORE_REFUSED = "store_refused"


REASON_TEXT: dict[Reason, Phrase] = {
    Reason.EMPTY: Phrase("the message is empty", "报文为空"),
    Reason.TOO_LARGE: Phrase("the message is larger than the limit", "报文超过大小上限"),
    Reason.NO_MAPPING: Phrase("no codec in the settings covers this topic", "设置中没有解码器对应该主题"),
    Reason.NOT_JSON: Phrase("the message is not valid JSON", "报文不是合法的 JSON"),
    Reason.NO_RECORDS: Phrase(
        "the list of records is missing where the mapping expects it", "在映射指定的位置没有找到记录列表"
    ),
    Reason.NO_VALUE: Phrase("the record carries none of the mapped values", "记录中没有任何已映射的数值"),
    Reason.NO_METER: Phrase("the record does not say which meter it is from", "记录中没有表号"),
    Reason.UNKNOWN_METER: Phrase("the meter is not in the registry", "档案中没有该表"),
    Reason.NOT_INSTALLED: Phrase(
        "the registry says this meter was not installed at that time", "档案显示该表当时未安装在用"
    ),
    Reason.NO_TIME: Phrase("the record has no time", "记录中没有时间"),
    Reason.BAD_TIME: Phrase("the time can't be read in the mapped format", "时间格式与映射不符"),
    Reason.TOO_OLD: Phrase(
        "the time is too long ago: the device's clock was probably never set", "时间过早：设备时钟可能从未校准"
    ),
    Reason.IN_FUTURE: Phrase("the time lies in the future: the device's clock runs ahead", "时间在未来：设备时钟超前"),
    Reason.NOT_A_NUMBER: Phrase("the value is not a finite number", "数值不是有效数字"),
    Reason.OUT_OF_RANGE: Phrase("the value is far beyond what a meter can show", "数值远超表计可能显示的范围"),
    Reason.WRONG_UNIT: Phrase("the unit does not belong to this kind of reading", "单位与读数类型不符"),
    Reason.WRONG_COMMODITY: Phrase(
        "the usage point is supplied with something else than this reading measures", "该用户点的能源种类与读数不符"
    ),
    Reason.STORE_REFUSED: Phrase("the database refused this reading for good", "数据库拒绝保存该读数"),
}


@dataclass(frozen=True, slots=True)
class Reject:
    """Something that could not become a reading, kept with its reason.

    ``record`` is None when the whole packet was refused, else the index of the refused reading within the packet.
    ``detail`` says in the clerk's terms what was found; it never holds more than 200 characters of the payload.
    """

    position: Position
    reason: Reason
    packet: Packet
    record: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one packet; stored before its release. decoded = new + duplicate + conflict + refused."""

    position: Position
    rejected: bool
    decoded: int = 0
    new: int = 0
    duplicate: int = 0
    conflict: int = 0
    refused: int = 0
