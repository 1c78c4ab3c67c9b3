"""Translated messages of software, read from gettext sources (``.po``) and from JSON; cleaned of what is no language.

A message that was not translated (it is the English one), or is only a guess (``fuzzy``), is left out.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.errors import GraftError
from pipeline.text.cleaning import normalise

QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"\s*$')
ESCAPE = re.compile(r"\\(.)")
ESCAPED = {"n": "\n", "t": "\t", "r": "\n"}

# What stands for something else, and what only a machine reads: none of it is written in any language.
NO_LANGUAGE = re.compile(
    r"""https?://\S+ | \S+@\S+\.\S+ | </?[a-zA-Z][^<>]*> | &\#?\w+; | :[\w:]+:`[^`]*` | ``[^`]*`` | `[^`]*`_*
      | %\([^)]*\)[-\#0 +\d.]*[a-zA-Z] | %[-\#0 +\d.]*[a-zA-Z](?![a-zA-Z]) | \$?\{+[^{}]*\}+ | \[%[^\]]*%\] | \$\w+
      | \S*[\w)]\(\)\S* | \S*\w[/\\._]\w\S*""",
    re.VERBOSE,
)
ACCELERATOR = re.compile(r"&(?=\w)")
# A choice between forms (ICU) nests braces: too much of it is code.
CHOICE = re.compile(r",\s*(?:plural|select|selectordinal)\s*,")
SENTENCE = re.compile(r"(?<=[.!?…।؟])\s+|\n+")


def read_po(text: str) -> Iterator[tuple[str, str]]:
    """Yield the English message and its translation, each form of a plural by itself; no fuzzy or obsolete one."""
    fields: dict[str, list[str]] = {}
    name, fuzzy = "", False
    for line in [*text.splitlines(), ""]:
        if line.startswith("#"):
            fuzzy = fuzzy or (line.startswith("#,") and "fuzzy" in line)
            continue
        keyword = line.partition(" ")[0] if line[:3] == "msg" else ""
        if (keyword in ("msgctxt", "msgid") and "msgstr" in _kinds(fields)) or not line.strip():
            if not fuzzy:
                yield from _messages(fields)
            if fields:
                fields, fuzzy = {}, False
        if keyword:
            name = keyword
        if name and (found := QUOTED.search(line)):
            fields.setdefault(name, []).append(ESCAPE.sub(lambda match: ESCAPED.get(match[1], match[1]), found[1]))


def _kinds(fields: dict[str, list[str]]) -> set[str]:
    return {name.partition("[")[0] for name in fields}


def _messages(fields: dict[str, list[str]]) -> Iterator[tuple[str, str]]:
    joined = {name: "".join(parts) for name, parts in fields.items()}
    if not joined.get("msgid"):  # the header
        return
    for name, translation in joined.items():
        if name.startswith("msgstr") and translation:
            plural = name not in ("msgstr", "msgstr[0]")
            yield joined["msgid_plural" if plural and "msgid_plural" in joined else "msgid"], translation


def read_json_messages(path: Path, english: Path) -> Iterator[tuple[str, str]]:
    """Yield the English message and its translation for every key that both files have."""
    own, source = (dict(_leaves(_load(each))) for each in (path, english))
    for key, message in own.items():
        if key in source:
            yield source[key], message


def _load(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise GraftError(f"{path.name} is no JSON; the package is not the one that the recipe knows") from error


def _leaves(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _leaves(each, f"{key}.{name}")


def clean_message(message: str) -> list[str]:
    """Return the sentences of a message without placeholders, markup, addresses and accelerators.

    ``"&Save %(name)s"`` → ``["Save"]``; a message with a choice between forms gives none.
    """
    if CHOICE.search(message):
        return []
    sentences = []
    for part in SENTENCE.split(message):
        text = normalise(ACCELERATOR.sub("", NO_LANGUAGE.sub(" ", part)))
        if is_language(text):
            sentences.append(text.strip(" -–—:;,*•\"'()[]"))
    return sentences


def is_language(text: str) -> bool:
    """Whether ``text`` holds two letters at least and is mostly letters, their marks and spaces."""
    letters = sum(character.isalpha() for character in text)
    signs = sum(not (character.isalnum() or character.isspace()) for character in text if character.isascii())
    digits = sum(character.isdigit() for character in text)
    return letters >= 2 and letters > 2 * (signs + digits)
