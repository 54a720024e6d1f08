"""What the version before has written, byte by byte: its store and its datasets are read, and lose nothing."""

from __future__ import annotations

import base64
import json
import sqlite3
import zlib
from pathlib import Path
from typing import Any

from backbus.data import Catalog, read_panel
from backbus.job.job import Job
from backbus.services.orchestrator.store import Store

STORE = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE jobs (
    id TEXT PRIMARY KEY, submission TEXT NOT NULL UNIQUE, name TEXT NOT NULL, key TEXT NOT NULL, job TEXT NOT NULL,
    data TEXT NOT NULL, strategy TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    cached INTEGER NOT NULL DEFAULT 0, error TEXT, traceback TEXT, report TEXT, artifacts TEXT,
    created_at REAL NOT NULL, ended_at REAL, paused INTEGER NOT NULL DEFAULT 0, points INTEGER,
    family TEXT NOT NULL DEFAULT ''
);
CREATE INDEX jobs_by_key ON jobs (key, state);
CREATE INDEX jobs_by_time ON jobs (created_at);
CREATE INDEX jobs_by_family ON jobs (family);
CREATE TABLE attempts (
    job TEXT NOT NULL REFERENCES jobs (id), number INTEGER NOT NULL, started_at REAL NOT NULL, ended_at REAL,
    reason TEXT, PRIMARY KEY (job, number)
) WITHOUT ROWID;
CREATE TABLE chunks (
    job TEXT NOT NULL REFERENCES jobs (id), first INTEGER NOT NULL, stop INTEGER NOT NULL CHECK (stop > first),
    seconds REAL NOT NULL, failed INTEGER NOT NULL, best_score REAL, best_point INTEGER, result BLOB NOT NULL,
    PRIMARY KEY (job, first)
);
CREATE TABLE rounds (
    job TEXT NOT NULL REFERENCES jobs (id), first INTEGER NOT NULL, stop INTEGER NOT NULL CHECK (stop > first),
    points BLOB NOT NULL, PRIMARY KEY (job, first)
);
PRAGMA user_version = 3;
"""
EXECUTION = {"fill": "open", "path": "worst", "trail_by": "extremes", "slippage": {"model": "none"}}
JOB = {"name": "old", "strategy": {"use": "SmaCross"}, "execution": EXECUTION, "sweep": None}
ARTIFACTS = {"ends.parquet": "a" * 64, "bookings.parquet": "b" * 64, "report.json": "c" * 64}
NOTE = {
    "version": 1, "name": "two", "hash": "32405920103ac4e00dc63ac74c4302f71cf1798b4d21af9926b0ffd7bb9ee673",
    "bytes": 2538, "rows": 2, "assets": 1, "symbols": ["A"], "columns": [], "interval_ns": 86400000000000,
    "first": "2024-01-02", "last": "2024-01-03", "sources": {"A.csv": 85}, "settings": {"calendar": "XNYS"},
    "notes": [], "findings": [],
}  # fmt: skip
PANEL = (
    "c-rk&Pixdb6n~rDrlF(~u(Un&5TZyAMOG0J=^=X&5vx)UTB>MvJJ`_4AClcIDndVi7d?mv52COqKY$;gAHb{N(Ss)s{Q$=IW+vS+n%aXGVIR"
    "EAy!U?d%goDrOgii9H}9MSC{WTSfCD5mZ~{!20t;s-jn<*x#%D|Uzlb@8QOR%NlVTRmKd9In)TiE%WqFvy-evdvitFW%qi(`;v^KqtcON~wK"
    "^6^CbhOb3<37uV0e=t^<kH0p?Xh6Em+(O(LYuU-A4cp+5;L^p0p|n=IE%M}3_af68ymMh^mT(QA0y(V&m_S!I@K&{H|Xtj2l?4Fh#5zF8g<1"
    "0_=bnuLv>O2(YK|}1wV=cPwvd&bV<v@BC3fxq+K$ASBN8jTjHCJ!UzsEhJ6;%{H4GcaPJ82DbyZMa-@a>#r^yk+}{=VM~!<?<0czFKk#H1t`"
    "(B^>oIt*6q45|>i10Z?eNhy;YW(wFaFN`PH}UM+ts+s_arHcDeD$mri#7Q_?Q03Pk2+{=^dXW-l*<}>L6!1RWIxd3^aV8KA98ir$yyEsz2m<"
    "{e6^EtVYor7NRZb791qhcUKLWe-M2%uR6~b%+PF!{iIOJ4BGZ#4_<G`o;6@BC!t=P%2?-jEAcwJ#J4N)I=jUCm3W<9;%`;rb#{q=Sc%u!dLH"
    "ab9^pT<!TtOqdOunKclnfYFj}zJq<eNv2c7nR9nYw7S&g25G;TwUA+>Q)=F!F~Hbvz+vUagbSBX{Y*}bOvUTWj%ZxuSZV<vaZ<c|4Qcg$-Hc"
    "Ems4PZ$wb@&"
)
"""A panel file of two days, compressed."""


def test_jobs_of_a_store_of_before_are_there_and_those_that_wait_can_run(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "file")
    database.executescript(STORE)

    def insert(job: str, state: str, **more: Any) -> None:
        row = {
            "id": job, "submission": f"of {job}", "name": "old", "key": "key", "job": json.dumps(JOB), "data": "{}",
            "strategy": "{}", "state": state, "created_at": 1.0, **more,
        }  # fmt: skip
        names = ", ".join(row)
        database.execute(f"INSERT INTO jobs ({names}) VALUES ({', '.join('?' * len(row))})", tuple(row.values()))

    insert("waiting", "queued")
    insert("interrupted", "running", created_at=2.0)
    report = json.dumps({"fingerprint": "0f"})
    insert("finished", "done", report=report, artifacts=json.dumps(ARTIFACTS), ended_at=3.0)
    database.execute("INSERT INTO attempts VALUES ('interrupted', 1, 2.0, NULL, NULL)")
    database.execute("INSERT INTO meta VALUES ('epoch', 6)")
    database.commit()
    database.close()

    store = Store(tmp_path / "file")
    assert store.begin_epoch() == 7
    waiting = store.unfinished()
    assert [row["id"] for row in waiting] == ["waiting", "interrupted"]
    assert [Job.parse(row["job"]).execution.trail_by for row in waiting] == ["high_low", "high_low"]
    finished = store.job("finished")
    assert finished is not None
    assert (finished["state"], finished["report"]) == ("done", {"fingerprint": "0f"})
    assert finished["artifacts"] == ARTIFACTS
    assert store.counts() == {"queued": 2, "running": 0, "done": 1, "failed": 0, "cancelled": 0}
    store.close()


def test_a_dataset_of_before_is_read_with_all_that_is_known_of_it(tmp_path: Path) -> None:
    (tmp_path / "names").mkdir()
    (tmp_path / "objects").mkdir()
    (tmp_path / "names" / "two.json").write_text(json.dumps(NOTE))
    (tmp_path / "objects" / f"{NOTE['hash']}.arrow").write_bytes(zlib.decompress(base64.b85decode(PANEL)))
    catalog = Catalog(tmp_path)
    assert catalog.names() == ["two"]
    assert catalog.about("two") == NOTE
    assert catalog.calendar("two") == "XNYS"
    assert catalog.check("two") == []
    panel = read_panel(catalog.path("two"))
    assert panel.symbols == ("A",)
    assert panel.block.close.tolist() == [[10.0], [11.0]]
    assert panel.block.volume.tolist() == [[100.0], [200.0]]
