"""Which errors of a rank may only have followed another's end."""

import pytest

from pipeline.distributed.rank import found_another_gone


@pytest.mark.parametrize(
    ("said", "followed"),
    [
        ("[../third_party/gloo/gloo/transport/tcp/pair.cc:534] Connection closed by peer [10.0.0.2]:4711", True),
        ("recvValueWithTimeout failed on SocketImpl(fd=55)", True),
        ("Broken pipe", True),
        ("data/gloomy.csv: no column 'text'", False),
        ("CUDA out of memory", False),
    ],
)
def test_a_rank_that_lost_another_is_told_from_one_that_failed(said: str, followed: bool) -> None:
    assert found_another_gone(said) is followed
