"""`docs/glossary.md`: one word for one thing, in the page and in the code."""

import ast
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

from tests.docs.pages import DOCS, ROOT, rows

PAGE = DOCS / "glossary.md"
TERMS = {
    "诉求": "appeal", "诉求人": "reporter", "工单": "ticket", "坐席": "agent", "承办单位": "unit",
    "牵头": "lead unit", "协办": "supporting units", "派单": "dispatch", "签收": "acknowledge",
    "退回": "return", "反馈": "resolution report", "督办": "supervision",
    "专项督查": "special supervision", "专报": "special report", "会商": "meeting",
    "现场协调": "on-site coordination", "通报": "notice", "首接负责": "first receiver",
    "并案": "merge", "拆单": "split", "回访": "follow-up", "办结": "resolve",
    "派单目录": "dispatch catalogue", "知识库": "knowledge base", "时限": "due time",
}  # fmt: skip
PACKAGES = ("gateway", "channels", "triage")
ACK_ALLOWED = "gateway/dispatch/"


def defined_names(tree: ast.AST) -> Iterator[str]:
    """Yield what a module itself names: functions, classes, parameters, variables, fields."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.id if isinstance(node, ast.Name) else node.attr


def words_of(name: str) -> set[str]:
    """Return the words of an identifier, and those of two neighbours written as one."""
    parts = [part.lower() for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]
    return {*parts, *(first + second for first, second in itertools.pairwise(parts))}


def forbidden() -> set[str]:
    """Return the words of the column `never`."""
    cells = [row[4] for row in rows(PAGE, "[\u4e00-\u9fff]+")]
    return {word for cell in cells for word in re.findall(r"`([a-z]+)`", cell)}


def test_every_term_is_in_the_glossary() -> None:
    """Each Chinese term has its one English word."""
    told = {row[0]: row[1] for row in rows(PAGE, "[\u4e00-\u9fff]+")}
    assert told.items() >= TERMS.items()
    assert len(told) == len(rows(PAGE, "[\u4e00-\u9fff]+"))


def test_the_glossary_points_at_files_that_are_there() -> None:
    """Where a term is said to live in the code, there is such a file."""
    cells = [row[3] for row in rows(PAGE, "[\u4e00-\u9fff]+")]
    named = {name for cell in cells for name in re.findall(r"`([\w/]+\.\w+)`", cell)}
    assert named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_nothing_is_named_by_a_forbidden_synonym() -> None:
    """No function, class, parameter or variable has a word that the glossary forbids."""
    never = forbidden()
    assert {"case", "workorder", "ack"} <= never
    found = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            place = str(path.relative_to(ROOT))
            if "node_modules" in path.parts:
                continue
            allowed = {"ack"} if place.startswith(ACK_ALLOWED) else set()
            names = set(defined_names(ast.parse(path.read_text())))
            found += [f"{place}: {name}" for name in names if words_of(name) & (never - allowed)]
    assert sorted(found) == []


def test_the_check_sees_synonyms(tmp_path: Path) -> None:
    """A variable, a class and a parameter with such a word are found, a library's method is not."""
    module = tmp_path / "module.py"
    module.write_text("class OpenCase:\n  def f(self, work_order):\n    old_case = x.xack()\n")
    names = set(defined_names(ast.parse(module.read_text())))
    assert {name for name in names if words_of(name) & forbidden()} == {
        "OpenCase", "work_order", "old_case",
    }  # fmt: skip
