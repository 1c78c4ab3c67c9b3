"""The tables about the data, from what the stages prepare and tokenize counted."""

from collections.abc import Mapping
from typing import Any

from pipeline.report.numbers import NOTHING, count, percent
from pipeline.report.tables import Table

NUMBERS = {"mean": "Mean", "deviation": "Standard deviation", "least": "Least", "most": "Most"}


def data_tables(summary: Mapping[str, Any], tokenizers: Mapping[str, Mapping[str, Any]]) -> list[Table]:
    """Return what was read, kept and refused; the splits; the transfer set; and how ``tokenizers``, by name, cut it."""
    return [_rows(summary), _splits(summary), _transfer_set(summary), _cuts(tokenizers)]


def _rows(summary: Mapping[str, Any]) -> Table:
    examples = summary["refused_examples"]
    rows = [["Read", count(summary["rows_in"]), ""]]
    for reason, refused in summary["refused"].items():
        rows.append([f"Refused: {reason.replace('_', ' ')}", count(refused), ", ".join(examples.get(reason, [])[:3])])
    rows.append(["Kept", count(summary["rows_kept"]), ""])
    for rule, changed in summary["changed"].items():
        rows.append([f"Changed: {rule.replace('_', ' ')}", count(changed), ""])
    return Table(
        "Rows read, refused and kept, and how many each rule of the text changed", ["", "Rows", "For example"], rows
    )


def _splits(summary: Mapping[str, Any]) -> Table:
    splits = {name: summary["splits"][name] for name in ("train", "validation", "test")}
    rows = [["Texts", *(count(split["rows"]) for split in splits.values())]]
    rows.append(["Groups (documents)", *(count(split["groups"]) for split in splits.values())])
    for name, title in NUMBERS.items() if "numbers" in splits["train"] else ():
        cells = (split.get("numbers", {}).get(name) for split in splits.values())
        rows.append(
            [f"{title} of {summary['labels'][0]}", *(NOTHING if cell is None else f"{cell:.2f}" for cell in cells)]
        )
    for label in summary["labels"] if "numbers" not in splits["train"] else ():
        rows.append([f"Label: {label}", *(count(split["labels"].get(label, 0)) for split in splits.values())])
    for domain in sorted({domain for split in splits.values() for domain in split["domains"]}):
        rows.append([f"Domain: {domain}", *(count(split["domains"].get(domain, 0)) for split in splits.values())])
    # Of pairs: a text that two splits share stands beside another in each.
    leakage = summary["leakage"]
    for key, which in (("text_shared", "First"), ("text_pair_shared", "Second")):
        if any(key in found for found in leakage.values()):
            shares = [count(leakage[f"train_{name}"][key]) for name in ("validation", "test")]
            rows.append([f"{which} texts also in train", NOTHING, *shares])
    shared = sum(pair["loose"] for pair in leakage.values())
    caption = f"The splits; texts that two of them share, but for case and punctuation: {count(shared)}"
    return Table(caption, ["", *(name.capitalize() for name in splits)], rows)


def _transfer_set(summary: Mapping[str, Any]) -> Table:
    transfer_set = summary["transfer_set"]
    rows = [[kind.capitalize(), count(texts)] for kind, texts in transfer_set["kinds"].items()]
    rows.append(["In all", count(transfer_set["rows"])])
    return Table("The transfer set: texts without labels that the teacher reads", ["Kind", "Texts"], rows)


def _cuts(tokenizers: Mapping[str, Mapping[str, Any]]) -> Table:
    """Fertility, tokens for a word, and the share of unknown tokens: of each script and, where they differ, domain."""
    first = next(iter(tokenizers.values()))["cuts"]
    rows = []
    for kind, title in (("scripts", "Script"), ("domains", "Domain")):
        groups = first[kind]
        for name in groups if kind == "scripts" or len(groups) > 1 else ():
            cells = [count(groups[name]["texts"])]
            for each in tokenizers.values():
                found = each["cuts"][kind][name]
                cells.append(f"{found['tokens'] / max(found['words'], 1):.2f}")
                cells.append(percent(found["tokens_unknown"] / max(found["tokens"], 1), 2))
            rows.append([f"{title}: {name}", *cells])
    headings = [f"{name}: {what}" for name in tokenizers for what in ("tokens a word", "unknown")]
    caption = (
        "How finely the training texts are cut; where no spaces are written, a character counts as a word; of a text's "
        "scripts, that of most letters"
    )
    return Table(caption, ["", "Texts", *headings], rows)
