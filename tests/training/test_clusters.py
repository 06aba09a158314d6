"""The figures of clusters: pairs found and pairs wrong, each half for itself."""

import json
from pathlib import Path

from training.clusters import (
    HELD_OUT,
    TUNED,
    gather,
    judge,
    read_appeals,
    read_labels,
    shipped_commonness,
)

PLANT = "青檀苑小区旁边建了一座水泥搅拌站,灰尘很大,夜里噪音吵得睡不着"
LABELS = {"a": "plant", "b": "plant", "c": "plant", "x": "bath", "y": "bath"}


def test_pairs_found_and_wrong_are_counted() -> None:
    """A pair that is missing is not found; a pair of two matters is wrong."""
    figures = judge({"a": "a", "b": "a"}, LABELS, TUNED)
    assert (figures.pairs, figures.found, figures.wrong) == (3, 1, 0)
    assert judge({"x": "x", "y": "x"}, LABELS, HELD_OUT).mean_found == 1
    both = {"a": "a", "b": "a", "lone": "a"}
    lone = {**LABELS, "lone": None}
    wrong = [judge(both, lone, half).wrong for half in (TUNED, HELD_OUT)]
    assert sorted(wrong) in ([0, 0], [0, 2])


def test_appeals_are_gathered_in_the_order_in_which_they_came(tmp_path: Path) -> None:
    """What came first names the cluster; what is alone has none."""
    told = [
        ("2", "tipdm-3", "2019/7/2 1:00:00", PLANT),
        ("9", "tipdm-3", "2019-07-01 01:00:00", PLANT),
        ("3", "tipdm-3", "2019/7/3 1:00:00", "公园何时开放"),
        ("4", "other", "2019/7/3 1:00:00", PLANT),
    ]
    names = ("id", "source", "time", "title")
    rows = [{**dict(zip(names, row, strict=True)), "content": "求助"} for row in told]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "appeals.jsonl").write_text(lines, "utf-8")
    appeals = read_appeals(tmp_path)
    assert [identity for identity, _ in appeals] == ["9", "2", "3"]
    assert set(gather(appeals, shipped_commonness())) == {"9", "2"}


def test_the_labels_hold_no_text() -> None:
    """Labels are ids and names of our own, for clusters of two or more."""
    labels = read_labels()
    assert len(labels) > 300
    assert all(len(identity) == 12 for identity in labels)
    names = [name for name in labels.values() if name is not None]
    assert all(name.isascii() for name in names)
    assert min(names.count(name) for name in names) >= 2
