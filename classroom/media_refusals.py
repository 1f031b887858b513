"""Why live video is refused although the class allows it."""

from dataclasses import dataclass
from typing import ClassVar

from classroom.refusals import Refusal


@dataclass(frozen=True)
class MediaOff(Refusal):
    """This site carries no video itself: it is switched off, or another server does it."""

    code: ClassVar[str] = "media_off"

    def message(self) -> str:
        return "This site does not carry live video itself."


@dataclass(frozen=True)
class MediaAway(Refusal):
    """No media node answers. The class goes on without pictures, and asking again is right."""

    code: ClassVar[str] = "media_away"
    retry: ClassVar[bool] = True

    def message(self) -> str:
        return "Live video cannot be reached just now. The class goes on; please try again."


@dataclass(frozen=True)
class MediaFull(Refusal):
    """No media node has room for one more."""

    code: ClassVar[str] = "media_full"
    retry: ClassVar[bool] = True

    def message(self) -> str:
        return "Live video has no room for one more just now. Please try again."


@dataclass(frozen=True)
class BadOffer(Refusal):
    """The offer is no SDP that can be answered; the sentence says why."""

    code: ClassVar[str] = "bad_offer"
    sentence: str

    def message(self) -> str:
        return self.sentence
