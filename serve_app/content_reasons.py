"""Why files are refused on their way in and out."""

from dataclasses import dataclass
from typing import Any, ClassVar

from classroom.refusals import Refusal


@dataclass(frozen=True)
class BadLink(Refusal):
    """The address of a file or an upload was not made by us, or was changed."""

    code: ClassVar[str] = "bad_link"

    def message(self) -> str:
        return "This link is not valid. Please ask for a new one."


@dataclass(frozen=True)
class LinkExpired(Refusal):
    """The address of a file or an upload was good once."""

    code: ClassVar[str] = "link_expired"

    def message(self) -> str:
        return "This link has expired. Please ask for a new one."


@dataclass(frozen=True)
class UploadIncomplete(Refusal):
    """The bytes of the file have not all come."""

    code: ClassVar[str] = "upload_incomplete"

    def message(self) -> str:
        return "The file has not arrived yet."


@dataclass(frozen=True)
class UploadStalled(Refusal):
    """No bytes came for too long."""

    code: ClassVar[str] = "upload_stalled"

    def message(self) -> str:
        return "The upload stood still for too long. Please send the file again."


@dataclass(frozen=True)
class UploadOver(Refusal):
    """The file waits for no more bytes. `status` is `checking`, `ready` or `rejected`."""

    code: ClassVar[str] = "upload_over"
    status: str
    why: str | None = None

    def message(self) -> str:
        return self.why or f"This upload is over; the file is {self.status}."

    def details(self) -> dict[str, Any]:
        return {"status": self.status}


@dataclass(frozen=True)
class TooManyUploads(Refusal):
    """The caller has announced many files and sent none of them."""

    code: ClassVar[str] = "too_many_uploads"
    limit: int

    def message(self) -> str:
        return f"{self.limit} uploads wait to be finished. Please finish them first."

    def details(self) -> dict[str, Any]:
        return {"limit": self.limit}


@dataclass(frozen=True)
class StorageFull(Refusal):
    """The caller has stored as much as one person may."""

    code: ClassVar[str] = "storage_full"
    limit: int

    def message(self) -> str:
        return "There is no room left for more of your files."

    def details(self) -> dict[str, Any]:
        return {"limitBytes": self.limit}


@dataclass(frozen=True)
class RangeOutside(Refusal):
    """No byte of what was asked for exists."""

    code: ClassVar[str] = "range_not_satisfiable"
    size: int

    def message(self) -> str:
        return f"The file has {self.size} bytes, none of which were asked for."

    def details(self) -> dict[str, Any]:
        return {"sizeBytes": self.size}
