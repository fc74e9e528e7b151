"""Jobs, outbox and doctor as the platform sees them: who may look and act, what is shown, what nonsense is told."""

import csv
import io

import openpyxl
import pytest
from flask import Flask
from sqlalchemy import func, text

from aurapark import heartbeat
from aurapark.accounts.models import PlatformRole
from aurapark.audit_chain import seal
from aurapark.config import Settings
from aurapark.database import in_transaction
from aurapark.extensions import db
from aurapark.jobs.models import JobRun, Source
from aurapark.jobs.registry import JOBS
from aurapark.jobs.runs import run_job
from aurapark.outbox import OutboxRow, WorkState
from aurapark.platform.doctor_words import FINDS
from aurapark.platform.job_words import JOB_WORDS
from aurapark.reconciliation import rounds
from aurapark.reconciliation.doctor import CHAIN_FINDS, HOURS_FINDS, read_invariants
from tests.accounts import Browser
from tests.factories import Network
from tests.office import WHY, logged, staff_browser
from tests.pages.test_budgets import KILOBYTE, counted
from workers.jobs import takes

WORK = """
    INSERT INTO outbox (kind, dedupe_key, payload, state, attempts, last_error, done_at)
    SELECT :kind, :key || n, CAST(:payload AS jsonb), :state, 3, 'Refused', CASE :state WHEN 'done' THEN now() END
    FROM generate_series(1, :count) AS n RETURNING id
"""
PATHS = ("/admin/jobs", "/admin/jobs/doctor", "/admin/outbox", "/admin/doctor", "/admin/audit")


@pytest.fixture
def admin(app: Flask) -> Browser:
    return english(app, PlatformRole.ADMIN)


def english(app: Flask, role: PlatformRole) -> Browser:
    browser = staff_browser(app, role)[1]
    browser.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return browser


def run(sql: str, **values: object) -> None:
    in_transaction(lambda: db.session.execute(text(sql), values))


def runs(job: str) -> list[JobRun]:
    db.session.rollback()
    return list(db.session.query(JobRun).filter_by(job=job).order_by(JobRun.id))


def work(count: int = 1, *, state: str = "ready", kind: str = "sms", key: str = "7K3QF9:ticket") -> list[int]:
    """So many pieces of work in a state; returns their numbers."""
    values = {"kind": kind, "key": key, "state": state, "count": count, "payload": '{"to": "+237671234516"}'}
    return list(in_transaction(lambda: db.session.scalars(text(WORK), values).all()))


def test_every_job_and_its_runs_are_shown(app: Flask, settings: Settings, admin: Browser) -> None:
    run_job("forget-runs", settings, Source.COMMAND)
    run("UPDATE job_run SET processed = 7")
    page = admin.get("/admin/jobs").text
    assert all(f'href="/admin/jobs/{job.name}"' in page for job in JOBS)
    assert "7 rows" in page
    run("INSERT INTO job_run (job, source, started_at, finished_at, processed, error)"
        " SELECT 'doctor', 'sweeper', now() - n * interval '1 min', now(), n % 2, CASE n WHEN 3 THEN 'Broken' END"
        " FROM generate_series(1, 50) AS n")  # fmt: skip
    first = admin.get("/admin/jobs/doctor")
    assert first.text.count('<th scope="row">') == 40
    assert "after=" in first.text
    assert admin.get("/admin/jobs/doctor?outcome=failed").text.count('<th scope="row">') == 1
    assert admin.get("/admin/jobs/doctor?outcome=did").text.count('<th scope="row">') == 25
    for wrong in ("outcome=x", "after=x", "after=12", "outcome=did&outcome=failed"):
        assert admin.get(f"/admin/jobs/doctor?{wrong}").status_code == 422, wrong
    assert admin.get("/admin/jobs/nothing").status_code == 404


