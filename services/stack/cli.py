"""The `linli` command."""

import asyncio
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import typer
from rich.console import Console
from rich.table import Table

from services.stack.environment import given, role_urls
from services.stack.home import Home, HomeBusy, new_secrets
from services.stack.house import House, tree_memory_bytes
from services.stack.migrate import migrate as migrate_all
from services.stack.seeding import run_seeds, seeds_environment
from services.stack.supervisor import Supervisor, house_processes
from services.stack.tokens import mint, root_path, seed_tenants
from shared.auth import Role

__all__ = ["app"]

app = typer.Typer(
    help="Linli 邻里: the whole house on one machine.", no_args_is_help=True, pretty_exceptions_enable=False
)
console = Console(soft_wrap=True)

DataOption = Annotated[Path, typer.Option("--data", envvar="LINLI_DATA", help="The data folder of the house.")]
DEFAULT_DATA = Path(".linli")
_MEGABYTE = 1024 * 1024


def _say(text: str) -> None:
    console.print(f"[dim]·[/dim] {text}")


@app.command()
def up(
    data: DataOption = DEFAULT_DATA,
    port: Annotated[
        int | None, typer.Option(help="The gateway's port; 8000, or a free one if somebody has it.")
    ] = None,
    seed: Annotated[bool, typer.Option(help="Load the packs.")] = True,
    stories: Annotated[bool, typer.Option(help="Tell the stories.")] = True,
) -> None:
    """Start everything, load the packs, tell the stories, and serve until Ctrl-C."""
    raise typer.Exit(asyncio.run(_up(data, port, seed=seed, stories=stories)))


async def _up(data: Path, port: int | None, *, seed: bool, stories: bool) -> int:
    house = House(Home(data.resolve()), gateway_port=port, say=_say)
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    work = asyncio.create_task(_serve(house, seed=seed, stories=stories))
    stop = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            work.result()
            await stop
        return 0
    except HomeBusy as busy:
        console.print(f"[red]{busy}[/red]")
        return 2
    except (RuntimeError, TimeoutError) as error:
        console.print(f"[red]{error}[/red]", markup=True)
        return 1
    finally:
        stop.cancel()
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        console.print("[dim]· stopping[/dim]")
        await house.stop()


async def _serve(house: House, *, seed: bool, stories: bool) -> None:
    await house.start()
    total, kind = tree_memory_bytes(list(house.pids().values()))
    console.print(
        f"[green]ready[/green] after {house.ready_after_s:.1f} s at {house.url} "
        f"({total / _MEGABYTE:.0f} MB {kind}, all processes together)"
    )
    environment = seeds_environment(house.environment, url=house.url, code_log=house.home.logs / "directory.log")
    if seed:
        await run_seeds(environment, "load", "all")
    if seed and stories:
        await run_seeds(environment, "tell", "all")
    total, kind = tree_memory_bytes(list(house.pids().values()))
    console.print(f"[dim]· {total / _MEGABYTE:.0f} MB {kind} now[/dim]")
    _print_invitation(house)


def _print_invitation(house: House) -> None:
    """Print what a newcomer can do next."""
    console.print(f"\n[bold]{house.url}/docs[/bold]  everything that can be asked; try it with one of these tokens:\n")
    for tenant in seed_tenants():
        token = mint(house.environment["LINLI_TOKEN_SIGNING_KEY"], tenant, Role.ADMINISTRATOR, ttl_s=3600)
        print(f"# administrator of {tenant}, for an hour\nexport TOKEN={token}")
    print(f'curl -s {house.url}/v1/areas?page_size=3 -H "Authorization: Bearer $TOKEN"')
    print(f'curl -s {house.url}/v1/cases?page_size=3 -H "Authorization: Bearer $TOKEN"')
    print(f'curl -s {house.url}/v1/funds -H "Authorization: Bearer $TOKEN"')
    console.print("\nCtrl-C stops everything.")
    sys.stdout.flush()


@app.command()
def stories(
    name: Annotated[str | None, typer.Argument(help="One story; all by default.")] = None,
    data: Annotated[Path | None, typer.Option("--data", help="Tell them to the house that runs here.")] = None,
) -> None:
    """Tell stories to a fresh house in a temporary folder; ends with an error on any difference."""
    raise typer.Exit(asyncio.run(_stories(name, data)))


async def _stories(name: str | None, data: Path | None) -> int:
    if data is not None:
        running = _running(data)
        environment = seeds_environment(
            {**os.environ, **running["environment"]},
            url=running["url"],
            code_log=data.resolve() / "logs" / "directory.log",
        )
        return await _load_and_tell(environment, name)
    with tempfile.TemporaryDirectory(prefix="linli-") as folder:
        house = House(Home(Path(folder)), any_ports=True, say=_say)
        try:
            await house.start()
            _say(f"ready after {house.ready_after_s:.1f} s")
            environment = seeds_environment(
                house.environment, url=house.url, code_log=house.home.logs / "directory.log"
            )
            return await _load_and_tell(environment, name)
        finally:
            await house.stop()


