"""Takes on disk are the takes that were put there, and a full disk is an error with a remedy."""

import errno
import os
from pathlib import Path

import pytest
import torch
from indextts2_multitalk.indextts.dialogue.timeline import assemble_timeline
from indextts2_multitalk.indextts.errors import OutputError
from indextts2_multitalk.indextts.records import Line, Take
from indextts2_multitalk.indextts.take_spool import TakeSpool


def takes(count: int) -> list[Take]:
    return [Take(Line(place, "A", f"Line {place}."), torch.randn(1, 100 + place), ()) for place in range(count)]


def test_a_timeline_on_disk_is_the_one_in_ram(tmp_path: Path) -> None:
    given = takes(5)
    with TakeSpool(tmp_path) as spool:
        kept = [spool.keep(take) for take in given]
        timeline = assemble_timeline(kept, 0.01, make_silence=spool.zeros)
        expected = assemble_timeline(given, 0.01)
        assert torch.equal(timeline.waveform, expected.waveform)
        assert all(torch.equal(*pair) for pair in zip(timeline.waves, expected.waves, strict=True))
        assert [take.line.index for take in kept] == list(range(5))
        assert any(tmp_path.iterdir())
    assert not any(tmp_path.iterdir())


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="this system takes room when it is written to")
def test_a_full_disk_is_said_before_it_is_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with TakeSpool(tmp_path) as spool:
        monkeypatch.setattr(os, "posix_fallocate", full)
        with pytest.raises(OutputError, match=r"No space left on device.*TMPDIR"):
            spool.keep(takes(1)[0])


def test_no_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="TMPDIR"), TakeSpool(tmp_path / "missing" / "folder"):
        pass


def test_an_empty_take_is_one(tmp_path: Path) -> None:
    with TakeSpool(tmp_path) as spool:
        assert spool.keep(Take(Line(0, "A", "…"), torch.zeros(1, 0), ())).waveform.shape == (1, 0)
