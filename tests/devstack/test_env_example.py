"""`.env.example` names every setting, so that nobody has to read the source to find one."""

import re

from aurapark.config import ROOT


def test_every_setting_that_is_read_is_explained() -> None:
    calls = r'\.(?:get|word|number|url|server|secret|names|of_gateway|sink|token|networks)\(\s*"([A-Z_]+)"'
    read = set(re.findall(calls, (ROOT / "aurapark/config.py").read_text()))
    explained = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert len(read) > 20
    assert read <= explained


def test_copied_as_it_is_it_changes_nothing() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == []
