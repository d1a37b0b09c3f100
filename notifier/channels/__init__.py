"""The ways of reaching people. A new one is a file of its own and one line here."""

from notifier.channels.log import LogChannel
from notifier.channels.spool import SpoolChannel
from notifier.channels.webhook import WebhookChannel

CHANNELS = (LogChannel, SpoolChannel, WebhookChannel)
