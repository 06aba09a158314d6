"""Homophones that speech recognisers and hasty fingers write for common words of appeals.

Every slip has as many characters as the word, so that places in the text stay what they are. Only
slips that are no words themselves stand here.
"""

import re
from collections.abc import Mapping
from typing import Final

_SLIPS: Final[Mapping[str, str]] = {
    "然汽": "燃气", "燃汽": "燃气", "煤汽": "煤气", "天燃气": "天然气",
    "物页": "物业", "物夜": "物业", "业委汇": "业委会",
    "暖器片": "暖气片", "暧气": "暖气", "供暧": "供暖",
    "电提": "电梯", "电体门": "电梯门", "停店了": "停电了", "跳扎": "跳闸", "跳乍": "跳闸",
    "变压气": "变压器", "电线干": "电线杆", "配电厢": "配电箱",
    "自来睡": "自来水", "水笼头": "水龙头", "水表京": "水表井", "污睡": "污水", "化分池": "化粪池",
    "居微会": "居委会", "村微会": "村委会", "派初所": "派出所", "派出锁": "派出所",
    "红路灯": "红绿灯", "公交占": "公交站", "公教车": "公交车",
    "拉圾": "垃圾", "垃级": "垃圾", "噪因": "噪音", "燥音": "噪音", "躁音": "噪音", "哓民": "扰民",
    "井概": "井盖", "马陆上": "马路上", "施功": "施工", "工资托欠": "工资拖欠", "托欠": "拖欠",
    "社宝": "社保", "医宝": "医保", "公基金": "公积金", "抵保": "低保", "残疾正": "残疾证",
    "拆千": "拆迁", "违见": "违建",
    "灭伙器": "灭火器", "急就车": "急救车", "走矢": "走失",
}  # fmt: skip

_FOUND: Final = re.compile(
    "|".join(sorted(map(re.escape, _SLIPS), key=len, reverse=True))
    # 天然气, 竟然气人 and their like are as they should be.
    + "|(?<![天自当竟突虽居忽仍既必果])然气"
)


def mended(text: str) -> str:
    """The text with known slips written as they were meant, of the same length."""
    return _FOUND.sub(lambda slip: _SLIPS.get(slip[0], "燃气"), text)
