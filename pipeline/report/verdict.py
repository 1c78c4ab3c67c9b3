"""The findings in sentences: which student to ship, what the others are for, and what speaks against trusting it."""

from dataclasses import dataclass

from pipeline.report.numbers import NARROW, megabytes, percent, points, score, times
from pipeline.report.results import ModelResult, Results

# Share of the score that the int8 file may cost before the page warns of it, and how far a ratio is still "as".
COSTLY = 0.005
ALIKE = 0.05


@dataclass(frozen=True)
class Verdict:
    """One sentence that decides, one for each student that it does not speak for, and the caveats."""

    headline: str
    others: list[str]
    caveats: list[str]
    ships: bool = True

    @property
    def others_title(self) -> str:
        """What the sentences on students stand under."""
        return "The other students" if self.ships else "The students"


def verdict(results: Results) -> Verdict:
    """Return the sentences: the student that is best on validation is shipped, unless rival or teacher outdoes it."""
    best, *others = results.ranked_students
    sentences = [f"{model.name} {_worth(model, results, brief=True)}{_outdone(model, results)}." for model in others]
    stronger = [rival for rival in results.of("rival") if rival.score >= best.score]
    in_vain = _costs_more_for_less(best, results.teacher)
    if stronger:
        rival = max(stronger, key=lambda model: model.score)
        headline = (
            f"Ship no student: {rival.name}, which is simpler, scores {score(rival.score)}, "
            f"and the best of them, {best.name}, {score(best.score)}."
        )
    elif in_vain:
        headline = (
            f"Ship no student: the teacher scores {score(results.teacher.score)}, and the best of them, {best.name}, "
            f"{score(best.score)} and {_costs_beside(best, results.teacher)[0]}."
        )
    elif float(best.figures["gain_high"]) < 0:
        headline = f"Think twice before shipping {best.name}: it {_worth(best, results)}."
    else:
        headline = f"Ship {best.name}: it {_worth(best, results)}."
    if stronger or in_vain:
        sentences.insert(0, f"{best.name} {_worth(best, results, brief=True)}.")
    return Verdict(
        headline,
        sentences,
        [*_unshown(results), *_against_rivals(results), *_of_exports(results), *_unmeasured(results), SEEDS],
        ships=not (stronger or in_vain),
    )


SEEDS = (
    "Students stand in the order of their scores on validation, and are measured on the test split. Each model was "
    "trained with one seed: the intervals hold the chance in the texts tested, not the chance in training; "
    "`make ablation` trains with several."
)


def _worth(student: ModelResult, results: Results, brief: bool = False) -> str:
    share, title = student.figures.get("retention"), f"the teacher’s {results.measure.title}"
    if share is None:
        # The teacher's score is not above 0.
        kept = f"scores {score(student.score)}, {title} being {score(results.teacher.score)}"
    else:
        kept = f"keeps {percent(share, 1) if share > 0 else 'nothing'} of {title}"
    parts = [kept, *_costs_beside(student, results.teacher), _gain(student, brief)]
    return ", ".join(parts)


def _costs_beside(student: ModelResult, teacher: ModelResult) -> list[str]:
    """How much faster and smaller than another model, where that is known."""
    parts = []
    if student.latency and teacher.latency:
        parts.append(_against(teacher.latency / student.latency, "as fast", "as slow"))
    if student.bytes_int8 and teacher.bytes_int8:
        parts.append(_against(teacher.bytes_int8 / student.bytes_int8, "smaller", "larger"))
    return [f"is {_listed(parts)}"] if parts else []


def _against(ratio: float, more: str, less: str) -> str:
    if abs(ratio - 1) <= ALIKE:
        return {"as fast": "as fast", "smaller": "as large"}[more]
    return f"{times(ratio)} times {more}" if ratio > 1 else f"{times(1 / ratio)} times {less}"


def _costs_more_for_less(student: ModelResult, teacher: ModelResult) -> bool:
    """Whether the student is nowhere ahead of the teacher and costs more, as beside a teacher that is tiny itself."""
    known = [
        (own, of_teacher)
        for own, of_teacher in zip(_costs(student), _costs(teacher), strict=True)
        if own and of_teacher
    ]
    dearer = any(own > of_teacher for own, of_teacher in known)
    return student.score <= teacher.score and dearer and all(own >= of_teacher for own, of_teacher in known)


def _gain(student: ModelResult, brief: bool) -> str:
    gain, low, high = (float(student.figures[key]) for key in ("gain", "gain_low", "gain_high"))
    interval = f"({points(low)}{NARROW}to{NARROW}{points(high)})"
    if low > 0:
        over = "from transfer" if brief else "over the same model without transfer"
        return f"and gains {points(gain)} points {interval} {over}"
    if high < 0:
        interval = f"({points(-high)}{NARROW}to{NARROW}{points(-low)})"
        return f"but transfer harms it: it scores {points(-gain)} points {interval} below the same model without it"
    return (
        f"but a gain from transfer is not shown: its difference to the same model without it, "
        f"{points(gain)} points {interval}, has an interval that includes 0"
    )


