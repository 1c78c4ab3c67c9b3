"""Reading params.yaml: the sections that are asked for, validated, or one line that says what is wrong."""

from pathlib import Path
from typing import Any, TypeVar

from pydantic import ConfigDict, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from pipeline.errors import GraftError
from pipeline.settings.base import Section

PARAMS = Path("params.yaml")

Wanted = TypeVar("Wanted", bound="Sections")


class Sections(Section):
    """Some sections of params.yaml, a field each; the others are left alone."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    def section(self, name: str, key: str) -> Any:
        """Return ``name.key``; raise GraftError with the keys there are."""
        entries = getattr(self, name)
        if key not in entries:
            raise GraftError(f"params.yaml has no {name}.{key}; it has {', '.join(entries)}")
        return entries[key]


def read_sections(wanted: type[Wanted], path: Path = PARAMS) -> Wanted:
    """Read the sections of ``path`` that ``wanted`` names; raise GraftError with one line for the first wrong one."""
    # YAML 1.2, as DVC reads and writes it: `1e-05`, which `dvc exp run -S` writes, is a number.
    try:
        raw = YAML(typ="safe", pure=True).load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise GraftError(f"{path} is missing; run from the root of the repository") from None
    except MarkedYAMLError as error:
        where = error.problem_mark or error.context_mark
        raise GraftError(f"{path}:{where.line + 1 if where else '?'}: not YAML: {error.problem}") from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise GraftError(f"{path}: not YAML in UTF-8: {str(error).splitlines()[0]}") from None
    if not isinstance(raw, dict):
        raise GraftError(f"{path}: expected sections such as `data:` and `students:`")
    try:
        return wanted.model_validate(raw)
    except ValidationError as error:
        raise GraftError(f"{path}: {_first_fault(error)}") from None


def _first_fault(error: ValidationError) -> str:
    """One line: the key, the value given, and what is allowed."""
    fault = error.errors(include_url=False)[0]
    # Pydantic puts the chosen member of a union (`vader`, `package`…) into the path; the file has no such key.
    tags = {"vader", "file", "hub", "package", "folder", "tfidf", "naive_bayes"}
    location = list(fault["loc"])
    parts = [part for at, part in enumerate(location) if not (part in tags and _is_tag(location, at))]
    key = ".".join(str(part) for part in parts)
    message = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "extra_forbidden":
        return f"{key} is not a setting; remove it or correct its name"
    if fault["type"] == "missing":
        return f"{key} is missing; the README lists the settings of each section"
    if fault["type"] == "value_error":
        return f"{key}: {message}" if key else message
    given = fault["input"]
    if fault["type"] == "union_tag_invalid":
        tag = fault["ctx"]["discriminator"].strip("'")
        return f"{key}.{tag} is {fault['ctx']['tag']!r}; allowed: {fault['ctx']['expected_tags']}"
    if fault["type"] == "union_tag_not_found":
        return f"{key}.{fault['ctx']['discriminator'].strip(chr(39))} is missing"
    if fault["type"] in ("dict_type", "model_type"):
        return f"{key} is {given!r}: expected settings, one `key: value` a line"
    return f"{key} is {given!r}: {message[0].lower()}{message[1:]}"


def _is_tag(location: list[int | str], at: int) -> bool:
    return (location[0] == "data" and at == 1) or (location[0] in ("pretrained", "rivals") and at == 2)
