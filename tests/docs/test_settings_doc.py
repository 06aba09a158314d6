"""`docs/settings.md` against `Settings`."""

from pathlib import Path
from typing import Any

from gateway.settings import PREFIX, Settings
from tests.docs.pages import DOCS, rows

PAGE = DOCS / "settings.md"


def written(default: Any) -> str:
    """Return a default as the page writes it."""
    if default is None:
        return "–"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, tuple):
        return f"`{','.join(default)}`" if default else "–"
    if isinstance(default, int | float | str | Path):
        return f"`{default}`"
    return "`{}`" if default == {} else repr(default)


def test_every_setting_is_documented_with_its_default() -> None:
    """The tables name each setting once, and the default that is in force."""
    told = [(name.strip("`"), default) for name, default, _ in rows(PAGE, "`JIESU_[A-Z0-9_]+`")]
    real = {
        PREFIX + name.upper(): written(field.default)
        for name, field in Settings.model_fields.items()
    }
    assert dict(told) == real
    assert len(told) == len(real)


def test_every_setting_has_a_meaning() -> None:
    """No row of the tables leaves the meaning out."""
    assert all(meaning for _, _, meaning in rows(PAGE, "`JIESU_[A-Z0-9_]+`"))