def _outdone(student: ModelResult, results: Results) -> str:
    """Name a student that is nowhere behind and somewhere ahead: beside it this one is nobody's choice."""
    for other in results.ranked_students:
        pairs = [(other.score, student.score)]
        pairs += zip(_costs(student), _costs(other), strict=True)
        known = student.latency is not None and other.latency is not None
        if known and all(first >= second for first, second in pairs) and any(first > second for first, second in pairs):
            return f"; {other.name} outdoes it in every respect"
    return ""


def _costs(model: ModelResult) -> tuple[float, float]:
    """Latency and size; where one is unknown, nobody is ahead in it."""
    return model.latency or 0.0, float(model.bytes_int8 or 0)


def _unshown(results: Results) -> list[str]:
    """Name the cheaper students that the best is not shown to beat: one of them may be the wiser choice."""
    best, *others = results.ranked_students
    sentences = []
    for other in others:
        low, high = results.leads.get(other.name, (1.0, 1.0))
        is_cheaper = any(0 < own < of_best for own, of_best in zip(_costs(other), _costs(best), strict=True))
        if low <= 0 and is_cheaper:
            lead = f"{points(best.score - other.score)} points ({points(low)}{NARROW}to{NARROW}{points(high)})"
            beside = " and ".join(_costs_beside(other, best))
            sentences.append(f"{best.name} is not shown to be better than {other.name}, which {beside}: {lead}.")
    return sentences


def _against_rivals(results: Results) -> list[str]:
    """One sentence per rival that someone loses to, one for those that all students beat, or that there are none."""
    if not any(model.kind == "rival" for model in results.models):
        return ["No simpler model stands beside these: params.yaml names none under rivals."]
    beaten, sentences = [], []
    for rival in results.of("rival"):
        losers = [model for model in results.ranked_students if model.score <= rival.score]
        if results.teacher.score <= rival.score:
            losers.insert(0, results.teacher)
        if not losers:
            beaten.append(f"{rival.name} ({score(rival.score)}{_behind(rival, results)})")
            continue
        verb = "lose" if len(losers) > 1 else "loses"
        names = _listed([f"{_named(model)} ({score(model.score)})" for model in losers])
        sentences.append(f"{names} {verb} to {rival.name} ({score(rival.score)}{_behind(rival, results)}).")
    if beaten:
        who = (
            "Every student scores" if len(results.ranked_students) > 1 else f"{results.ranked_students[0].name} scores"
        )
        sentences.append(f"{who} above {_listed(beaten)}.")
    # The reason may quote labels, and a backtick would make code of what follows it.
    reasons = {
        rival.name: str(rival.figures["reason"]).replace("`", "'") for rival in results.models if not rival.applicable
    }
    sentences += [f"{name} does not apply: {reason}." for name, reason in reasons.items()]
    return sentences


def _behind(rival: ModelResult, results: Results) -> str:
    """By how much the best student is ahead of a rival, or behind it, on the same texts."""
    if rival.name not in results.over_rivals:
        return ""
    best, (low, high) = results.ranked_students[0], results.over_rivals[rival.name]
    lead = best.score - rival.score
    if lead < 0:
        low, high = -high, -low
    interval = f"({points(low)}{NARROW}to{NARROW}{points(high)})"
    return f", {points(abs(lead))} points {interval} {'below' if lead >= 0 else 'above'} {best.name}"


def _of_exports(results: Results) -> list[str]:
    """Say what eight bits cost where that is more than a little."""
    sentences, key = [], results.measure.key
    for export in (export for model in results.shipped for export in model.exports):
        lost = float(export.figures[f"{key}_pytorch"]) - float(export.figures[f"{key}_int8"])
        if lost > COSTLY:
            sentences.append(
                f"The int8 file of {export.name} scores {points(lost)} points below the model it was made of; "
                f"its fp32 file has {megabytes(export.figures['bytes_fp32'])} and "
                f"scores {score(export.figures[f'{key}_fp32'])}."
            )
    return sentences


def _unmeasured(results: Results) -> list[str]:
    if not results.is_timed:
        return ["How fast these exports are has not been measured: `make benchmark` does, then `dvc repro`."]
    names = ["the teacher" if model.kind == "teacher" else model.name for model in results.untimed]
    if not names:
        return []
    verb = "is" if len(names) == 1 else "are"
    return [f"How fast {_listed(names)} {verb}, as exported now, has not been measured: `make benchmark` does."]


def _named(model: ModelResult) -> str:
    return "The teacher" if model.kind == "teacher" else model.name


def _listed(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
