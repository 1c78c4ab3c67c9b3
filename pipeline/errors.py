"""The one exception a user is meant to see: a line that names what, where and the remedy."""


class GraftError(Exception):
    """A fault of the input, the parameters or the machine; its text is a single line for the user."""
