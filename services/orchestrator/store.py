"""What must outlive the orchestrator: jobs, attempts, chunks and results, in one SQLite file with one writer.

The schema stands here and nowhere else. Every change is on disk before anyone hears of it (WAL, synchronous=FULL).
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from backbus.errors import StackError
from backbus.renamed import job_of_before
from backbus.services.orchestrator.submission import same_family
from backbus.services.orchestrator.sweeps.events import BestPoint, RecordChunk, RecordPoints

SCHEMA = (
    """
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE jobs (
    id          TEXT PRIMARY KEY,
    submission  TEXT NOT NULL UNIQUE,
    name        TEXT NOT NULL,
    key         TEXT NOT NULL,
    job         TEXT NOT NULL,
    data        TEXT NOT NULL,
    strategy    TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    cached      INTEGER NOT NULL DEFAULT 0,
    error       TEXT,
    traceback   TEXT,
    report      TEXT,
    artifacts   TEXT,
    created_at  REAL NOT NULL,
    ended_at    REAL
);
CREATE INDEX jobs_by_key ON jobs (key, state);
CREATE INDEX jobs_by_time ON jobs (created_at);
CREATE TABLE attempts (
    job         TEXT NOT NULL REFERENCES jobs (id),
    number      INTEGER NOT NULL,
    started_at  REAL NOT NULL,
    ended_at    REAL,
    reason      TEXT,
    PRIMARY KEY (job, number)
) WITHOUT ROWID;
""",
    """
CREATE TABLE chunks (
    job         TEXT NOT NULL REFERENCES jobs (id),
    first       INTEGER NOT NULL,
    stop        INTEGER NOT NULL CHECK (stop > first),
    seconds     REAL NOT NULL,
    failed      INTEGER NOT NULL,
    best_score  REAL,
    best_point  INTEGER,
    result      BLOB NOT NULL,
    PRIMARY KEY (job, first)
);
ALTER TABLE jobs ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;
""",
    """
CREATE TABLE rounds (
    job         TEXT NOT NULL REFERENCES jobs (id),
    first       INTEGER NOT NULL,
    stop        INTEGER NOT NULL CHECK (stop > first),
    points      BLOB NOT NULL,
    PRIMARY KEY (job, first)
);
ALTER TABLE jobs ADD COLUMN points INTEGER;
ALTER TABLE jobs ADD COLUMN family TEXT NOT NULL DEFAULT '';
CREATE INDEX jobs_by_family ON jobs (family);
""",
    """
ALTER TABLE jobs ADD COLUMN mispredicted INTEGER NOT NULL DEFAULT 0;
""",
    """
ALTER TABLE jobs ADD COLUMN again INTEGER NOT NULL DEFAULT 1;
""",
)
"""What each version adds to the one before it; a file of any of them is brought to the last one."""
ENDED = ("done", "failed", "cancelled")
PAGE_BYTES = 1 << 15
"""Of a new file. A chunk has megabytes: in pages of 4 KiB it took three times the processor time."""


class KeptChunk(NamedTuple):
    """A chunk whose result is kept."""

    first: int
    stop: int
    failed: int
    best: BestPoint | None


_KIND = (
    "CASE WHEN points IS NULL THEN 'run' "
    + "".join(
        f"WHEN json_extract(job, '$.sweep.{kind}') IS NOT NULL THEN '{kind}' "
        for kind in ("walk_forward", "cpcv", "monte_carlo")
    )
    + "ELSE 'sweep' END AS kind"
)
"""What kind of job a row is."""


def _figure(name: str) -> str:
    """A figure of a run, of a sweep's best point, or of joined test ranges."""
    places = (f"json_extract(report, '$.{place}.{name}')" for place in ("metrics", "best.metrics", "figures"))
    return f"COALESCE({', '.join(places)}) AS {name}"


