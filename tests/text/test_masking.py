import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.text.masking import PLACEHOLDERS, mask

MASKED = {
    "e_mail": [
        "ann@example.org", "Ann.B+tag@mail.example.co.uk", "<ann_b@example.org>", "at ann@example.org.", "я@почта.рф",
    ],
    "phone": [
        "+49 30 1234567", "+44 20 7946 0958", "+1 (202) 555-0199", "+8613812345678", "+33 (0)6 12 34 56 78",
        "(202) 555-0199", "202-555-0199", "202.555.0199", "202 555 0199", "1-800-555-0199",
        "030 1234567", "(030) 1234567", "0171/1234567", "020 7946 0958", "06 12 34 56 78", "06.12.34.56.78",
        "tel: 555-0199", "call me at 555 0199", "phone is 5550199", "WhatsApp 0171 1234567",
    ],
    "key": [
        "AKIAIOSFODNN7EXAMPLE", "ghp_0123456789abcdefghijABCDEFGHIJ012345", "sk-proj-abcdefghijklmnop1234567890",
        "sk_live_4eC39HqLyjWDarjtT1zdp7dc", "xoxb-123456789012-abcdefABCDEF", "AIzaSyA0123456789abcdefghijABCDEFGHIJ01",
        "hf_abcdefghijklmnopqrstuvwxyzABCDEF01", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N",
        "api_key = '0123456789abcdef'", "password: hunter2hunter2", "SECRET_TOKEN=a1b2c3d4e5f6g7h8",
        "-----BEGIN RSA PRIVATE KEY----- MIIEow== -----END RSA PRIVATE KEY-----",
    ],
}  # fmt: skip
LOOK_ALIKES = {
    "e_mail": [
        "git@github.com:me/it.git", "https://user@host.com/x", "@user", "user@host", "react@18.2.0", "a @ b.com",
        "meet @ 5.30", "x@y", "me@", "1@2.3", "p@ssw0rd!", "foo@bar.1x",
    ],
    "phone": [
        "ISBN 978-3-16-148410-0", "ISBN 0-306-40615-2", "ISBN 0306406152", "978 0 306 40615 7", "9780306406157",
        "order 112-1234567-1234567", "Order no. 302-555-1234", "order #0512-345678", "invoice 0171 1234567",
        "Ref: 202-555-0199", "ticket number 202-555-0199", "№ 030 1234567", "case 0123/456789",
        "2024-01-15", "15.01.2024", "01/02/2003", "01-02-2003 123", "01.02.2003 12:30", "15 01 2024", "1984-2001",
        "2020-2021-2022", "20240115123000", "12:30:45", "2024-01-15T12:30:45",
        "version 10.0.19041.1234", "v2.10.3", "1.800.555.0199.3", "192.168.100.200", "255.255.255.0", "8.8.8.8",
        "1,234,567", "1 234 567 890", "3.14159265358979", "0.123456789", "1.602176634e-19", "$1,000,000.00",
        "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00", "555-0199", "pages 123-4567", "+1", "+ 100 000 000",
        "a+1234567890", "2+12345678", "(1990) 234 5678", "room 202-555", "01 23", "10.1000/182",
        "https://x.org/202-555-0199", "A-202-555-0199", "202-555-0199-1", "51.5074, -0.1278", "078-05-1120",
    ],
    "key": [
        "the key to success: patience", "primary key: customer_identifier", "token: bearer", "password: required",
        "d41d8cd98f00b204e9800998ecf8427e", "123e4567-e89b-12d3-a456-426614174000", "sk-learn", "task-1234567890123456",
        "monkey = 1234567890123", "keyboard: 12345678901234", "supercalifragilisticexpialidocious", "AKIA", "eyJ.eyJ.x",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in MASKED.items() for text in texts])
def test_what_must_not_be_stored_is_replaced(kind: str, text: str) -> None:
    for sentence in (text, f"Well, {text} it is", f"({text})", f"{text}, they said."):
        masked = mask(sentence, kind)
        assert masked.count(PLACEHOLDERS[kind]) == 1, masked
        kept = masked.replace(PLACEHOLDERS[kind], "")
        assert not any(letter.isdigit() for letter in kept)
        assert mask(masked, kind) == masked


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in LOOK_ALIKES.items() for text in texts])
def test_what_only_looks_like_it_stays(kind: str, text: str) -> None:
    for sentence in (text, f"Well, {text} it is", f"({text})", f"{text}, they said."):
        assert mask(sentence, kind) == sentence


@given(st.sampled_from(sorted(PLACEHOLDERS)), st.text(st.sampled_from("0123456789 +-.()/@:#=abkey_[]"), max_size=60))
def test_a_placeholder_is_never_masked_again(kind: str, text: str) -> None:
    placeholder = PLACEHOLDERS[kind]
    assert mask(f"x {placeholder} y", kind) == f"x {placeholder} y"
    assert mask(text, kind).count("[") >= text.count("[")


@pytest.mark.parametrize(
    "piece", ["a.", "a@", "1 ", "0 1", "+1", "1-", "key_", "key=", "eyJa.", "(", "sk-", "x@y.", "+1."]
)
def test_a_hostile_text_takes_no_longer_than_others(piece: str) -> None:
    began = time.monotonic()
    for kind in PLACEHOLDERS:
        mask(piece * (200_000 // len(piece)), kind)
    assert time.monotonic() - began < 20, "a second or so; patterns that go back and forth would take hours"
