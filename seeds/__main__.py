"""`python -m seeds load <tenant|all>` and `python -m seeds tell <story|all>`."""

import argparse
import asyncio
import os
import sys

import httpx
from rich.console import Console

from seeds.client import connect
from seeds.config import Config, ConfigProblem, read_config
from seeds.loader import Loader, LoadProblem, Report
from seeds.pack import Pack, PackProblem, read_pack, tenants
from seeds.stories import STORIES, tell

_WIDTH = 110


def main() -> int:
    """Run one command; 0 when everything was as it should be, 1 on a difference, 2 when it could not begin."""
    arguments = _arguments()
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    try:
        config = read_config(os.environ)
        if arguments.command == "load":
            return asyncio.run(_load(config, tenants() if arguments.tenant == "all" else [arguments.tenant], console))
        return asyncio.run(_tell(config, list(STORIES) if arguments.story == "all" else [arguments.story], console))
    except LoadProblem as refusal:
        console.print(f"refused 被拒绝: {refusal}", style="red", markup=False)
        return 1
    except (ConfigProblem, PackProblem) as problem:
        console.print(str(problem), style="red", markup=False)
    except httpx.TransportError as error:
        console.print(f"the house does not answer 无法连接: {error!r}", style="red", markup=False)
    return 2


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m seeds", description="Tenant packs and stories of a Linli house")
    commands = parser.add_subparsers(dest="command", required=True)
    load = commands.add_parser("load", help="load a tenant's pack, or all of them")
    load.add_argument("tenant", choices=[*tenants(), "all"])
    tell_story = commands.add_parser("tell", help="tell a story, or all of them")
    tell_story.add_argument("story", choices=[*STORIES, "all"])
    return parser.parse_args()


async def _load(config: Config, wanted: list[str], console: Console) -> int:
    async with connect(config.url) as nobody:
        for tenant in wanted:
            pack = read_pack(tenant)
            report = await Loader(config, pack, nobody).load()
            _show(console, pack, report)
    return 0


def _show(console: Console, pack: Pack, report: Report) -> None:
    kinds = ", ".join(f"{kind} {count}" for kind, count in (report.created + report.unchanged).items())
    counts = f"{report.created.total()} created 新建 · {report.unchanged.total()} unchanged 未变"
    name = pack.about["name"]["zh"]
    console.print(f"{name} {pack.tenant}: {counts} · {report.elapsed_s:.1f} s · {kinds}", highlight=False)


async def _tell(config: Config, wanted: list[str], console: Console) -> int:
    good = [await tell(name, config, console) for name in wanted]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
