"""Settings, service, schedule, doctor: where the parts are put together."""
