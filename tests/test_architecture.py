"""What must hold of the source itself; who may import whom is checked by `make check`."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from channels.registry import configured_channels
from channels.wechat.account import WeChatAccount
from channels.wecom.account import WeComAccount
from gateway.settings import Settings
from tests.channels.tencent import wechat_account, wecom_account

ROOT = Path(__file__).parents[1]
PACKAGES = ("gateway", "channels", "triage", "models", "training")
LONGEST = 300
MAY_BE_LONGER = {
    "gateway/dispatch/consumer.py": "one file to copy, with everything that a consumer needs",
    "gateway/tickets/schema.py": "all tables, one after another, nothing else",
}
NAMED_OTHERWISE = {"email": "mail"}
"""Channels whose folder has another name: `email` is a package of the standard library."""


def sources() -> Iterator[Path]:
    """Every file of the product's own code."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "node_modules" not in path.parts:
                yield path


def test_no_file_is_longer_than_can_be_read() -> None:
    """Three hundred lines; what may be longer is listed with its reason, and is longer."""
    lengths = {str(path.relative_to(ROOT)): path.read_text().count("\n") for path in sources()}
    too_long = {name for name, length in lengths.items() if length > LONGEST}
    assert too_long == set(MAY_BE_LONGER)


def test_every_module_says_what_it_is_for() -> None:
    """Each begins with a sentence."""
    silent = [path for path in sources() if not ast.get_docstring(ast.parse(path.read_text()))]
    assert silent == []


@pytest.mark.parametrize(
    "folder", sorted(path.parent.name for path in ROOT.glob("channels/*/__init__.py"))
)
def test_every_channel_has_a_readme(folder: str) -> None:
    """How messages come, how they are verified, and what becomes of them stands beside it."""
    page = (ROOT / "channels" / folder / "README.md").read_text("utf-8")
    assert page.startswith("# ")
    assert len(page) > 300


def test_every_registered_channel_has_its_folder() -> None:
    """A channel is found where its name says."""
    settings = Settings(
        webhook_secrets={"source": "0123456789abcdef"},
        telegram_token="1:a",
        mail_address="hotline@12345.example",
        mail_listen="127.0.0.1:25",
        wechat=WeChatAccount.model_validate(wechat_account("http://localhost")),
        wecom=WeComAccount.model_validate(wecom_account("http://localhost")),
    )
    folders = {channel.name: type(channel).__module__ for channel in configured_channels(settings)}
    assert set(folders) >= {"webhook", "telegram", "email", "wechat", "wecom"}
    for name, module in folders.items():
        assert module == f"channels.{NAMED_OTHERWISE.get(name, name)}.adapter"


def test_nothing_depends_on_what_is_not_in_the_checkout() -> None:
    """No file of the product names a place outside of it."""
    outside = ("../" + "shared", "/" + "work/")
    naming = [
        path for path in sources() if any(place in path.read_text("utf-8") for place in outside)
    ]
    assert naming == []


def test_tests_say_what_they_show() -> None:
    """Every test function has one sentence that states the behaviour."""
    silent = [
        f"{path.name}: {node.name}"
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]
    assert silent == []