class Store:
    """The jobs of one orchestrator."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA foreign_keys = ON")
        found = self._db.execute("PRAGMA user_version").fetchone()[0]
        if found > len(SCHEMA):
            self._db.close()
            raise StackError(
                f"{path} was written by a newer backbus (schema {found}, this one knows {len(SCHEMA)}); "
                "update backbus, or start with another state folder"
            )
        for version, script in enumerate(SCHEMA[found:], found + 1):
            self._db.executescript(f"BEGIN; {script} PRAGMA user_version = {version}; COMMIT;")

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def begin_epoch(self) -> int:
        """Count this start of the orchestrator; attempts that were running when the last one ended are over."""
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("INSERT INTO meta VALUES ('epoch', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1")
            self._db.execute(
                "UPDATE attempts SET ended_at = ?, reason = 'the orchestrator was restarted' WHERE ended_at IS NULL",
                (time.time(),),
            )
            self._db.execute("UPDATE jobs SET state = 'queued' WHERE state = 'running'")
            return int(self._db.execute("SELECT value FROM meta WHERE name = 'epoch'").fetchone()[0])

    def unfinished(self) -> list[dict[str, Any]]:
        """Queued jobs in the order of their submission, each with its attempts."""
        rows = self._db.execute("SELECT id FROM jobs WHERE state = 'queued' ORDER BY created_at, rowid").fetchall()
        return [job for row in rows if (job := self.job(row["id"])) is not None]

    def by_submission(self, submission: str) -> dict[str, Any] | None:
        """The job that a submission became, if it was accepted before."""
        row = self._db.execute("SELECT * FROM jobs WHERE submission = ?", (submission,)).fetchone()
        return None if row is None else _job(row)

    def done_with_key(self, key: str) -> dict[str, Any] | None:
        """A finished job with the same key: the answer to the same question, unless it is to answer nothing again."""
        row = self._db.execute(
            "SELECT * FROM jobs WHERE key = ? AND state = 'done' AND cached = 0 AND again = 1 "
            "ORDER BY ended_at DESC LIMIT 1",
            (key,),
        ).fetchone()
        return None if row is None else _job(row)

    def add(  # noqa: PLR0913  (the columns of a row, by their names)
        self,
        *,
        job_id: str,
        submission: str,
        name: str,
        key: str,
        job: dict[str, Any],
        data: dict[str, str],
        strategy: dict[str, str],
        answer: dict[str, Any] | None,
        points: int | None = None,
        family: str = "",
    ) -> None:
        """Keep an accepted job; with ``answer``, a done job's row, it is done at once and marked cached.

        ``points`` is how many a sweep has, 0 where nobody has counted them; ``family`` is what trials of one strategy
        on one set of data have in common.
        """
        now = time.time()
        with self._db:
            self._db.execute(
                "INSERT INTO jobs (id, submission, name, key, job, data, strategy, state, cached, report, artifacts, "
                "created_at, ended_at, points, family) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    job_id,
                    submission,
                    name,
                    key,
                    json.dumps(job),
                    json.dumps(data),
                    json.dumps(strategy),
                    "queued" if answer is None else "done",
                    0 if answer is None else 1,
                    None if answer is None else json.dumps(answer["report"]),
                    None if answer is None else json.dumps(answer["artifacts"]),
                    now,
                    None if answer is None else now,
                    points,
                    family,
                ),
            )

    def job(self, job_id: str) -> dict[str, Any] | None:
        """A job with its attempts."""
        row = self._db.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone()
        if row is None:
            return None
        attempts = self._db.execute("SELECT * FROM attempts WHERE job = ? ORDER BY number", (job_id,))
        return _job(row) | {"attempts": [{k: a[k] for k in a.keys() if k != "job"} for a in attempts]}  # noqa: SIM118

    def find(self, prefix: str) -> list[str]:
        """Ids of the jobs whose id begins so."""
        pattern = prefix.replace("\\", "").replace("%", "").replace("_", "") + "%"
        return [row[0] for row in self._db.execute("SELECT id FROM jobs WHERE id LIKE ? LIMIT 10", (pattern,))]

    def latest(self, limit: int) -> list[dict[str, Any]]:
        """The newest jobs, without their inputs and results but for what kind each is and its first figures."""
        rows = self._db.execute(
            "SELECT id, name, state, cached, paused, points, error, created_at, ended_at, "
            f"{_KIND}, {_figure('total_return')}, {_figure('sharpe')}, "
            "(SELECT COUNT(*) FROM attempts a WHERE a.job = j.id) AS attempts "
            "FROM jobs j ORDER BY created_at DESC, rowid DESC LIMIT ?",
            (limit,),
        )
        return [dict(row) | {name: bool(row[name]) for name in ("cached", "paused")} for row in rows]

    def counts(self) -> dict[str, int]:
        """How many jobs are in each state."""
        found = dict(self._db.execute("SELECT state, COUNT(*) FROM jobs GROUP BY state").fetchall())
        return {state: found.get(state, 0) for state in ("queued", "running", *ENDED)}

    def begin_attempt(self, job_id: str, number: int) -> None:
        """An attempt begins; its number will never be used again."""
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("INSERT INTO attempts VALUES (?, ?, ?, NULL, NULL)", (job_id, number, time.time()))
            self._db.execute("UPDATE jobs SET state = 'running' WHERE id = ?", (job_id,))

    def end_attempt(self, job_id: str, number: int, reason: str, *, mispredicted: bool = False) -> None:
        """An attempt is over without a result; the job waits. ``mispredicted``: for one in which nobody predicts."""
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute(
                "UPDATE attempts SET ended_at = ?, reason = ? WHERE job = ? AND number = ? AND ended_at IS NULL",
                (time.time(), reason, job_id, number),
            )
            self._db.execute(
                "UPDATE jobs SET state = 'queued', mispredicted = max(mispredicted, ?) "
                "WHERE id = ? AND state = 'running'",
                (int(mispredicted), job_id),
            )

    def commit(
        self, job_id: str, number: int, report: dict[str, Any], artifacts: dict[str, str], *, again: bool = True
    ) -> None:
        """The job is done, once: a second result of the same job changes nothing. ``again``: and answers the same
        job whenever it comes."""
        now = time.time()
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("UPDATE attempts SET ended_at = ? WHERE job = ? AND number = ?", (now, job_id, number))
            self._db.execute(
                "UPDATE jobs SET state = 'done', report = ?, artifacts = ?, ended_at = ?, again = ? "
                "WHERE id = ? AND state = 'running'",
                (json.dumps(report), json.dumps(artifacts), now, int(again), job_id),
            )

    def begin_sweep(self, job_id: str) -> None:
        """A sweep's first points are leased."""
        with self._db:
            self._db.execute("UPDATE jobs SET state = 'running' WHERE id = ? AND state = 'queued'", (job_id,))

    def size(self, job_id: str, points: int) -> None:
        """How many points a sweep has."""
        with self._db:
            self._db.execute("UPDATE jobs SET points = ? WHERE id = ?", (points, job_id))

    def end_sweep(self, job_id: str, report: dict[str, Any], artifacts: dict[str, str]) -> None:
        """The sweep is done, once."""
        with self._db:
            self._db.execute(
                "UPDATE jobs SET state = 'done', report = ?, artifacts = ?, ended_at = ? "
                "WHERE id = ? AND state IN ('queued', 'running')",
                (json.dumps(report), json.dumps(artifacts), time.time(), job_id),
            )

    def keep(self, results: Iterable[RecordChunk | RecordPoints]) -> None:
        """Keep chunks' results and values of points, all or none; ``StackError`` where a point has one already."""
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            for result in results:
                self._keep(result)

    def _keep(self, result: RecordChunk | RecordPoints) -> None:
        table, named = ("chunks", "a result") if isinstance(result, RecordChunk) else ("rounds", "values")
        # What is kept does not overlap, so of all that begins before this ends the last one reaches furthest.
        before = self._db.execute(
            f"SELECT first, stop FROM {table} WHERE job = ? AND first < ? ORDER BY first DESC LIMIT 1",
            (result.job, result.stop),
        ).fetchone()
        if before is not None and before["stop"] > result.first:
            raise StackError(f"points {before['first']} to {before['stop']} of {result.job} have {named} already")
        columns: tuple[Any, ...]
        if isinstance(result, RecordChunk):
            best = result.best
            score, point = (None, None) if best is None else (best.score, best.point)
            columns = (result.seconds, result.failed, score, point, result.result)
        else:
            columns = (result.values,)
        row = (result.job, result.first, result.stop, *columns)
        self._db.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)

    def chunks(self, job_id: str) -> list[KeptChunk]:
        """What is recorded of a sweep, in the order of its points, without the results."""
        rows = self._db.execute(
            "SELECT first, stop, failed, best_score, best_point FROM chunks WHERE job = ? ORDER BY first", (job_id,)
        )
        return [
            KeptChunk(first, stop, failed, None if point is None else BestPoint(score, point))
            for first, stop, failed, score, point in rows
        ]

    def results(self, job_id: str, first: int, most_bytes: int) -> list[tuple[int, int, bytes]]:
        """The chunks from the one that begins at ``first`` on: first and last point and result, at least one."""
        found: list[tuple[int, int, bytes]] = []
        size = 0
        for begin, stop, result in self._db.execute(
            "SELECT first, stop, result FROM chunks WHERE job = ? AND first >= ? ORDER BY first", (job_id, first)
        ):
            size += len(result)
            if found and size > most_bytes:
                break
            found.append((begin, stop, bytes(result)))
        return found

    def rounds(self, job_id: str, first: int = 0) -> list[tuple[int, int, bytes]]:
        """First and last point and values of each round that ends behind ``first``."""
        rows = self._db.execute(
            "SELECT first, stop, points FROM rounds WHERE job = ? AND stop > ? ORDER BY first", (job_id, first)
        )
        return [(begin, stop, bytes(points)) for begin, stop, points in rows]

    def trials(self, family: str) -> tuple[int, str]:
        """Points that were computed and runs that were done of a family, and the date of its first job; the same job
        counts once."""
        families = [str(name) for (name,) in self._db.execute("SELECT DISTINCT family FROM jobs")]
        same = json.dumps([name for name in families if same_family(name, family)])
        of = "IN (SELECT value FROM json_each(?1))"
        points, runs, since = self._db.execute(
            "SELECT (SELECT COALESCE(SUM(most), 0) FROM (SELECT MAX(n) AS most FROM (SELECT j.key AS key, "
            f"SUM(c.stop - c.first) AS n FROM jobs j JOIN chunks c ON c.job = j.id WHERE j.family {of} GROUP BY j.id) "
            f"GROUP BY key)), (SELECT COUNT(DISTINCT key) FROM jobs WHERE family {of} AND points IS NULL "
            f"AND state = 'done'), (SELECT date(MIN(created_at), 'unixepoch') FROM jobs WHERE family {of})",
            (same,),
        ).fetchone()
        return int(points) + int(runs), str(since or "")

    def pause(self, job_id: str, paused: bool) -> None:
        """Whether nothing more of a sweep is leased outlives the orchestrator."""
        with self._db:
            self._db.execute("UPDATE jobs SET paused = ? WHERE id = ?", (int(paused), job_id))

    def fail(self, job_id: str, message: str, traceback: str | None) -> None:
        """The job is over without a result."""
        self._end(job_id, "failed", message, traceback)

    def cancel(self, job_id: str) -> None:
        """The job was cancelled."""
        self._end(job_id, "cancelled", "cancelled", None)

    def _end(self, job_id: str, state: str, message: str, traceback: str | None) -> None:
        with self._db:
            self._db.execute(
                "UPDATE jobs SET state = ?, error = ?, traceback = ?, ended_at = ? "
                "WHERE id = ? AND state IN ('queued', 'running')",
                (state, message, traceback, time.time(), job_id),
            )


def _job(row: sqlite3.Row) -> dict[str, Any]:
    job = dict(row)
    for name in ("job", "data", "strategy", "report", "artifacts"):
        job[name] = None if job[name] is None else json.loads(job[name])
    job["job"] = job_of_before(job["job"])
    job["cached"] = bool(job["cached"])
    job["paused"] = bool(job["paused"])
    job["mispredicted"] = bool(job["mispredicted"])
    return job