def test_an_admin_has_a_job_run_and_everybody_one_that_failed(app: Flask, admin: Browser) -> None:
    support = english(app, PlatformRole.SUPPORT)
    assert support.send("/admin/jobs/forget-runs/run").status_code == 403
    assert support.send("/admin/jobs/forget-runs/retry").status_code == 409  # it never failed
    answer = admin.send("/admin/jobs/forget-runs/run")
    assert answer.headers["Location"] == "/admin/jobs/forget-runs?done=ran"  # no worker gives a sign of life
    [found] = runs("forget-runs")
    assert (found.source, found.processed, found.error) == (Source.DESK, 0, None)
    assert found.tick is not None
    assert logged("job.run")[0].entity_id == "forget-runs"
    assert "by somebody on this page" in admin.get("/admin/jobs/forget-runs").text
    run("UPDATE job_run SET error = 'Broken', tick = tick - interval '1 h'")
    assert "Run it again" in support.get("/admin/jobs/forget-runs").text
    assert support.send("/admin/jobs/forget-runs/retry").status_code == 303
    assert [one.error for one in runs("forget-runs")] == ["Broken", None]
    assert (
        admin.send("/admin/jobs/nothing/run").status_code == admin.send("/admin/jobs/nothing/retry").status_code == 404
    )


