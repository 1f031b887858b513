"""What `lyceum loadtest prepare` prints is read; anything else is refused with a sentence."""

import pytest

from loadtests.prepared import PreparedClass, Student, read_prepared


def test_what_prepare_prints_is_read() -> None:
    text = '{"sessionId":"s","courseId":"c","instructorToken":"i","students":[{"id":"a","token":"t"}]}\n'
    assert read_prepared(text) == PreparedClass("s", "c", "i", (Student("a", "t"),))


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"sessionId":"s","courseId":"c","instructorToken":"i","students":[{"id":"a"}]}']
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not the JSON that `lyceum loadtest prepare` prints"):
        read_prepared(text)


def test_a_class_without_students_is_refused() -> None:
    with pytest.raises(ValueError, match="no students"):
        read_prepared('{"sessionId":"s","courseId":"c","instructorToken":"i","students":[]}')
