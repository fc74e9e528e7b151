"""Jobs: run by name, recorded, once for a tick; schedules in UTC; what was given up is seen and acted on."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import text

from aurapark import outbox
from aurapark.booking.models import BookingState
from aurapark.config import Settings
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.jobs import registry, runs
from aurapark.jobs.models import JobRun, Source
from aurapark.jobs.records import forget_runs, list_runs
from aurapark.jobs.registry import BY_NAME, JOBS, Job
from aurapark.jobs.runs import JobUnknown, run_job
from aurapark.jobs.schedule import Cron, Every, last_tick, next_tick
from tests.factories import Network
from tests.stories import fresh, hold, pass_time, race
from workers.sweeper import Sweeper

SEED = {
    "expire-seats": "*/5 * * * *",
    "process-refunds": "*/10 * * * *",
    "reconcile-payments": "10 */6 * * *",
    "send-notifications": "* * * * *",
    "cleanup-idempotency": "20 2 * * *",
}
NOW = datetime(2026, 11, 23, 10, 7, 3, 5, tzinfo=UTC)
SWEEP = timedelta(seconds=5)


def run(statement: str) -> None:
    in_transaction(lambda: db.session.execute(text(statement)))


def recorded(name: str) -> list[tuple[str, int | None, str | None]]:
    db.session.rollback()
    return [(found.source.value, found.processed, found.error) for found in list_runs(name, 10)]


def replace_job(monkeypatch: pytest.MonkeyPatch, job: Job) -> None:
    monkeypatch.setitem(BY_NAME, job.name, job)


def test_every_job_of_the_seed_is_there_with_its_schedule() -> None:
    for name, line in SEED.items():
        assert line in map(str, BY_NAME[name].schedules)
    assert "health" in BY_NAME
    assert len(BY_NAME) == len(JOBS)


def test_cron_is_utc_wherever_it_is_asked() -> None:
    night = Cron("20 2 * * *")
    for zone in ("UTC", "Africa/Douala", "Asia/Tokyo"):
        here = NOW.astimezone(ZoneInfo(zone))
        assert night.next_after(here, SWEEP) == datetime(2026, 11, 24, 2, 20, tzinfo=UTC)
        assert night.last_at(here, SWEEP) == datetime(2026, 11, 23, 2, 20, tzinfo=UTC)


@pytest.mark.parametrize("schedule", [Cron("*/5 * * * *"), Cron("* * * * *"), Cron("5 0 1 * *"), Every(3), Every(12)])
def test_ticks_follow_each_other_without_a_gap(schedule: Cron | Every) -> None:
    ahead = schedule.next_after(NOW, SWEEP)
    assert schedule.last_at(NOW, SWEEP) <= NOW < ahead
    assert schedule.last_at(ahead, SWEEP) == ahead
    assert schedule.last_at(ahead - timedelta(microseconds=1), SWEEP) == schedule.last_at(NOW, SWEEP)
    assert schedule.next_after(ahead, SWEEP) > ahead


def test_of_several_schedules_the_nearest_tick_counts() -> None:
    both = (Cron("*/10 * * * *"), Every(3))
    assert next_tick(both, NOW, SWEEP) == datetime(2026, 11, 23, 10, 7, 15, tzinfo=UTC)
    assert last_tick(both, NOW, SWEEP) == datetime(2026, 11, 23, 10, 7, 0, tzinfo=UTC)


def test_a_run_is_recorded(network: Network, settings: Settings) -> None:
    booking = hold(network)
    pass_time(booking, timedelta(minutes=16))
    outcome = run_job("expire-seats", settings, Source.COMMAND)
    assert (outcome.processed, outcome.more) == (1, False)
    assert fresh(booking).state == BookingState.EXPIRED
    assert recorded("expire-seats") == [("command", 1, None)]


def test_a_failure_is_recorded_by_its_name_only(
    app: Flask, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_settings: Settings, _limit: int) -> int:
        raise LookupError("jean@example.com")

    replace_job(monkeypatch, Job("expire-seats", fail, (Every(3),)))
    with pytest.raises(LookupError):
        run_job("expire-seats", settings, Source.API)
    assert recorded("expire-seats") == [("api", 0, "LookupError")]


def test_a_tick_is_run_once(app: Flask, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice in the queue, or known to two schedulers: the second run finds it taken. Seen to fail without the key."""
    calls: list[int] = []

    def work(_settings: Settings, limit: int) -> int:
        calls.append(limit)
        return 0

    replace_job(monkeypatch, Job("expire-seats", work, (Every(3),)))
    db.session.rollback()
    race(app, *[partial(run_job, "expire-seats", settings, Source.SCHEDULER, tick=NOW)] * 3)
    assert len(calls) == 1
    run_job("expire-seats", settings, Source.SCHEDULER, tick=NOW + SWEEP)
    assert len(calls) == 2


def test_a_run_stops_when_its_time_is_over(app: Flask, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "RUN_SECONDS", -1)
    outcome = run_job("send-notifications", settings, Source.COMMAND)
    assert (outcome.processed, outcome.more) == (0, True)