async def _load_and_tell(environment: dict[str, str], name: str | None) -> int:
    loaded = await run_seeds(environment, "load", name or "all")
    return loaded or await run_seeds(environment, "tell", name or "all")


def _running(data: Path) -> dict[str, Any]:
    running = Home(data.resolve()).read_run()
    if running is None:
        console.print(f"[red]no house runs in {data}[/red]; start one with: linli up")
        raise typer.Exit(2)
    return running


@app.command()
def seed(
    tenant: Annotated[str, typer.Argument(help="One pack; all by default.")] = "all", data: DataOption = DEFAULT_DATA
) -> None:
    """Load packs into the running house; loading twice changes nothing."""
    running = _running(data)
    environment = seeds_environment(
        {**os.environ, **running["environment"]}, url=running["url"], code_log=data.resolve() / "logs" / "directory.log"
    )
    raise typer.Exit(asyncio.run(run_seeds(environment, "load", tenant)))


@app.command()
def migrate() -> None:
    """Bring the database that LINLI_OWNER_DATABASE_URL names to the newest version."""
    outside = given()
    missing = [name for name in ("LINLI_OWNER_DATABASE_URL",) if name not in outside]
    if missing:
        console.print(f"[red]not set: {', '.join(missing)}[/red]")
        raise typer.Exit(2)
    asyncio.run(migrate_all(outside["LINLI_OWNER_DATABASE_URL"], role_urls(outside)))
    console.print("[green]migrated[/green]")


@app.command()
def token(
    tenant: Annotated[str, typer.Option(help="Whose.")],
    role: Annotated[Role, typer.Option(help="What its bearer is.")] = Role.ADMINISTRATOR,
    at: Annotated[str | None, typer.Option(help="The path of the area at which; the root by default.")] = None,
    ttl: Annotated[int, typer.Option(min=60, max=86_400, help="For how many seconds.")] = 900,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Print an access token, minted with the directory's signing key."""
    keys = given().get("LINLI_TOKEN_SIGNING_KEY") or Home(data.resolve()).secrets()["LINLI_TOKEN_SIGNING_KEY"]
    try:
        print(mint(keys, tenant, role, at=at or root_path(tenant), ttl_s=ttl))
    except ValueError as error:
        console.print(f"[red]{error}[/red]")
        raise typer.Exit(2) from error


@app.command()
def status(data: DataOption = DEFAULT_DATA) -> None:
    """Show what runs, how it is, and where."""
    running = _running(data)
    states = asyncio.run(_states(running["ports"]))
    table = Table("process", "port", "state", title=running["url"])
    for name, state in states.items():
        colour = {"ready": "green", "degraded": "yellow"}.get(state, "red")
        table.add_row(name, str(running["ports"][name]), f"[{colour}]{state}[/{colour}]")
    console.print(table)
    total, kind = tree_memory_bytes([int(running["supervisor"])])
    console.print(f"{total / _MEGABYTE:.0f} MB {kind}; was ready after {running['ready_after_s']} s")
    raise typer.Exit(0 if all(state == "ready" for state in states.values()) else 1)


async def _states(ports: dict[str, int]) -> dict[str, str]:
    processes = house_processes(ports)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as client:
        found = await asyncio.gather(*(Supervisor.readiness(client, item) for item in processes))
    return {item.name: state for item, state in zip(processes, found, strict=True)}


@app.command()
def reset(
    data: DataOption = DEFAULT_DATA, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False
) -> None:
    """Delete the data folder; refuses while a house runs in it."""
    home = Home(data.resolve())
    if not home.folder.exists():
        console.print("nothing to delete")
        return
    if not yes:
        typer.confirm(f"Delete {home.folder} with everything in it?", abort=True)
    try:
        home.remove()
    except HomeBusy as busy:
        console.print(f"[red]{busy}[/red]: stop it first")
        raise typer.Exit(2) from busy
    console.print(f"deleted {home.folder}")


@app.command()
def keys() -> None:
    """Print a fresh set of all secrets as a .env file, for a production start."""
    for name, value in new_secrets().items():
        print(f"{name}={value}")
    print(f"LINLI_OWNER_DATABASE_PASSWORD={new_secrets()['LINLI_CURSOR_KEY']}")


@app.command()
def health(url: Annotated[str, typer.Argument(help="Of /livez or /readyz.")]) -> None:
    """Exit with 0 when the address answers well; for health checks of containers."""

    async def ask() -> bool:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as client, client.get(url) as answer:
            return answer.ok

    try:
        good = asyncio.run(ask())
    except (aiohttp.ClientError, OSError, TimeoutError):
        good = False
    raise typer.Exit(0 if good else 1)


if __name__ == "__main__":
    app()
