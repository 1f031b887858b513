"""`make bench`: every comparison, one after the other, each in a process of its own.

python -m loadtests.benchmarks [--only door fanout …] [--quick]
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence

from loadtests.benchmarks.report import RESULTS
from loadtests.benchmarks.servers import REPOSITORY

COMPARISONS = {
    "door": ("--students", "400", "--rounds", "1"),
    "growth": ("--students", "300", "--rounds", "1", "--classes", "1", "2", "--hosts", "1"),
    "classes": ("--classes", "200"),
    "commits": ("--seconds", "1", "--rounds", "1", "--students", "5000"),
    "fanout": ("--subscribers", "100", "--rounds", "1", "--seconds", "0.4", "--enough-cpu", "0"),
    "idle": ("--sockets", "500", "--rounds", "1", "--settled", "0.5"),
    "catalogue": ("--seconds", "1", "--rounds", "1"),
    "media": ("--viewers", "8", "--capacity", "12", "--rush", "8", "--rounds", "1", "--full-rounds", "1", "--seconds", "2"),
}
"""What there is, and how to see quickly whether it works: figures of a quick run say nothing."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the named comparisons, or all, and put their tables into one file. 1 when a target was missed, 2 when one of
    the comparisons could not be made."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.benchmarks", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=list(COMPARISONS), default=list(COMPARISONS))
    parser.add_argument("--quick", action="store_true", help="small, to see that everything works")
    options = parser.parse_args(arguments)
    worst = 0
    results = RESULTS / "quick" if options.quick else RESULTS  # what says nothing must not replace what does
    results.mkdir(parents=True, exist_ok=True)
    for name in options.only:
        print(f"\n== {name} ==", file=sys.stderr, flush=True)
        started = time.monotonic()
        words = (*COMPARISONS[name], "--results", str(results)) if options.quick else ()
        ended = subprocess.run([sys.executable, "-m", f"loadtests.benchmarks.{name}", *words], cwd=REPOSITORY, check=False)
        worst = max(worst, ended.returncode if ended.returncode in (0, 1) else 2)
        print(f"== {name}: {time.monotonic() - started:.0f} s ==", file=sys.stderr, flush=True)
    sections = [path.read_text() for name in COMPARISONS if (path := results / f"{name}.md").exists()]
    together = results / "benchmarks.md"
    together.write_text("\n".join(sections))
    print(f"All tables: {together.relative_to(REPOSITORY)}", file=sys.stderr)
    return worst


if __name__ == "__main__":
    sys.exit(main())
