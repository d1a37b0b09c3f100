"""The metronome: one beat a second for each role. What is due is a row, so a missed beat loses nothing."""

from collections.abc import Callable, Mapping

from apscheduler.schedulers.background import BackgroundScheduler

BEAT_S = 1.0


class Metronome:
    """Calls each role's beat every second, never twice at once; beats that could not be kept are dropped."""

    def __init__(self, beats: Mapping[str, Callable[[], None]], every_s: float = BEAT_S) -> None:
        defaults = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        self._scheduler = BackgroundScheduler(job_defaults=defaults, timezone="UTC")
        for name, beat in beats.items():
            self._scheduler.add_job(beat, "interval", seconds=every_s, id=name)

    def start(self) -> None:
        """Start to beat."""
        self._scheduler.start()

    def stop(self) -> None:
        """Stop, after the beats that are under way."""
        self._scheduler.shutdown(wait=True)
