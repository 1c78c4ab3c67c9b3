"""The one exception a user is meant to see: a line that names what, where and the remedy."""

# Characters of a message: what it quotes may be as long as a file.
LONGEST = 900


class GraftError(Exception):
    """A fault of the input, the parameters or the machine; its text is a single line for the user."""

    def __init__(self, message: str) -> None:
        """Keep ``message`` as a plain line: names and labels that it quotes may hold anything."""
        line = "".join(map(_escape, message))
        # What is at fault stands at the beginning and the remedy at the end.
        super().__init__(line if len(line) <= LONGEST else f"{line[: LONGEST // 2]}...{line[-LONGEST // 2 :]}")


def _escape(character: str) -> str:
    # Line ends would break the line, direction overrides would turn it round in a terminal.
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
