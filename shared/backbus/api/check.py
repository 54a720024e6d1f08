"""``check``: whether a strategy looks ahead, for a job or a strategy in this process.

A job's strategy, parameters, data and portfolio are used; where neither the job nor the caller has prices, a market
is made up, the same one every time.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from backbus.api.arguments import AnyJob, class_of, job_of
from backbus.api.compiling import say_when_compiling
from backbus.engine.inputs import complete, load_inputs
from backbus.job.job import Job
from backbus.kinds import WHOLE, ArgumentKind, takes

if TYPE_CHECKING:
    from backbus.strategy import Strategy
    from backbus.strategy.finding import Checked


@takes(rows=ArgumentKind("a whole number of 1 or more", lambda one: WHOLE.fits(one) and one >= 1))
def check(
    job: AnyJob | None = None,
    data: Any = None,
    *,
    strategy: Strategy | type[Strategy] | None = None,
    thorough: bool = False,
    rows: int | None = None,
) -> Checked:
    """Run a strategy on truncated and altered futures, at several block sizes, and twice.

    ``job``, ``data`` and ``strategy`` are those of ``run``; either a job or a strategy must be there. At most ``rows``
    traded rows are tried. Raises JobError, DataError or StrategyError; what it finds is ``.finding`` of the answer.
    """
    from backbus.engine.check import PLAIN_JOB, check_strategy
    from backbus.engine.check_models import check_models
    from backbus.errors import UsageError
    from backbus.models.loading import files_of_job, with_functions
    from backbus.strategy import make_strategy
    from backbus.strategy.futures import PER_SESSION, SYNTHETIC_ASSETS, synthetic_panel
    from backbus.strategy.look_ahead import THOROUGH, USUAL, Voice

    say_when_compiling()
    if job is None:
        if strategy is None:
            raise UsageError("check needs a job or a strategy")
        job = PLAIN_JOB
    else:
        job = job_of(job, None, strategy)
    if isinstance(strategy, type):
        strategy = make_strategy(class_of(strategy), {} if job is PLAIN_JOB else job.strategy.params)
    job = complete(job)
    handed = strategy
    synthetic = data is None and job.simulator is None and not job.data.named
    job, opened, strategy = load_inputs(job, synthetic_panel() if synthetic else data, strategy)
    effort = THOROUGH if thorough else USUAL
    if rows is not None:
        effort = replace(effort, rows=rows, event_cells=rows * opened.panel.layout.assets)
    voice = Voice()
    found = check_strategy(strategy, opened.panel, job=job, effort=effort, voice=voice)
    checked = replace(found, synthetic=synthetic)
    if any(job.own_models()):

        def anew() -> Job:
            return with_functions(job, files_of_job(job, handed), handed)

        with voice.turn():
            models = check_models(job, opened.panel, strategy, effort.rows, anew)
        checked = replace(checked, models=models)
    if not opened.panel.layout.daily:
        return replace(checked, intraday=checked.rows)
    if not synthetic or not checked.clean:
        return checked
    # What looks ahead within a session shows in rows of minutes alone.
    market = synthetic_panel(assets=SYNTHETIC_ASSETS // 2, per_session=PER_SESSION)
    within = check_strategy(strategy, market, job=job, effort=effort, voice=voice)
    found = checked if within.clean else within
    return replace(found, synthetic=True, intraday=within.rows, models=checked.models)
