"""Numbers as a reader sees them; a figure that was not measured is an en dash."""

NOTHING = "–"
MINUS = "\u2212"
NARROW = "\u00a0"  # no line break between a number and its unit


def score(value: float | None) -> str:
    """0.7134 → 0.713."""
    return NOTHING if value is None else f"{value:.3f}"


def percent(value: float | None, decimals: int = 0) -> str:
    """0.923 → 92 %; with one decimal 0.9953 → 99.5 %, for a share that must not look whole when it is not."""
    return NOTHING if value is None else f"{100 * value:.{decimals}f}{NARROW}%"


def points(value: float) -> str:
    """A difference of two scores in hundredths: 0.0513 → 5.1, −0.004 → −0.4."""
    text = f"{100 * value:.1f}"
    text = "0.0" if text == "-0.0" else text
    return text.replace("-", MINUS)


def signed_points(value: float) -> str:
    """As ``points``, with a plus sign where it is above 0."""
    text = points(value)
    return text if text.startswith(MINUS) or text == "0.0" else f"+{text}"


def size(number: int | None) -> str:
    """22713216 → 22.7 M."""
    if number is None:
        return NOTHING
    for unit, name in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= unit:
            return f"{number / unit:.1f}{NARROW}{name}"
    return str(number)


def count(number: int) -> str:
    """23703 → 23 703, the groups parted by a narrow space that does not break."""
    return f"{number:,}".replace(",", "\u202f")


def milliseconds(value: float | None) -> str:
    """0.3149 → 0.31, 12.34 → 12.3, 345.6 → 346: three digits at most."""
    if value is None:
        return NOTHING
    return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f}"


def megabytes(number: float | None) -> str:
    """4213216 → 4.2 MB."""
    return NOTHING if number is None else f"{number / 1e6:.{1 if number >= 1e5 else 3}f}{NARROW}MB"


def times(ratio: float) -> str:
    """A ratio of at least 1: 2.94 → 2.9, 12.3 → 12."""
    return f"{ratio:.1f}" if ratio < 9.95 else f"{ratio:.0f}"
