"""The `linli` command. It and what it imports stay small: everything heavy runs as a program of its own."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from services.stack.clock import app as clock
from services.stack.environment import GivenTooLittle, given
from services.stack.home import Home, HomeBusy, PortTaken, new_secrets, project_root
from services.stack.house import House
from services.stack.probing import answers_well
from services.stack.seeding import Wanted, mint_tokens, root_path, run_seeds, seed_tenants, seeds_environment
from services.stack.showing import MEGABYTE, pipe_table, process_table, states
from services.stack.vitals import program_began, tree_memory_bytes
from shared.contracts.asyncapi import asyncapi_document

__all__ = ["app"]

app = typer.Typer(
    help="Linli 邻里: the whole house on one machine.", no_args_is_help=True, pretty_exceptions_enable=False
)
ledger = typer.Typer(help="The ledger's own checks.", no_args_is_help=True)
app.add_typer(ledger, name="ledger")
app.add_typer(clock, name="clock")
console = Console(soft_wrap=True, highlight=False)

DataOption = Annotated[Path, typer.Option("--data", envvar="LINLI_DATA", help="The data folder of the house.")]
UrlOption = Annotated[str | None, typer.Option("--url", envvar="LINLI_URL", help="The gateway of a running house.")]
DEFAULT_DATA = Path(".linli")
_BAD = 1
_CANNOT = 2
_INTERRUPTED = 130
_RESTART_S = 120
_WELL = frozenset({"ready", "running"})
_LOOK_EVERY_S = 0.2


def _say(text: str) -> None:
    console.print(f"[dim]{time.monotonic() - program_began():5.1f} s[/dim]  {text}")


def _refuse(text: object) -> None:
    console.print(str(text), style="red", markup=False)


async def _until_stopped(work: Callable[[House], Awaitable[int]], house: House) -> int:
    """Do some work with a house, until it is done or a signal comes; the house is stopped in any case."""
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    doing = asyncio.ensure_future(work(house))
    stop = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({doing, stop}, return_when=asyncio.FIRST_COMPLETED)
        return doing.result() if doing.done() else _INTERRUPTED
    except (HomeBusy, PortTaken, GivenTooLittle) as refusal:
        _refuse(refusal)
        return _CANNOT
    except (RuntimeError, OSError) as error:
        _refuse(error)
        return _BAD
    finally:
        stop.cancel()
        doing.cancel()
        await asyncio.gather(doing, return_exceptions=True)
        _say("stopping")
        await house.stop()


@app.command()
def up(
    data: DataOption = DEFAULT_DATA,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65_535, help="The gateway's port; by default 8000, or a free one if somebody has it."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=16, help="How many worker processes.")] = 1,
    seed: Annotated[bool, typer.Option(help="Load the packs.")] = True,
    stories: Annotated[bool, typer.Option(help="Tell the stories.")] = True,
) -> None:
    """Start everything, load the packs, tell the stories, and serve until Ctrl-C."""

    async def serve(house: House) -> int:
        _replace_when_asked(house)
        await house.start()
        _show_ready(house)
        environment = await seeds_environment(house.environment, url=house.url, code_log=house.home.code_log)
        for wanted, words in ((seed, ("load", "all")), (seed and stories, ("tell", "all"))):
            if wanted and await run_seeds(environment, *words) != 0:
                _refuse(f"seeds {' '.join(words)}: not everything went as it should; the house keeps serving")
        if seed:
            _say(f"all processes together: {_memory(house)}")
        await _invite(house)
        until_stopped: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        return await until_stopped

    house = House(Home(data.resolve()), gateway_port=port, say=_say, began=program_began(), workers=workers)
    code = asyncio.run(_until_stopped(serve, house))
    raise typer.Exit(0 if code == _INTERRUPTED and house.ready_after_s else code)


def _replace_when_asked(house: House) -> None:
    """Replace all processes at SIGUSR1, which `linli restart` sends."""
    tasks: set[asyncio.Task[None]] = set()

    async def replace() -> None:
        _say("replacing every process")
        try:
            await house.replace_all()
        except (RuntimeError, OSError) as error:
            _refuse(error)

    def begin() -> None:
        if house.ready_after_s and not tasks:
            task = asyncio.create_task(replace())
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, begin)


def _memory(house: House) -> str:
    total, kind = tree_memory_bytes(house.pids().values())
    return f"{total / MEGABYTE:.0f} MB ({kind})"


def _show_ready(house: House) -> None:
    _say(
        f"[green]ready[/green] at [bold]{house.url}[/bold] after {house.ready_after_s:.1f} s; "
        f"all processes together: {_memory(house)}"
    )


async def _invite(house: House) -> None:
    """Print what a newcomer can do next."""
    tenants = seed_tenants()
    roles = [(tenant, role) for tenant in tenants for role in ("administrator", "operator")]
    tokens = await mint_tokens(house.environment, [Wanted(tenant, role, root_path(tenant)) for tenant, role in roles])
    console.print("\nTokens to try it with, good for an hour (more: linli token --help):\n")
    for (tenant, role), token in zip(roles, tokens, strict=True):
        print(f"{role}_{tenant}={token}")
    if tenants:
        bearer = f'-H "Authorization: Bearer $administrator_{tenants[0]}"'
        print(f"\ncurl -s '{house.url}/v1/areas?page_size=3' {bearer}")
        print(f"curl -s '{house.url}/v1/cases?page_size=3' {bearer}")
        print(f"curl -s '{house.url}/v1/funds' {bearer}")
    console.print(f"\n[bold]{house.url}/docs[/bold] shows everything that can be asked. Ctrl-C stops everything.")
    sys.stdout.flush()


@app.command()
def stories(
    name: Annotated[str | None, typer.Argument(help="One story; all by default.")] = None,
    url: UrlOption = None,
    data: Annotated[Path | None, typer.Option("--data", help="Tell them to the house that runs here.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="In a fresh house, even if LINLI_URL names one.")] = False,
) -> None:
    """Tell stories, in a fresh house in a temporary folder by default; ends with an error on any difference."""
    if (url or data) and not fresh:
        raise typer.Exit(asyncio.run(_ask_running("tell", name or "all", url=url, data=data)))
    folder = Path(tempfile.mkdtemp(prefix="linli-"))

    async def tell(house: House) -> int:
        await house.start()
        _show_ready(house)
        environment = await seeds_environment(house.environment, url=house.url, code_log=house.home.code_log)
        return await run_seeds(environment, "tell", name or "all")

    try:
        house = House(Home(folder), any_ports=True, say=_say, outside={}, began=program_began())
        code = asyncio.run(_until_stopped(tell, house))
    finally:
        shutil.rmtree(folder)
    raise typer.Exit(code)


async def _ask_running(*words: str, url: str | None, data: Path | None) -> int:
    """Run the seeds against a house that runs already; with an address, our own environment has to tell the rest."""
    if url:
        environment, code_log = dict(os.environ), None
    else:
        running = _running(data or DEFAULT_DATA)
        url, code_log = str(running["url"]), Home((data or DEFAULT_DATA).resolve()).code_log
        environment = {**os.environ, **running["environment"]}
    try:
        return await run_seeds(await seeds_environment(environment, url=url, code_log=code_log), *words)
    except RuntimeError as error:
        _refuse(error)
        return _CANNOT


def _running(data: Path) -> dict[str, Any]:
    running = Home(data.resolve()).read_run()
    if running is None:
        _refuse(f"no house runs in {data}; start one with: linli up")
        raise typer.Exit(_CANNOT)
    return running


@app.command()
def seed(
    tenant: Annotated[str, typer.Argument(help="One pack; all by default.")] = "all",
    url: UrlOption = None,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Load packs into the running house; loading twice changes nothing."""
    raise typer.Exit(asyncio.run(_ask_running("load", tenant, url=url, data=data)))


