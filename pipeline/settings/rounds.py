"""``rounds``: students that teach beside those that taught them, by name."""

from collections.abc import Collection, Mapping

from pipeline.settings.base import Section, Text
from pipeline.settings.folders import ROUNDS, SIGNALS
from pipeline.settings.names import check_known
from pipeline.settings.students import StudentConfig


class RoundConfig(Section):
    """One more voice in an ensemble: ``student``, which reads with ``tokenizer``, joins those of ``joins``.

    ``joins`` is the folder of the teachers' signals or of an earlier round's.
    """

    student: Text
    tokenizer: Text
    joins: Text


def check_rounds(
    rounds: Mapping[str, RoundConfig], students: Mapping[str, StudentConfig], teachers: Collection[str]
) -> None:
    """Raise ValueError where a round or a student names what there is not, or waits for itself."""
    folders = [SIGNALS, *(f"{ROUNDS}/{name}" for name in rounds)]
    for name, student in students.items():
        check_known(f"students.{name}.learns_from", student.learns_from, folders)
    for name, each in rounds.items():
        check_known(f"rounds.{name}.student", each.student, students)
        check_known(f"rounds.{name}.joins", each.joins, folders)
        reads = students[each.student].tokenizer
        if each.tokenizer != reads:
            raise ValueError(f"rounds.{name}.tokenizer is {each.tokenizer!r}; students.{each.student} reads {reads!r}")
    for name in rounds:
        _check_order(name, rounds, students, ())
    for name in rounds:
        heard = voices_of(f"{ROUNDS}/{name}", rounds, teachers)
        if twice := [each for each in heard if heard.count(each) > 1]:
            raise ValueError(f"rounds.{name} would hear {twice[0]} twice; its voices need names of their own")


def voices_of(folder: str, rounds: Mapping[str, RoundConfig], teachers: Collection[str]) -> list[str]:
    """Who is heard in the signals of ``folder``: the teachers, then the students that joined them."""
    joined: list[str] = []
    while folder != SIGNALS:
        each = rounds[folder.removeprefix(f"{ROUNDS}/")]
        joined.insert(0, each.student)
        folder = each.joins
    return [*teachers, *joined]


def _check_order(
    name: str, rounds: Mapping[str, RoundConfig], students: Mapping[str, StudentConfig], above: tuple[str, ...]
) -> None:
    if name in above:
        raise ValueError(f"rounds.{above[0]} waits for itself: {' waits for '.join((*above, name))}")
    each = rounds[name]
    for folder in (each.joins, students[each.student].learns_from):
        if folder != SIGNALS:
            _check_order(folder.removeprefix(f"{ROUNDS}/"), rounds, students, (*above, name))
