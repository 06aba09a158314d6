"""What citizens say in a chat that is not their matter: a greeting, enough, another matter."""

import re
from typing import Final

GREETING: Final = (
    "您好,这里是 12345 市民热线。请直接说明您的诉求:什么事、在哪里;也可以发图片、语音或视频。"
    "如有人身危险,请立即拨打 110、119 或 120。"
)
#: Punctuation of both widths.
_ENDS: Final = r"[\s,.!?~…\u3002\uff0c\uff01\uff1f\uff5e]*"
_HELLO: Final = (
    "[您你]们?好|hello|hi|hey|哈[喽啰罗]|嗨|喂|在吗|在不在|有人在?吗|请问|"
    "(?:早上|上午|中午|下午|晚上)好"
)
_GREETING: Final = re.compile(rf"\s*(?:(?:{_HELLO})[啊呀哦]?{_ENDS})+", re.IGNORECASE)
_NO_MORE: Final = (
    "没有?(?:别的|其他的?)?(?:事|要说的|要?补充的?)?了?|就这些|就这样吧?|算了吧?|不用了|不说了|"
    "不知道|不清楚|不方便说?|不想说|好的?|行|嗯+|谢谢[您你]?|ok"
)
_ENOUGH: Final = re.compile(rf"\s*(?:我?(?:{_NO_MORE}){_ENDS})+", re.IGNORECASE)
_ANEW: Final = re.compile(
    r"\s*(?:新诉求|(?:另外|还有|再|换)(?:还有|说|反映|咨询|问)?另?外?一?(?:件|个)别?的?(?:事情?|问题|情况)|"
    r"我?(?:还|另外)要?(?:反映|投诉|举报|咨询)另?一(?:件|个)(?:事情?|问题|情况)?)[\s,.:\u3002\uff0c\uff1a]*"
)


def is_greeting(text: str) -> bool:
    """Whether a line greets and says nothing else."""
    return _GREETING.fullmatch(text) is not None


def is_enough(text: str) -> bool:
    """Whether a line says that there is nothing to add: 没有了, 算了, 就这些, 不知道."""
    return _ENOUGH.fullmatch(text) is not None


def another_matter(text: str) -> str | None:
    """Return what follows where a line says that it is another matter, None where it does not."""
    found = _ANEW.match(text)
    return text[found.end() :] if found else None
