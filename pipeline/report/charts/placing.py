"""Labels beside points, so that none covers another or a mark."""

from collections.abc import Iterable
from dataclasses import dataclass, field

# Width of a character beside its height, for the page's own type, which is not known here.
CHARACTER = 0.6

# What covering anything costs, however little of it, in square pixels: a thin line counts too.
COVERING = 200


@dataclass(frozen=True)
class Box:
    """A rectangle, in pixels, y upwards."""

    left: float
    bottom: float
    right: float
    top: float

    def overlap(self, other: "Box") -> float:
        """Return the area that both cover."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.top, other.top) - max(self.bottom, other.bottom)
        return max(width, 0.0) * max(height, 0.0)

    def outside(self, frame: "Box") -> float:
        """Return how far this box reaches over ``frame``, in pixels."""
        over = (frame.left - self.left, self.right - frame.right, frame.bottom - self.bottom, self.top - frame.top)
        return sum(max(each, 0.0) for each in over)


@dataclass
class Placer:
    """Finds the best free place beside a point; what was placed is an obstacle to what follows."""

    frame: Box
    taken: list[Box] = field(default_factory=list)

    def block(self, box: Box) -> None:
        """Keep labels off ``box``."""
        self.taken.append(box)

    def place(self, candidates: Iterable[Box]) -> Box:
        """Return the candidate that covers least; the first of equals."""
        chosen = min(candidates, key=self._cost)
        self.block(chosen)
        return chosen

    def _cost(self, box: Box) -> float:
        covered = [area for other in self.taken if (area := box.overlap(other))]
        return sum(covered) + COVERING * len(covered) + 100 * box.outside(self.frame)


def beside(x: float, y: float, radius: float, ends: tuple[float, float], text: str, height: float) -> list[Box]:
    """Return the places for ``text`` around a mark: right, left, the corners, and over and under its line's ends.

    Nearer places come before those that are further off.
    """
    width, gap = CHARACTER * height * len(text), radius + 4
    places = []
    for up in (0.0, 1.0, -1.0):
        for side in (1, -1):
            reach = gap if up == 0 else 0.75 * gap
            left = x + reach if side == 1 else x - reach - width
            middle = y + up * (0.75 * gap + height / 2)
            places.append(Box(left, middle - height / 2, left + width, middle + height / 2))
    for bottom in (ends[1] + 3, ends[0] - 3 - height, ends[1] + 3 + height, ends[0] - 3 - 2 * height):
        for share in (0.5, 0.25, 0.75, 0.0, 1.0):
            left = x - share * width
            places.append(Box(left, bottom, left + width, bottom + height))
    return places
