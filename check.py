"""Everything that must hold before a change goes in: format, lint, types, tests.

python check.py [--fix] [pytest's arguments]
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main(arguments: list[str]) -> int:
    fix = "--fix" in arguments
    for_pytest = [argument for argument in arguments if argument != "--fix"]
    steps = [
        ("format", ["ruff", "format", *([] if fix else ["--check"]), "."]),
        ("lint", ["ruff", "check", *(["--fix"] if fix else []), "."]),
        ("types", ["mypy"]),
        ("tests", ["pytest", *for_pytest]),
    ]
    failed = []
    for name, command in steps:
        print(f"== {name}", flush=True)
        if subprocess.run([sys.executable, "-m", *command], cwd=HERE).returncode:
            failed.append(name)
    print(f"Failed: {', '.join(failed)}." if failed else "All checks passed.", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
