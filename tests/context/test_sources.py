"""The list of sources, and how other people's get into it."""

from pathlib import Path

import pytest

from aid.context.sources import all_sources, built_in

MODULE = """
class Rules:
    name = "rules"

    async def pieces(self, ask, reader):
        return []
"""
ENTRY_POINTS = "[aid.context]\nbroken = house_rules:Missing\nrules = house_rules:Rules\n"


def test_an_installed_package_adds_its_source_and_a_broken_one_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "house_rules.py").write_text(MODULE)
    (tmp_path / "house-1.0.dist-info").mkdir()
    (tmp_path / "house-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: house\nVersion: 1.0\n")
    (tmp_path / "house-1.0.dist-info" / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(str(tmp_path))
    names = [source.name for source in all_sources()]
    assert names == [*(source.name for source in built_in()), "rules"]
    assert "context source broken (house_rules:Missing) can't be loaded" in caplog.text
