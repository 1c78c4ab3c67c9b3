"""``python -m pipeline.predict MODEL [TEXT ...]``: classify text with a trained or an exported model.

MODEL is a folder under ``models/`` or ``exports/``, such as ``exports/static``. Texts are the arguments or, without
any, the lines of stdin or what ``--input FILE`` holds: lines, or the rows of a table. JSON lines come out, or the table
``--output FILE`` with the answers beside the columns that were there. A text that cannot be classified gets the reason
in place of a label. Order is kept, and memory does not grow with the number of rows.
"""

import signal
import sys

from pipeline.errors import GraftError
from pipeline.interruption import InterruptedBySignal, ended_by_signals


def main() -> None:
    """Run the command line; a signal during the imports, too, gets its line."""
    with ended_by_signals("predict"):
        try:
            from pipeline.prediction.command import parse, run

            sys.exit(run(parse()))
        except GraftError as error:
            sys.exit(f"graft: predict: {error}")
        except InterruptedBySignal as ended:
            sys.stderr.write(f"graft: predict: ended by {signal.Signals(ended.number).name}\n")
            sys.exit(128 + ended.number)


if __name__ == "__main__":
    main()
