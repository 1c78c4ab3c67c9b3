"""Archives laid out as the packages that ``recipes/languages`` reads, of four languages that are made up."""

import gzip
import io
import json
import random
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from recipes.languages import packages
from recipes.languages.packages import GETTEXT, JSON, PACKAGES, Package

# Words of each language hold letters of its own.
LETTERS = {"en": "thewyou", "de": "schüßei", "fr": "çéèquoa", "ru": "бгджзиы"}
NAMES = {"de": "German", "fr": "French", "ru": "Russian", "en": "English"}
HASH = "0123456789abcdef" * 2


def words(language: str, number: int = 60) -> list[str]:
    source = random.Random(language)
    found = {"".join(source.choices(LETTERS[language], k=source.randint(3, 6))) for _ in range(number)}
    return sorted(found)


def sentences(language: str, number: int, seed: int) -> list[str]:
    source = random.Random(seed)
    return [" ".join(source.choices(words(language), k=source.randint(4, 8))).capitalize() for _ in range(number)]


def po(language: str, seed: int) -> str:
    pairs = zip(sentences("en", 40, seed), sentences(language, 40, seed), strict=True)
    entries = [f'msgid "{english} %(name)s"\nmsgstr "%(name)s {own}"\n' for english, own in pairs]
    return "\n".join(['msgid ""\nmsgstr "Content-Type: text/plain"\n', *entries])


def frequencies(language: str) -> bytes:
    """A list of wordfreq's: a header, then bins of words; empty ones between them."""

    def text(value: str) -> bytes:
        return bytes([0xA0 + len(value.encode())]) + value.encode()

    bins = [b"\x82" + text("format") + text("cB") + text("version") + b"\x01"]
    bins += [b"\x90" if at % 3 else b"\x91" + text(word) for at, word in enumerate(words(language))]
    return gzip.compress(b"\xdc" + len(bins).to_bytes(2, "big") + b"".join(bins))


def files_of(package: Package) -> dict[str, bytes]:
    name = package.requirement.partition("==")[0]
    others = [language for language in LETTERS if language != "en"]
    if package in GETTEXT:
        folder = "sphinx" if name == "Sphinx" else f"{name}/conf"
        file = "sphinx" if name == "Sphinx" else "django"
        return {f"{folder}/locale/{each}/LC_MESSAGES/{file}.po": po(each, len(name)).encode() for each in others}
    if package in JSON:
        path = "kolibri/locale/{}/LC_MESSAGES/a.b-messages.json"
        if name != "kolibri":
            path = f"hass_frontend/static/translations/{{}}-{HASH}.json"
        messages = {each: dict(enumerate(sentences(each, 30, 5))) for each in LETTERS}
        return {path.format(each): json.dumps(messages[each]).encode() for each in LETTERS}
    if package is packages.STOPLISTS:
        return {f"justext/stoplists/{NAMES[each]}.txt": "\n".join(words(each)).encode() for each in LETTERS}
    if package is packages.FREQUENCIES:
        return {f"wordfreq/data/small_{each}.msgpack.gz": frequencies(each) for each in LETTERS}
    if package is packages.SENTENCES:
        lines = [f"{each}\t{text}" for each in ("de", "fr", "ru") for text in sentences(each, 40, 9)]
        return {"eld/tests/data/big-test.txt": "\n".join([*lines, "xx\tnone of ours", ""]).encode()}
    snippet = "\n    ".join(f'"{text} "' for text in sentences("en", 8, 3))
    return {
        "gcld3-3.0.13/src/nnet_lang_id_test_data.cc": f"const char *const X::kTestStrEN =\n    {snippet};\n".encode(),
        "gcld3-3.0.13/src/more.cc": b"more",
    }


def write_archives(folder: Path) -> Callable[..., Path]:
    """Write an archive of each package; return what stands for the download of one."""
    folder.mkdir()
    for package in PACKAGES:
        files = files_of(package)
        if package.kind == "sdist":
            with tarfile.open(folder / f"{package.requirement}.tar.gz", "w:gz") as archive:
                for name, content in files.items():
                    member = tarfile.TarInfo(name)
                    member.size = len(content)
                    archive.addfile(member, io.BytesIO(content))
        else:
            with zipfile.ZipFile(folder / f"{package.requirement}.whl", "w") as wheel:
                for name, content in files.items():
                    wheel.writestr(name, content)
    return lambda requirement, *_: next(folder.glob(f"{requirement}.*"))
