"""`python -m tests.benchmarks [NAME…]`: run benchmarks and print one line of JSON for each."""

import importlib
import json
import pkgutil
import sys

import tests.benchmarks


def names() -> list[str]:
    """Find the benchmarks: every module here that can run."""
    found = [item.name for item in pkgutil.iter_modules(tests.benchmarks.__path__) if not item.name.startswith("_")]
    return sorted(name for name in found if hasattr(importlib.import_module(f"tests.benchmarks.{name}"), "run"))


def main(wanted: list[str]) -> int:
    """Run what is wanted, everything by default; 1 when a target was missed, 2 for an unknown name."""
    known = names()
    unknown = [name for name in wanted if name not in known]
    if unknown:
        print(f"no such benchmark: {', '.join(unknown)}; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    all_good = True
    for name in wanted or known:
        result = importlib.import_module(f"tests.benchmarks.{name}").run()
        print(json.dumps(result), flush=True)
        all_good = all_good and bool(result["ok"])
    return 0 if all_good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
