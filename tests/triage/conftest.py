"""A small catalogue and classifier, so that triage is tested without a trained model."""

import re
from collections.abc import Mapping, Sequence

import pytest

from triage.automatic import NEVER
from triage.calibration import Calibration
from triage.classifier.port import Prediction
from triage.decision import Kind, ModelVersion, Tier, Topic
from triage.likeness import Likeness
from triage.pipeline import Pipeline
from triage.taxonomy import Catalogue, parse_catalogue

UNITS = """code,name_zh,kind,duties_zh
heating,热力集团,enterprise,供暖不热、停暖
gas,燃气集团,enterprise,燃气泄漏、停气
police,公安局,department,治安、噪声
development-reform,发展改革委,department,价格政策
district-haidian,海淀区人民政府,district,属地事项
district-chaoyang,朝阳区人民政府,district,属地事项
"""
TOPICS = "name\n" + "\n".join(Topic) + "\n"
AREAS = """code,name,kind,district,street,aliases,unless
district-haidian,海淀区,district,,,海淀,
district-chaoyang,朝阳区,district,,,朝阳,朝阳路|辽宁朝阳
haidian-zhongguancun,中关村街道,street,district-haidian,,中关村,
chaoyang-jianwai,建外街道,street,district-chaoyang,,建外,
place-guomao,国贸,place,district-chaoyang,chaoyang-jianwai,国贸桥,
place-heping-h,和平里东,place,district-haidian,,和平楼,
place-heping-c,和平里西,place,district-chaoyang,,和平楼,
"""
MATTERS = """
- id: heat-cold
  name: 供暖不热
  topic: 城乡建设
  area: null
  lead: heating
  words: [暖气/供暖 不热/冰凉 -收费标准]
  examples: [家里暖气一直不热]
- id: heat-fee
  name: 供热收费
  topic: 经济管理
  area: null
  lead: heating
  supporting: [development-reform]
  words: [取暖费 退/收费]
  examples: [取暖费怎么退]
- id: village
  name: 村务
  topic: 农村农业
  lead: district
  words: [村里 账目]
  examples: [村里账目从来不公开]
- id: dance-haidian
  name: 海淀广场舞
  topic: 政法
  area: district-haidian
  lead: district
  words: [跳舞 音箱]
  examples: [海淀公园跳舞的音箱太吵]
- id: dance
  name: 广场舞
  topic: 政法
  lead: police
  words: [跳舞 音箱]
  examples: [天天跳舞音箱太吵]
"""
TIERS = """
- id: gas-leak
  tier: emergency
  reason: 燃气泄漏
  source: DB11/T 2021-2022 突发事件
  within: 10
  words: [燃气/煤气 泄漏/漏气]
  unless: [演练, 去年 -现在]
  matches: [厨房燃气漏气了]
  misses: [社区搞燃气泄漏演练]
- id: heat-out
  tier: livelihood
  reason: 供暖不热
  source: DB11/T 2021-2022 水电气热
  words: [暖气 不热]
  matches: [暖气不热]
  misses: [暖气费怎么交]
"""
HINT = """
- id: fainted
  tier: emergency
  hint: true
  reason: 有人晕倒
  source: DB11/T 2021-2022 突发事件
  words: [晕倒]
  matches: [有人晕倒]
  misses: [没有人]
"""
FILES = {
    "units.csv": UNITS,
    "topics.csv": TOPICS,
    "areas.csv": AREAS,
    "catalogue.yaml": MATTERS,
    "tiers.yaml": TIERS,
}

CALIBRATION = Calibration(
    temperatures={},
    emergency_from=0.6,
    livelihood_from=0.6,
    hint_from=0.0,
    livelihood_hint_from=0.0,
    in_domain_from=0.5,
    several_from=0.5,
    first_unit=(),
    matter_weight=6.0,
    matters=(),
    topic_trust=0.6,
    set_from=0.05,
    coverage=0.9,
    automatic=NEVER,
    likeness=Likeness(bias=-6.0, weight=6.0),
)


class CueClassifier:
    """Judges by a few plain cues in the text, in place of a trained model."""

    version = ModelVersion(name="cues", version="1")
    calibration = CALIBRATION
    units = ("police", "gas", "heating", "district")

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """One prediction a text."""
        return [self._one(text) for text in texts]

    def _one(self, text: str) -> Prediction:
        units = {"police": 0.5, "gas": 0.2, "heating": 0.1, "district": 0.2}
        if "城区" in text:
            units = {"district": 0.7, "police": 0.3}
        urgent = 0.9 if re.search("起火|救命", text) else 0.0
        asks = 0.9 if "怎么" in text else 0.0
        return Prediction(
            units=units,
            tiers={Tier.EMERGENCY: urgent, Tier.LIVELIHOOD: 0.0, Tier.GENERAL: 1 - urgent},
            kinds={Kind.INQUIRY: asks, Kind.COMPLAINT: 1 - asks},
            topics={Topic.LAW: 1.0},
            in_domain=0.1 if "优惠" in text else 0.9,
            several=0.9 if "几个部门" in text else 0.1,
            evidence=("吵",) if "吵" in text else (),
        )


@pytest.fixture(scope="session")
def files() -> Mapping[str, str]:
    """The texts of the small catalogue."""
    return FILES


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """The small catalogue."""
    return parse_catalogue(FILES)


@pytest.fixture
def hinted(files: Mapping[str, str]) -> Catalogue:
    """The small catalogue with a hint among its tier rules."""
    return parse_catalogue({**files, "tiers.yaml": files["tiers.yaml"] + HINT})


@pytest.fixture(scope="session")
def pipeline(catalogue: Catalogue) -> Pipeline:
    """A pipeline over the small catalogue and the cue classifier."""
    return Pipeline(catalogue, CueClassifier())
