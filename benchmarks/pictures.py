"""``python -m benchmarks.pictures``: the report as a browser shows it, for the README.

Opens ``report/index.html`` at the widths of a desk, a tablet and a phone and writes what stands on the first screen,
light and at one width dark, and the whole page, into ``docs/pictures/``.
"""

import argparse
import sys
from pathlib import Path

from tests.browser import open_browser

REPORT, TARGET = Path("report/index.html"), Path("docs/pictures")
# Width and height of the window, and the colours that the reader prefers, by picture.
VIEWS = {
    "report-1440": ((1440, 1080), "light"),
    "report-900": ((900, 1200), "light"),
    "report-390": ((390, 844), "light"),
    "report-900-dark": ((900, 1200), "dark"),
}


def main() -> None:
    """Read the command line, take the pictures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pictures", description="Pictures of the report.")
    parser.add_argument("--whole", type=Path, metavar="FOLDER", help="write the whole page as well, into this folder")
    options = parser.parse_args()
    if not REPORT.exists():
        sys.exit(f"{REPORT} is missing; run `make repro`")
    for folder in filter(None, (TARGET, options.whole)):
        folder.mkdir(parents=True, exist_ok=True)
    with open_browser() as browser:
        for name, ((width, height), colours) in VIEWS.items():
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=colours)
            page.goto(REPORT.absolute().as_uri())
            page.screenshot(path=TARGET / f"{name}.png")
            print(f"{TARGET / name}.png: {width} x {height}, {colours}")
            if options.whole:
                page.screenshot(path=options.whole / f"{name}.png", full_page=True)
            page.close()


if __name__ == "__main__":
    main()
