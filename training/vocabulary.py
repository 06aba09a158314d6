"""Which features a model may know: frequent ones, no digits, no names of persons."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import rjieba
from numpy.typing import NDArray

from training.config import VocabularyConfig
from triage.classifier.features import FIELDS, GRAMS, PAIRS, WORDS, gram_features
from triage.text.normalise import normalise

Found = Mapping[str, Sequence[str]]

_SURNAMES = frozenset(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程"
    "苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚"
    "邵万钱严覃武戴莫孔向汤欧阳"
)
#: A word whose every mention the tagger takes for a person's name is one, from this share on.
_NAME_SHARE = 0.5
#: Ordinary words that the tagger takes for names.
_ORDINARY = frozenset(
    [
        "谢谢",
        "谢谢您",
        "许可",
        "许可证",
        "高峰",
        "高峰期",
        "高达",
        "高昂",
        "高危",
        "高三",
        "高中生",
        "高新区",
        "高空",
        "高温",
        "阳光",
        "顾问",
        "顾客",
        "张贴",
        "杜绝",
        "陈述",
        "陈旧",
        "严肃处理",
        "严肃查处",
        "严格执行",
        "严格执法",
        "钱财",
        "付清",
        "林木",
        "林权",
        "范畴",
        "孙子",
        "孙女",
        "曾祖父",
        "何时能",
        "何时休",
        "段时间",
        "马路边",
        "胡同",
        "周转",
        "许多",
        "毛病",
        "金额",
        "金融",
        "方案",
        "方便",
        "程序",
        "万元",
        "高压",
        "高速",
        "陆续",
        "向上",
        "余额",
        "石油",
        "汽车",
    ]
)
_TITLE = re.compile(r"(先生|女士|小姐|同志|师傅|书记|局长|主任|老师|经理|某)$")


def choose(
    found: Sequence[Found],
    group: NDArray[np.intp],
    names: frozenset[str],
    config: VocabularyConfig,
) -> dict[str, list[str]]:
    """The most frequent features of each field that pass; ties in order of the text.

    Each stands in texts of at least `least_appeals` different groups of near-duplicates.
    """
    limits = {WORDS: config.words, PAIRS: config.pairs, GRAMS: config.grams}
    chosen = {}
    for field in FIELDS:
        counted = _spread((row[field] for row in found), group)
        passing = [
            (-times, item)
            for item, times in counted.items()
            if times >= config.least_appeals and allowed(item, names)
        ]
        chosen[field] = sorted(item for _, item in sorted(passing)[: limits[field]])
    return chosen


def allowed(item: str, names: frozenset[str]) -> bool:
    """No digit, no surname with a title, and none of the names within."""
    if any(char.isdigit() for char in item) or (_TITLE.search(item) and item[0] in _SURNAMES):
        return False
    return not any(
        item[start:end] in names
        for start in range(len(item) - 1)
        for end in range(start + 2, min(start + 4, len(item)) + 1)
    )


def person_names(texts: Iterable[str]) -> frozenset[str]:
    """Words that the tagger mostly takes for persons' names, and pieces found mostly in those."""
    as_name: Counter[str] = Counter()
    as_other: Counter[str] = Counter()
    told = [normalise(text).text for text in texts]
    for text in told:
        for word, tag in rjieba.tag(text):
            if 2 <= len(word) <= 4 and word[0] in _SURNAMES and word not in _ORDINARY:
                (as_name if tag.startswith("nr") else as_other)[word] += 1
    names = {
        word for word, times in as_name.items() if times >= _NAME_SHARE * (times + as_other[word])
    }
    inside: Counter[str] = Counter()
    for word in names:
        for piece in gram_features(word):
            inside[piece] += as_name[word]
    anywhere = Counter(piece for text in told for piece in gram_features(text) if piece in inside)
    parts = {piece for piece, times in inside.items() if times >= _NAME_SHARE * anywhere[piece]}
    return frozenset(names | (parts - _ORDINARY))


def inverse_frequencies(counted: Sequence[Iterable[int]], size: int) -> NDArray[np.float32]:
    """Smoothed idf of `size` features, from the numbers of those in each text."""
    seen = np.zeros(size)
    for numbers in counted:
        seen[list(numbers)] += 1
    return (np.log((1 + len(counted)) / (1 + seen)) + 1).astype(np.float32)


def _spread(rows: Iterable[Sequence[str]], group: NDArray[np.intp]) -> Counter[str]:
    """In how many groups each feature occurs."""
    together: dict[int, set[str]] = {}
    for items, number in zip(rows, group.tolist(), strict=True):
        together.setdefault(number, set()).update(items)
    counted: Counter[str] = Counter()
    for found in together.values():
        counted.update(found)
    return counted