def test_where_a_worker_lives_it_is_asked(admin: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr("aurapark.platform.job_routes.wake", lambda *said: asked.append(said) or True)
    in_transaction(lambda: heartbeat.beat("worker"))
    assert admin.send("/admin/jobs/doctor/run").headers["Location"] == "/admin/jobs/doctor?done=asked"
    [(name, *ids)] = asked
    assert (name, ids[1]) == ("doctor", "desk")
    assert takes(name, ids)
    assert not takes(name, [])
    assert not takes(name, [ids[0], "scheduler"])
    assert not takes(name, ["desk", ids[0]])
    assert runs("doctor") == []


def test_a_run_that_fails_is_on_record_and_no_error_page(admin: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "examine_within", lambda _connection: 1 / 0)
    assert admin.send("/admin/jobs/doctor/run").status_code == 303
    assert runs("doctor")[0].error == "ZeroDivisionError"
    assert "ZeroDivisionError" in admin.get("/admin/jobs/doctor").text


def test_the_outbox_is_narrowed_paged_and_taken_as_a_file(admin: Browser) -> None:
    work(45, key="7K3QF9:a")
    work(state="dead", kind="mail", key="=cmd:")
    work(state="done", key="ABCDEF:")
    rows = '<a href="/admin/outbox/'
    first = admin.get("/admin/outbox")
    assert first.text.count(rows) == 40
    for query, count in (
        ("state=dead", 1),
        ("state=done", 1),
        ("state=all&key=ABC", 1),
        ("key=ABC", 0),
        ("kind=mail", 1),
        ("key=7K3QF9:a4", 7),
        ("key=%25", 0),
        ("until=2021-01-01", 0),
        ("since=2099-01-01", 0),
    ):
        assert admin.get(f"/admin/outbox?{query}").text.count(rows) == count, query
    for wrong in ("state=x", "kind=fax", "since=yesterday", "until=9999-12-31", "after=x", "key=" + "x" * 99):
        assert admin.get(f"/admin/outbox?{wrong}").status_code == 422, wrong
        assert admin.get(f"/admin/outbox.csv?{wrong}").status_code == 422, wrong
    lines = admin.get("/admin/outbox.csv?state=all", buffered=True).data.decode("utf-8-sig")
    table = list(csv.reader(io.StringIO(lines, newline="")))
    assert len(table) == 48
    assert {row[2] for row in table if "cmd" in row[2]} == {"'=cmd:1"}
    sheet = openpyxl.load_workbook(io.BytesIO(admin.get("/admin/outbox.xlsx?state=dead", buffered=True).data)).active
    assert sheet is not None
    assert [cell.value for cell in sheet[2]][1:5] == ["mail", "=cmd:1", "dead", 3]
    assert sheet["C2"].data_type == "s"


def test_work_given_up_is_tried_again_or_dismissed_with_a_reason(app: Flask, admin: Browser) -> None:
    support = english(app, PlatformRole.SUPPORT)
    first, second = work(2, state="dead")
    page = support.get(f"/admin/outbox/{first}").text
    assert "+237671234516" not in page
    assert "+2376••••516" in page
    assert "Try again" in page
    assert "Dismiss" not in page
    assert support.send(f"/admin/outbox/{first}/retry", {"reason": ""}).status_code == 422
    assert support.send(f"/admin/outbox/{first}/dismiss", {"reason": WHY}).status_code == 403
    assert support.send(f"/admin/outbox/{first}/retry", {"reason": WHY}).status_code == 303
    assert admin.send(f"/admin/outbox/{second}/dismiss", {"reason": WHY}).status_code == 303
    db.session.rollback()
    states = {row.id: (row.state, row.attempts) for row in db.session.query(OutboxRow)}
    assert states == {first: (WorkState.READY, 0), second: (WorkState.DONE, 3)}
    assert [(one.entity_id, one.reason) for one in (*logged("outbox_retried"), *logged("outbox_dismissed"))] == [
        (str(first), WHY),
        (str(second), WHY),
    ]
    assert admin.send(f"/admin/outbox/{first}/retry", {"reason": WHY}).status_code == 409
    assert WHY in admin.get(f"/admin/outbox/{second}").text
    for missing in (999999, 10**30):
        assert admin.get(f"/admin/outbox/{missing}").status_code == 404


def test_doctor_says_what_is_wrong_since_when(network: Network, settings: Settings, admin: Browser) -> None:
    assert "No round has ended yet" in admin.get("/admin/doctor").text
    rounds.go_round(settings)
    assert "Everything was right" in admin.get("/admin/doctor").text
    run("UPDATE doctor_report SET next_at = now()")
    run("UPDATE doctor_verdict SET clean_at = now() - interval '2 h'")
    work()
    run("UPDATE outbox SET next_at = now() - interval '1 h'")
    rounds.go_round(settings)
    page = admin.get("/admin/doctor").text
    assert "1 thing is not right" in page
    assert "work due for 5 minutes without a live lease" in page
    since = "SELECT since, clean_at FROM doctor_verdict WHERE id = 'I18'"
    db.session.rollback()
    began, clean = db.session.execute(text(since)).one()
    assert clean < began
    run("UPDATE doctor_report SET next_at = now()")
    rounds.go_round(settings)
    db.session.rollback()
    assert db.session.execute(text(since)).one() == (began, clean)  # it goes on since the same moment
    run("DELETE FROM outbox")
    run("UPDATE doctor_report SET next_at = now()")
    rounds.go_round(settings)
    db.session.rollback()
    assert db.session.execute(text(since)).one()[0] is None
    assert "Everything was right" in admin.get("/admin/doctor").text


def test_doctor_and_the_log_show_the_chain_and_who_lives(app: Flask, admin: Browser) -> None:
    admin.send("/admin/jobs/forget-runs/run")
    in_transaction(lambda: heartbeat.beat("sweeper"))
    in_transaction(lambda: seal(100))
    run("INSERT INTO audit_entry (actor, action, entity, entity_id) VALUES ('a', 'b', 'c', 'd')")
    head = db.session.scalar(text("SELECT hash FROM audit_chain"))
    for path in ("/admin/doctor", "/admin/audit"):
        page = admin.get(path).text.replace("<wbr>", "")
        assert head in page
        assert "<dt>Not sealed yet</dt><dd>1</dd>" in page
    assert admin.get("/admin/doctor").text.count(">alive<") == 1


def test_every_job_and_invariant_has_words() -> None:
    assert {job.name for job in JOBS} <= set(JOB_WORDS)
    assert {one.finds for one in read_invariants()} | {CHAIN_FINDS, HOURS_FINDS} <= set(FINDS)


def test_pages_of_work_are_light(app: Flask, settings: Settings, admin: Browser) -> None:
    work(60, key="a-rather-long-key-of-some-piece-of-work:")
    rounds.go_round(settings)
    [dead] = work(state="dead", key="dead:")
    run("INSERT INTO job_run (job, source) SELECT 'doctor', 'sweeper' FROM generate_series(1, 60)")
    for path in (*PATHS, f"/admin/outbox/{dead}"):
        with counted(app) as statements:
            page = admin.get(path, headers={"Accept-Encoding": "gzip"})
        assert page.status_code == 200
        assert len(statements) <= 8, statements
        assert len(page.data) <= 25 * KILOBYTE, path


def test_everybody_of_the_platform_reads(app: Flask) -> None:
    for role in PlatformRole:
        browser = staff_browser(app, role)[1]
        assert {browser.get(path).status_code for path in PATHS} == {200}


def test_one_press_a_second_is_one_run(app: Flask, settings: Settings) -> None:
    now = db.session.scalar(func.now())
    db.session.rollback()
    for _ in range(2):
        run_job("forget-runs", settings, Source.DESK, tick=now)
    assert len(runs("forget-runs")) == 1
