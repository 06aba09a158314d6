"""A few written appeals, and settings for a run of seconds."""

import json
from pathlib import Path

import pytest

from tests.triage.conftest import FILES
from training.config import Config, read_config
from triage.taxonomy import Catalogue, parse_catalogue

SUBJECTS = {
    "heating": "暖气片冰凉不热",
    "police": "邻居半夜噪声大",
    "gas": "燃气灶停了气",
    "district": "村务账目不公开",
}
TAILS = (
    "老人孩子冻得睡不着觉",
    "物业经理总说明天就来修理",
    "连续三个星期打电话都没有回音",
    "请问应该找哪个部门反映",
    "去年冬天也发生过一样的事情",
    "希望领导重视群众的困难",
    "楼上楼下十几户人家都受影响",
    "合同里写得清清楚楚却不执行",
    "我白天上班只有晚上在家",
    "拍了照片和录像可以提供",
    "上次检查以后好了两天",
    "附近学校的学生也在抱怨",
)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """The small catalogue of the triage tests."""
    return parse_catalogue(FILES)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder with a few written appeals."""
    (tmp_path / "written").mkdir()
    rows: list[dict[str, object]] = [
        {
            "id": f"w-{unit}-{place}",
            "text": f"{tail}，{word}" if place % 2 else f"{word}，{tail}",
            "kind": "inquiry" if place % 2 else "complaint",
            "tier": "livelihood" if unit in {"heating", "gas"} else "general",
            "unit": unit,
            "also": [],
            "multi": place % 4 == 0,
            "topic": "城乡建设" if unit in {"heating", "gas"} else "政法",
            "district": None,
            "street": None,
            "route": "direct",
            "writer": "test",
        }
        for unit, word in SUBJECTS.items()
        for place, tail in enumerate(TAILS)
    ]
    lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    (tmp_path / "written" / "test.jsonl").write_text(lines + "\n", "utf-8")
    return tmp_path


def small() -> Config:
    """The shipped settings with fewer folds."""
    return read_config().model_copy(update={"folds": 2})