def test_only_what_is_in_the_registry_is_run(app: Flask, settings: Settings) -> None:
    for name in ("os.system", "", "expire_seats"):
        with pytest.raises(JobUnknown):
            run_job(name, settings, Source.API)
    assert db.session.query(JobRun).count() == 0


def test_the_sweeper_records_what_it_did_and_not_that_it_looked(network: Network, settings: Settings) -> None:
    booking = hold(network)
    Sweeper(settings).sweep_once(number=1)
    assert recorded("expire-seats") == []
    pass_time(booking, timedelta(minutes=16))
    Sweeper(settings).sweep_once(number=1)
    assert recorded("expire-seats") == [("sweeper", 1, None)]


def test_old_runs_are_forgotten_idle_ones_sooner(app: Flask) -> None:
    for age, processed, error in (("31 d", 5, ""), ("25 h", 0, ""), ("25 h", 1, ""), ("25 h", 0, "OSError")):
        run(
            "INSERT INTO job_run (job, source, started_at, finished_at, processed, error) VALUES"  # noqa: S608
            f" ('x', 'api', now() - interval '{age}', now(), {processed}, nullif('{error}', ''))"
        )
    assert in_transaction(lambda: forget_runs(100)) == 2
    assert sorted(recorded("x"), key=str) == [("api", 0, "OSError"), ("api", 1, None)]


def test_the_health_job_says_what_is_not_well(app: Flask, settings: Settings) -> None:
    with pytest.raises(Exception, match="busy"):
        run_job("health", settings, Source.COMMAND)
    ((_, _, error),) = recorded("health")
    assert error is not None
    assert "sweeper" in error
    run("INSERT INTO heartbeat (name, at) SELECT name, now() FROM unnest(ARRAY['sweeper', 'worker', 'scheduler']) name")
    assert run_job("health", settings, Source.COMMAND).processed >= 5


def command(app: Flask, *words: str) -> Result:
    from aurapark.cli import group

    db.session.rollback()
    return app.test_cli_runner().invoke(group, list(words))


def test_the_job_commands(app: Flask, network: Network) -> None:
    assert command(app, "jobs", "run", "cleanup-idempotency").output == "cleanup-idempotency: Nothing was due.\n"
    wrong = command(app, "jobs", "run", "os.system")
    assert (wrong.exit_code, "There is no such job." in wrong.output) == (1, True)
    listed = command(app, "jobs", "list").output
    assert all(job.name in listed for job in registry.JOBS)
    assert "command done 0" in next(line for line in listed.splitlines() if line.startswith("cleanup-idempotency"))
    assert "done 0" in command(app, "jobs", "runs", "cleanup-idempotency").output


def dead_row() -> int:
    in_transaction(lambda: outbox.publish([("sms", "7K3QF9:ticket:sms", {"booking": "7K3QF9"})]))
    run("UPDATE outbox SET state = 'dead', attempts = 41, last_error = 'SinkDown'")
    return int(db.session.scalar(text("SELECT id FROM outbox")) or 0)


def test_a_dead_row_is_tried_again_by_somebody_for_a_reason(app: Flask) -> None:
    row = str(dead_row())
    assert "dead tries=41 error=SinkDown" in command(app, "outbox", "list").output
    assert "payload: {'booking': '7K3QF9'}" in command(app, "outbox", "show", row).output
    assert command(app, "outbox", "retry", row, "--as", "ngo", "--reason", " ").exit_code == 1
    assert "ready tries=0" in command(app, "outbox", "retry", row, "--as", "ngo", "--reason", "way is open").output
    again = command(app, "outbox", "retry", row, "--as", "ngo", "--reason", "way is open")
    assert (again.exit_code, "given up" in again.output) == (1, True)
    db.session.rollback()
    log = db.session.execute(text("SELECT actor, action, reason, before, after FROM audit.log")).one()
    assert tuple(log[:3]) == ("ngo", "outbox_retried", "way is open")
    assert (log[3]["attempts"], log[4]) == (41, {"state": "ready"})


def test_a_dismissed_row_is_done_and_keeps_its_error(app: Flask) -> None:
    row = str(dead_row())
    said = command(app, "outbox", "dismiss", row, "--as", "ngo", "--reason", "told by phone").output
    assert "done tries=41 error=SinkDown" in said
    assert command(app, "outbox", "list").output == "nothing waits\n"
    assert command(app, "outbox", "show", "999999").exit_code == 1
    db.session.rollback()
    assert db.session.scalar(text("SELECT state FROM audit.outbox")) == "done"
    assert db.session.scalar(text("SELECT action FROM audit.log")) == "outbox_dismissed"


def test_a_clock_ten_minutes_off_in_one_process_changes_nothing(
    network: Network, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is due is decided by the database's clock."""
    booking = hold(network)
    for minutes in (20, -20):
        monkeypatch.setattr("aurapark.clock.now", lambda off=minutes: datetime.now(UTC) + timedelta(minutes=off))
        Sweeper(replace(settings)).sweep_once()
        assert fresh(booking).state == BookingState.HELD
        db.session.rollback()
