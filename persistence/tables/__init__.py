"""The tables around the class, a module an area; importing this makes all of them known to `Base.metadata`."""

from persistence.tables import syllabus

__all__ = ["syllabus"]
