"""The peer: plain paho, json, and influxdb-client's batching writer, as a tutorial would write it.

``python -m bench.plain_paho PORT URL TOKEN ORG BUCKET MESSAGES``
"""

import json
import sys
import threading

from influxdb_client import InfluxDBClient, Point, WriteOptions
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

CLIENT_ID = "plain"


def main(port: int, url: str, token: str, org: str, bucket: str, messages: int) -> None:
    influx = InfluxDBClient(url, token, org=org)
    writer = influx.write_api(WriteOptions(batch_size=5000, flush_interval=1000))
    seen, done = 0, threading.Event()

    def on_connect(client: mqtt.Client, *_: object) -> None:
        client.subscribe("meters/+/up", qos=1)

    def on_message(_client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        nonlocal seen
        body = json.loads(message.payload)
        point = Point("readings").tag("usage_point", message.topic.split("/")[1])
        writer.write(bucket, record=point.field("gas_register", float(body["v"])).time(body["ts"], "ms"))
        seen += 1
        if seen == messages:
            done.set()

    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=CLIENT_ID, clean_session=False, protocol=mqtt.MQTTv311)
    client.on_connect, client.on_message = on_connect, on_message
    client.connect("127.0.0.1", port)
    client.loop_start()
    done.wait()
    writer.close()
    client.disconnect()
    threading.Event().wait()


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:6], messages=int(sys.argv[6]))
