"""The findings in sentences: who won, what transfer brought, and which students lose to a simpler method."""

from pipeline.report.numbers import percent, points, score, size
from pipeline.report.results import ModelResult, Results


def verdict(results: Results) -> list[str]:
    """Return the sentences; the first names the best student."""
    best, *others = results.ranked_students
    sentences = [_student(best, results.teacher, is_best=bool(others))]
    sentences += [_student(model, results.teacher, is_best=False) for model in others]
    return sentences + _against_rivals(results)


def _student(student: ModelResult, teacher: ModelResult, is_best: bool) -> str:
    opening = f"{student.name} is the best student: it keeps" if is_best else f"{student.name} keeps"
    kept = f"{percent(student.figures.get('retention'), 1)} of the teacher's macro-F1"
    parameters = ""
    if student.parameters is not None and teacher.parameters is not None:
        parameters = f" with {size(student.parameters)} of its {size(teacher.parameters)} parameters"
    return f"{opening} {kept}{parameters}, {_gain(student)}."


def _gain(student: ModelResult) -> str:
    gain, low, high = (float(student.figures[key]) for key in ("gain", "gain_low", "gain_high"))
    interval = f"({points(low)} to {points(high)})"
    if low > 0:
        return f"and gains {points(gain)} points {interval} over the same model without transfer"
    if high < 0:
        interval = f"({points(-high)} to {points(-low)})"
        return f"but transfer harms it: it scores {points(-gain)} points {interval} below the same model without it"
    return (
        f"but a gain from transfer is not shown: its difference to the same model without it, "
        f"{points(gain)} points {interval}, has an interval that includes 0"
    )


def _against_rivals(results: Results) -> list[str]:
    """One sentence per rival that someone loses to, then one for the rivals that all students beat."""
    beaten, sentences = [], []
    for rival in results.of("rival"):
        losers = [model for model in results.ranked_students if model.macro_f1 <= rival.macro_f1]
        if results.teacher.macro_f1 <= rival.macro_f1:
            losers.insert(0, results.teacher)
        if not losers:
            beaten.append(f"{rival.name} ({score(rival.macro_f1)})")
            continue
        verb = "lose" if len(losers) > 1 else "loses"
        names = _listed([f"{_named(model)} ({score(model.macro_f1)})" for model in losers])
        sentences.append(f"{names} {verb} to {rival.name} ({score(rival.macro_f1)}).")
    if beaten:
        who = (
            "Every student scores" if len(results.ranked_students) > 1 else f"{results.ranked_students[0].name} scores"
        )
        sentences.append(f"{who} above {_listed(beaten)}.")
    sentences += [
        f"{rival.name} does not apply: {rival.figures['reason']}." for rival in results.models if not rival.applicable
    ]
    return sentences


def _named(model: ModelResult) -> str:
    return "The teacher" if model.kind == "teacher" else model.name


def _listed(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
