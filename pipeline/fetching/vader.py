"""The VADER study's rated sentences: an archive inside a source package of the package index."""

import shutil
import tempfile
from pathlib import Path

from pipeline.errors import GraftError
from pipeline.fetching.archives import unpack
from pipeline.fetching.packages import download_package

PACKAGE = "vaderSentiment==3.3.2"
SHA256 = "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9"
LICENSE = "vaderSentiment-3.3.2/LICENSE.txt"
STUDY = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
LIMIT = 64 * 2**20

DOMAINS = {
    "tweets": "hutto_ICWSM_2014/tweets_GroundTruth.txt",
    "movies": "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt",
    "amazon": "hutto_ICWSM_2014/amazonReviewSnippets_GroundTruth.txt",
    "nyt": "hutto_ICWSM_2014/nytEditorialSnippets_GroundTruth.txt",
}


def download_vader(folder: Path) -> None:
    """Bring one text file per domain, and the licence, to ``folder``."""
    with tempfile.TemporaryDirectory() as temporary:
        archive = download_package(PACKAGE, SHA256, Path(temporary), kind="sdist")
        place_vader(archive, folder)


def place_vader(archive: Path, folder: Path) -> None:
    """Unpack the study from its source package into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        inner = Path(temporary)
        unpack(archive, inner, (LICENSE, STUDY).__contains__, LIMIT)
        if not (inner / STUDY).is_file():
            raise GraftError(f"{archive.name} does not hold {STUDY}")
        unpack(inner / STUDY, inner, tuple(DOMAINS.values()).__contains__, LIMIT)
        shutil.copyfile(inner / LICENSE, folder / "LICENSE.txt")
        for domain, member in DOMAINS.items():
            shutil.copyfile(inner / member, folder / f"{domain}.txt")
