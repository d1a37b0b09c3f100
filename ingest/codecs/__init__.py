"""The payload formats. A new one is a file of its own and one line here."""

from ingest.codecs import json_mapping
from ingest.codecs.codec import CodecKind

CODECS: tuple[CodecKind, ...] = (json_mapping.CODEC,)