@app.command()
def migrate() -> None:
    """Bring the database that LINLI_OWNER_DATABASE_URL names to the newest version; safe to repeat."""
    done = subprocess.run([sys.executable, "-m", "services.stack.migrate"], check=False, cwd=project_root())
    if done.returncode == 0:
        console.print("[green]migrated[/green]")
    raise typer.Exit(done.returncode)


@app.command()
def token(
    tenant: Annotated[str, typer.Option(help="Whose.")],
    role: Annotated[str, typer.Option(help="What its bearer is.")] = "administrator",
    at: Annotated[str | None, typer.Option(help="The path of the area at which; the root by default.")] = None,
    ttl: Annotated[int, typer.Option(min=60, max=86_400, help="For how many seconds.")] = 900,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Print an access token, minted with the directory's signing key."""
    secrets = given()
    if "LINLI_TOKEN_SIGNING_KEY" not in secrets:
        home = Home(data.resolve())
        if not home.folder.is_dir():
            _refuse(f"neither {data} nor LINLI_TOKEN_SIGNING_KEY is there to mint with")
            raise typer.Exit(_CANNOT)
        secrets = home.secrets()
    wanted = Wanted(tenant, role, at or root_path(tenant), ttl)
    try:
        print(asyncio.run(mint_tokens({**os.environ, **secrets}, [wanted]))[0])
    except RuntimeError as error:
        _refuse(error)
        raise typer.Exit(_CANNOT) from error


@app.command()
def status(data: DataOption = DEFAULT_DATA) -> None:
    """Show what runs, how it is, and what is on its way; ends with an error unless everything is ready."""
    running = _running(data)
    found = asyncio.run(states(running["parts"]))
    console.print(process_table(running["parts"], found, title=running["url"]))
    pipe = pipe_table(int(running["parts"]["worker"]["port"]))
    if pipe is not None:
        console.print(pipe)
    total, kind = tree_memory_bytes([int(running["supervisor"])])
    console.print(f"all together {total / MEGABYTE:.0f} MB ({kind}); was ready after {running['ready_after_s']} s")
    raise typer.Exit(0 if set(found.values()) <= _WELL else _BAD)


@app.command()
def restart(data: DataOption = DEFAULT_DATA) -> None:
    """Replace every process of ours, one after the other, while the house keeps serving; ends when all are ready."""
    running = _running(data)
    starts = {name: part["restarts"] for name, part in running["parts"].items() if part["answers"]}
    os.kill(int(running["supervisor"]), signal.SIGUSR1)
    deadline = time.monotonic() + _RESTART_S
    while time.monotonic() < deadline:
        parts = _running(data)["parts"]
        waiting = [name for name, before in starts.items() if parts[name]["restarts"] == before]
        # The worker has no door that waits for it: it is new at once, and ready a moment later.
        waiting = waiting or [name for name, state in asyncio.run(states(parts)).items() if state not in _WELL]
        if not waiting:
            console.print("[green]every process is new[/green]")
            return
        time.sleep(_LOOK_EVERY_S)
    _refuse(f"not replaced: {', '.join(waiting)}; see the logs")
    raise typer.Exit(_BAD)


@app.command()
def reset(
    data: DataOption = DEFAULT_DATA, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False
) -> None:
    """Delete the data folder; refuses while a house runs in it."""
    home = Home(data.resolve())
    if not home.folder.exists():
        console.print("nothing to delete")
        return
    if not (home.folder / "lock").exists():
        _refuse(f"{home.folder} is not the data folder of a house")
        raise typer.Exit(_CANNOT)
    if not yes:
        typer.confirm(f"Delete {home.folder} with everything in it?", abort=True)
    try:
        home.remove()
    except HomeBusy as busy:
        _refuse(f"{busy}: stop it first")
        raise typer.Exit(_CANNOT) from busy
    console.print(f"deleted {home.folder}")


@app.command()
def keys() -> None:
    """Print a fresh set of all secrets as a .env file, for a production start."""
    for name, value in new_secrets().items():
        print(f"{name}={value}")


@ledger.command()
def verify(
    tenant: Annotated[str | None, typer.Option(help="One tenant; all by default.")] = None,
    head: Annotated[list[Path] | None, typer.Option(help="An older signed head that somebody has kept.")] = None,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Compute the whole ledger anew from its postings and name the first row that is wrong."""
    environment = dict(os.environ)
    if "LINLI_LEDGER_DATABASE_URL" not in given():
        environment |= _running(data)["environment"]
    words = [*(("--tenant", tenant) if tenant else ()), *(word for path in head or () for word in ("--head", path))]
    command = [sys.executable, "-m", "services.ledger.verifying", *words]
    done = subprocess.run(command, check=False, env=environment)  # noqa: S603 - a program of ours
    raise typer.Exit(done.returncode)


@app.command()
def asyncapi() -> None:
    """Print the AsyncAPI 3.0 document of all events; docs/asyncapi.json is the same, with examples."""
    print(json.dumps(asyncapi_document(), ensure_ascii=False, indent=1))


@app.command()
def health(url: Annotated[str, typer.Argument(help="Of /livez or /readyz.")]) -> None:
    """End with 0 when the address answers well; for health checks of containers."""
    raise typer.Exit(0 if answers_well(url) else _BAD)


if __name__ == "__main__":
    app()
