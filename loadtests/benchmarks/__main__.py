"""`make bench`: every comparison, one after the other, each in a process of its own."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

COMPARISONS = ("door", "fanout")


def main(names: Sequence[str]) -> int:
    """Run the named comparisons, or all; 1 when one of them could not be made."""
    unknown = set(names) - set(COMPARISONS)
    if unknown:
        print(f"There is no comparison {min(unknown)}; there are {' and '.join(COMPARISONS)}.", file=sys.stderr)
        return 2
    failed = False
    for name in names or COMPARISONS:
        print(f"\n== {name} ==", flush=True)
        command = [sys.executable, "-m", f"loadtests.benchmarks.{name}"]
        failed |= subprocess.run(command, cwd=Path(__file__).resolve().parents[2], check=False).returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
