"""What must not be stored, replaced by a placeholder: e-mail addresses, telephone numbers, keys.

Each pattern asks for the form that makes it one: order numbers, ISBNs, dates, versions and addresses of machines have
digits and dots as well. This file lies as ``masking.py`` in every folder that the stage ``export`` writes.
"""

import re

PLACEHOLDERS = {"e_mail": "[e-mail]", "phone": "[phone]", "key": "[key]"}
PLACED = re.compile("|".join(map(re.escape, PLACEHOLDERS.values())))

# Neither the name in a web address (https://user@host) nor that of a repository (git@host:name).
E_MAIL = re.compile(r"(?<![\w.+-])(?<!//)[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w-])(?!:[\w/])")

# Not inside a longer number, a version, a date or a word.
BEGIN, END = r"(?<![\w.,:/+#-])(?<!\d )", r"(?![\w:/-]|[.,]\d| \d)"
NUMBERS = (
    # +49 30 1234567: with its country's code.
    r"\+[1-9](?:[ .()/-]{0,2}\d){7,14}",
    # 1-800-555-0199, (202) 555-0199, 202.555.0199: North America's, whose parts begin with 2 or more.
    r"(?:1[ .-])?\([2-9]\d\d\) ?[2-9]\d\d[ .-]\d{4}",
    r"(?:1[ .-])?[2-9]\d\d([ .-])[2-9]\d\d\1\d{4}",
    # 030 1234567, 0171/1234567, 06 12 34 56 78: elsewhere a zero begins; nine to eleven digits, neither a date nor
    # the number of a person (078-05-1120).
    r"(?!\d\d([ ./-])\d\d\2\d{4})(?!\d{3}-\d\d-\d{4})(?=(?:\D{0,2}\d){9,11}(?!\D?\d))"
    r"(?:0[1-9]\d{0,4}|\(0[1-9]\d{0,4}\))(?:[ /-]\d{2,8}){1,4}",
    r"0[1-9](?:\.\d\d){4}",
)
PHONE = re.compile(f"{BEGIN}(?:{'|'.join(NUMBERS)}){END}")
# What is said to be one, and what is said to be another number.
CALLED = re.compile(
    r"\b(?P<word>(?:tele)?phone|tel|mobile|mob|cell|fax|call|whatsapp)(?P<between>\.?(?: (?:me|us|him|her|them))?"
    r"(?: (?:at|on|is))?[ :]{1,3})(?:\(?\d[\d ()./-]{5,18}\d)(?![\w:/-]|[.,]\d)",
    re.IGNORECASE,
)
OTHER = re.compile(
    r"(?:\b(?:order|invoice|isbn|issn|ref|reference|tracking|ticket|case|account|serial|version|article|item|id|nr|no)"
    r"\b[.:]?|[#№])(?: (?:no|nr|number|is)\b[.:]?)?[ :#-]{0,3}$",
    re.IGNORECASE,
)
BEFORE = 32

KEYS = (
    r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----.{0,8000}?-----END [A-Z ]{0,20}PRIVATE KEY-----",
    r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    r"\bgh[pousr]_\w{36,255}\b|\bgithub_pat_\w{22,255}\b|\bglpat-[\w-]{20,64}",
    r"\b(?:sk|pk|rk)[-_](?:[a-z]{2,8}[-_]){0,2}(?=[\w-]{0,200}\d)[\w-]{20,200}",
    r"\bxox[abeprs]-[\w-]{10,250}",
    r"\bAIza[\w-]{35}(?![\w-])",
    r"\b(?:hf|npm)_[A-Za-z0-9]{30,64}\b|\bpypi-[\w-]{50,250}",
    r"\beyJ[\w-]{8,2000}\.eyJ[\w-]{8,4000}\.[\w-]{8,2000}",
)
KEY = re.compile("|".join(KEYS))
# api_key = "..." and the like: a value with a digit and of no common word's length.
NAMED = re.compile(
    r"(?P<name>\b(?:[a-z]{1,20}[_-]){0,3}(?:key|token|secret|password|passwd)\b[\"']?\s{0,3}[:=]\s{0,3}[\"']?)"
    r"(?=[^\s\"']{0,200}\d)[\w+/=.~-]{12,200}",
    re.IGNORECASE,
)


def mask(text: str, kind: str) -> str:
    """Return ``text`` with what is of ``kind``, a key of ``PLACEHOLDERS``, replaced by its placeholder."""
    placeholder = PLACEHOLDERS[kind]
    if kind == "e_mail":
        return E_MAIL.sub(placeholder, text) if "@" in text else text
    if kind == "key":
        return NAMED.sub(rf"\g<name>{placeholder}", KEY.sub(placeholder, text))
    called = CALLED.sub(rf"\g<word>\g<between>{placeholder}", text)
    return PHONE.sub(lambda found: _masked(found, placeholder), called)


def _masked(found: re.Match[str], placeholder: str) -> str:
    before = found.string[max(0, found.start() - BEFORE) : found.start()]
    return found[0] if OTHER.search(before) else placeholder
