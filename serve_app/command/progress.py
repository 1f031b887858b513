"""What the operator sees while something starts or stops: a line a phase with its time, and a spinner on a terminal."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.status import Status


class Progress:
    """Phases may run side by side and in several threads."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._active: list[str] = []
        self._spinner: Status | None = None

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Show `name` as under way inside the block, and its time when the block ends without an error."""
        began = time.monotonic()
        with self._lock:
            self._active.append(name)
            self._draw()
        done = False
        try:
            yield
            done = True
        finally:
            with self._lock:
                self._active.remove(name)
                if done:
                    self._console.print(f"  [green]✓[/] {name} [dim]{time.monotonic() - began:.1f} s[/]", highlight=False)
                self._draw()

    def say(self, text: str) -> None:
        """A line of its own."""
        with self._lock:
            self._console.print(text, highlight=False)

    def close(self) -> None:
        """No more phases."""
        with self._lock:
            self._active.clear()
            self._draw()

    def _draw(self) -> None:
        if not self._console.is_terminal:
            return
        if not self._active:
            if self._spinner is not None:
                self._spinner.stop()
                self._spinner = None
        elif self._spinner is None:
            self._spinner = self._console.status(", ".join(self._active))
            self._spinner.start()
        else:
            self._spinner.update(", ".join(self._active))
