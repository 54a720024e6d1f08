"""``backbus simulate``: a market that is made, as files that any run reads; ``simulate fit``: one like history."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from backbus.cli.job_file import job_of
from backbus.cli.options import AsJson, FigureFile, JobFile, OutFolder, Sets
from backbus.cli.output import print_json
from backbus.cli.printed.progress import bar_of
from backbus.cli.printed.tables import Heading, TextTable, print_table

if TYPE_CHECKING:
    from backbus.market.panel import Floats
    from backbus.simulator.fitting import Fit


class _MakesByDefault(TyperGroup):
    """``simulate JOB.toml`` is ``simulate make JOB.toml``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the command's name before arguments that begin with none."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["make", *args]
        return super().parse_args(ctx, args)


def make(
    job: JobFile,
    out: OutFolder,
    sets: Sets = None,
    figure: FigureFile = None,
    as_json: AsJson = False,
) -> None:
    """Write the market of a job's simulator table to CSV files. It tells how a job reads them."""
    from backbus.data import write_csv
    from backbus.engine.inputs import open_inputs
    from backbus.errors import JobError

    with job_of(job, sets or ()) as made:
        if made.simulator is None:
            raise JobError(
                "is missing, and there is no market to simulate: add [simulator], or name another job",
                field="simulator",
                file=str(job),
            )
        if figure is not None:
            from backbus.figures import check_place

            check_place(figure)
        inputs = open_inputs(made)
    source = inputs.source
    with bar_of(made.name, quiet=as_json) as move:
        fields = write_csv(source, out, calendar=made.simulator.calendar, progress=move)
    if figure is not None:
        from backbus.figures import bars_figure, write_figure

        write_figure(bars_figure(inputs.panel, made.name), figure)
    told = {
        "rows": len(source),
        "files": {symbol: str(out / f"{symbol}.csv") for symbol in source.layout.symbols},
        "data": {**fields, "files": str(out / fields["files"])},
        "notes": list(source.notes),
        "figure": None if figure is None else str(figure),
    }
    if as_json:
        print_json(told)
    else:
        sys.stdout.write(_words(told))


def fit(
    job: JobFile,
    models: Annotated[
        list[str] | None, typer.Option("--model", metavar="MODEL", help="Fit this one; all where left out.")
    ] = None,
    symbols: Annotated[
        list[str] | None, typer.Option("--symbol", metavar="SYMBOL", help="Fit this asset; all where left out.")
    ] = None,
    sets: Sets = None,
    figure: FigureFile = None,
    as_json: AsJson = False,
) -> None:
    """Fit models to the closes of a job's data. It prints the simulator table of the best ones."""
    from backbus.cli.output import print_json
    from backbus.engine.inputs import open_inputs
    from backbus.errors import UsageError, no_symbol
    from backbus.simulator import fitting
    from backbus.simulator.clock import bars_in_year

    wanted = models or list(fitting.MODELS)
    unknown = [model for model in wanted if model not in fitting.MODELS]
    if unknown:
        raise UsageError(f"there is no model {unknown[0]!r} to fit; choose from {', '.join(fitting.MODELS)}")
    if figure is not None:
        from backbus.figures import check_place

        check_place(figure)
    with job_of(job, sets or ()) as loaded:
        panel = open_inputs(loaded).panel
    missing = [symbol for symbol in symbols or () if symbol not in panel.symbols]
    if missing:
        raise UsageError(no_symbol(missing[0], panel.symbols))
    chosen = symbols or list(panel.symbols)
    year = bars_in_year(panel)
    found: dict[str, dict[str, Any]] = {}
    with bar_of("fitting", quiet=as_json) as move:
        for place, symbol in enumerate(chosen):
            closes = fitting.closes_of(panel, symbol)
            fits = []
            for number, model in enumerate(wanted):
                fits.append(fitting.fit(closes, model, year))
                if move is not None:
                    move(place * len(wanted) + number + 1, len(chosen) * len(wanted))
            found[symbol] = {"data": fitting.moments_of_closes(closes), "fits": fits}
    best = {symbol: fitting.best_of(each["fits"]).path for symbol, each in found.items()}
    market = fitting.fitted_market(panel, best)
    if loaded.data.calendar is not None:
        market["calendar"] = loaded.data.calendar
    if figure is not None:
        _draw(found, {symbol: fitting.closes_of(panel, symbol) for symbol in found}, year, figure)
    if as_json:
        plain = {
            s: {"data": each["data"], "fits": [one._asdict() for one in each["fits"]]} for s, each in found.items()
        }
        print_json({"fits": plain, "simulator": market, "figure": None if figure is None else str(figure)})
    else:
        for symbol, each in found.items():
            _print_fits(symbol, each["data"], each["fits"], best[symbol]["model"])
        sys.stdout.write(_toml(market) + ("" if figure is None else f"\n# figure: {figure}\n"))


def _draw(found: dict[str, dict[str, Any]], closes: dict[str, Floats], year: float, path: Path) -> None:
    from backbus.figures import fit_figure, write_figure
    from backbus.simulator import fitting

    made: dict[str, dict[str, Floats]] = {}
    for symbol, each in found.items():
        known = ((fit.model, fitting.returns_of_model(fit.path, closes[symbol], year)) for fit in each["fits"])
        made[symbol] = {model: returns for model, returns in known if returns is not None}
    data = {symbol: fitting.returns_of_closes(each) for symbol, each in closes.items()}
    write_figure(fit_figure(data, made, "Models beside the data they were fitted to"), path)


def _print_fits(symbol: str, data: dict[str, float], fits: list[Fit], best: str) -> None:
    names = ("deviation", "skewness", "kurtosis", "autocorrelation_of_squares", "leverage")
    titles = ("BIC", "Deviation", "Skewness", "Kurtosis", "Squares", "Leverage")
    table = TextTable(Heading(symbol, "whole"), *(Heading(title, "number") for title in titles))
    table.add("the data", "", *(f"{data[name]:.3g}" for name in names))
    for one in fits:
        bic = "" if one.bic is None else f"{one.bic:,.0f}"
        told = f"{one.model} *" if one.model == best else one.model
        table.add(told, bic, *(f"{one.moments[name]:.3g}" for name in names))
    print_table(table)


def _toml(market: dict[str, Any]) -> str:
    lines = ["# * the least BIC: as a job has it\n", "[simulator]\n"]
    lines += [f"{name} = {_value(value)}\n" for name, value in market.items() if name not in ("assets", "correlation")]
    if "correlation" in market:
        lines += ["\n[simulator.correlation]\n", f"matrix = {_value(market['correlation']['matrix'])}\n"]
    for asset in market["assets"]:
        lines += ["\n[[simulator.assets]]\n", *(f"{name} = {_value(value)}\n" for name, value in asset.items())]
    return "".join(lines)


def _value(value: Any) -> str:
    """A value in one line of TOML."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {_value(one)}" for name, one in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value)


def _words(told: dict[str, Any]) -> str:
    table = "".join(f"{name} = {_value(value)}\n" for name, value in told["data"].items())
    notes = "".join(f"note: {note}\n" for note in told["notes"])
    figure = f"figure: {told['figure']}\n" if told["figure"] else ""
    return (
        f"{told['rows']} rows of {len(told['files'])} assets; a job reads them by\n\n[data]\n{table}\n{notes}{figure}"
    )


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    group = typer.Typer(cls=_MakesByDefault, help="Make a market: files of it, or one that is like history.")
    group.command()(make)
    group.command()(fit)
    app.add_typer(group, name="simulate")
