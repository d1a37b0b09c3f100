"""From an MQTT packet to stored readings: subscriber, journal, codecs, pipeline."""
