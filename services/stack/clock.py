"""`linli clock`: the house on one's own machine can be told that days have passed, to see what is due then."""

import re
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from services.stack.home import Home

__all__ = ["app"]

app = typer.Typer(help="Move the clock of a house on one machine.", no_args_is_help=True)
console = Console(soft_wrap=True, highlight=False)

DataOption = Annotated[Path, typer.Option("--data", envvar="LINLI_DATA", help="The data folder of the house.")]
_SPAN: Final = re.compile(r"(\d{1,4})([smhd])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_FURTHEST_S: Final = 20 * 366 * 86_400
_CANNOT: Final = 2


@app.command()
def forward(
    span: Annotated[str, typer.Argument(help="How far: 90s, 30m, 12h or 40d.")], data: DataOption = Path(".linli")
) -> None:
    """Let time pass. Backward there is no way: what has happened has happened."""
    home = Home(data.resolve())
    found = _SPAN.fullmatch(span)
    by_s = int(found[1]) * _SECONDS[found[2]] if found else 0
    if not home.folder.is_dir() or not 0 < by_s + home.clock_moved_s() <= _FURTHEST_S or not by_s:
        console.print(f"no house in {data}, or {span!r} is no span like 90s, 30m, 12h or 40d", style="red")
        raise typer.Exit(_CANNOT)
    console.print(f"the house is {home.move_clock(by_s) / _SECONDS['d']:.2f} days ahead")


@app.command()
def show(data: DataOption = Path(".linli")) -> None:
    """Show how far ahead the clock is."""
    console.print(f"{Home(data.resolve()).clock_moved_s() / _SECONDS['d']:.2f} days ahead")
