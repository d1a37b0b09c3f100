"""What this room counts. No metric ever carries a topic or a meter as a label."""

from prometheus_client import Counter, Gauge

MQTT_PACKETS_RECEIVED = Counter(
    "meterwatch_mqtt_packets_received_total", "MQTT packets taken into the receive queue, by their QoS.", ["qos"]
)
MQTT_ACKNOWLEDGED = Counter(
    "meterwatch_mqtt_acknowledged_total", "Acknowledgements handed to the connection that brought their packet."
)
MQTT_STALE_ACKNOWLEDGEMENTS = Counter(
    "meterwatch_mqtt_stale_acknowledgements_total",
    "Acknowledgements not sent because the connection that brought their packet is gone; the broker sends those again.",
)
MQTT_DROPPED_QOS0 = Counter(
    "meterwatch_mqtt_dropped_qos0_total", "QoS 0 packets lost because the receive queue was full or receiving had stopped."
)
MQTT_CONNECTED = Gauge("meterwatch_mqtt_connected", "1 while the broker has accepted our connection, else 0.")
MQTT_CONNECTIONS = Counter("meterwatch_mqtt_connections_total", "Connections the broker accepted.")
MQTT_QUEUE_PACKETS = Gauge("meterwatch_mqtt_queue_packets", "Packets received and not yet taken by the journal.")

JOURNAL_PACKETS = Counter("meterwatch_journal_packets_total", "Packets written to the journal.")
JOURNAL_BYTES = Counter("meterwatch_journal_bytes_total", "Bytes written to the journal.")
JOURNAL_FAILURES = Counter(
    "meterwatch_journal_failures_total",
    "Appends that failed (disk full, bound reached); none was acknowledged.",
)
JOURNAL_DAMAGED = Counter("meterwatch_journal_damaged_total", "Damaged stretches of the journal that were passed over.")
JOURNAL_WRITABLE = Gauge(
    "meterwatch_journal_writable", "1 while the journal takes packets, 0 while nothing is acknowledged."
)
JOURNAL_WAITING_SECONDS = Gauge(
    "meterwatch_journal_oldest_waiting_seconds", "Age of the oldest packet whose readings are not stored yet, business time."
)
JOURNAL_WAITING_PACKETS = Gauge(
    "meterwatch_journal_waiting_packets", "Packets in the journal that have not become readings or rejects yet."
)
JOURNAL_BACKLOG_PACKETS = Gauge(
    "meterwatch_journal_backlog_packets", "Packets that waited in the journal when the process started."
)
JOURNAL_DISK_BYTES = Gauge("meterwatch_journal_disk_bytes", "Size of the journal on disk.")

PACKETS = Counter("meterwatch_packets_total", "Packets that became readings (decoded) or rejects (rejected).", ["outcome"])
READINGS = Counter(
    "meterwatch_readings_total", "Decoded readings by what became of them: new, duplicate, conflict, refused.", ["outcome"]
)
READINGS_DECODED = Counter("meterwatch_readings_decoded_total", "Readings found in packets; the sum of all their outcomes.")
REJECTS = Counter("meterwatch_rejects_total", "Rejected packets and refused readings by reason.", ["reason"])
PIPELINE_RETRIES = Counter(
    "meterwatch_pipeline_retries_total", "Pipeline steps tried again because a database did not answer."
)
STORE_AVAILABLE = Gauge("meterwatch_store_available", "1 while readings and ledger take what the pipeline brings, else 0.")

# A series that is missing can't be told from one that is broken: those of the balances are there from the start.
for _outcome in ("decoded", "rejected"):
    PACKETS.labels(_outcome)
for _outcome in ("new", "duplicate", "conflict", "refused"):
    READINGS.labels(_outcome)
