"""How much work something is, whatever the clock and the neighbours say."""

import sys
from types import FrameType
from typing import Any


class Lines:
    """Counts the lines of `classroom/` that run inside the block; what one line does in C counts as one."""

    def __enter__(self) -> "Lines":
        self.count = 0
        self._outer = sys.gettrace()
        sys.settrace(self._trace)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._outer)

    def _trace(self, frame: FrameType, event: str, arg: Any) -> Any:
        if "/classroom/" not in frame.f_code.co_filename or "/tests/" in frame.f_code.co_filename:
            return None
        self.count += event == "line"
        return self._trace
