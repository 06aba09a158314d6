"""Phrases: how our Chinese is printed, and what citizens say in a chat that is not their matter.

That is a greeting, enough, a call to add to, another matter.
"""

import re
import unicodedata
from typing import Final

_HAN: Final = "[\u4e00-\u9fff\u201c\u201d]"
_HALF: Final = re.compile(f"(?<={_HAN})[,:;?!]|[,:;?!](?={_HAN})")
_BRACKETS: Final = re.compile(rf"\(([^()]*{_HAN}[^()]*)\)")
_FULL: Final = str.maketrans(",:;?!", "\uff0c\uff1a\uff1b\uff1f\uff01")


def as_printed(chinese: str) -> str:
    """Return our own Chinese with full-width punctuation, as people print it.

    The code writes half-width, which no reader can mistake for its look-alikes.
    """
    whole = _HALF.sub(lambda found: found[0].translate(_FULL), chinese)
    return _BRACKETS.sub("\uff08\\1\uff09", whole)


GREETING: Final = as_printed(
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


_TELEPHONE: Final = (
    r"(?:\+?86[- ]?)?1[3-9][0-9](?:[- ]?[0-9]){8}|0[0-9]{2,3}[- ]?[2-9][0-9]{2,3}[- ]?[0-9]{4}"
)
_OF_A_CALL: Final = re.compile(
    r"\s*(?:补充|关联|绑定|并入)(?:到|我的?|刚才的?|之前的?|上次的?)*(?:来电|电话|手机|号码|通话)"
    rf"(?:诉求|工单|反映的?|问题|情况|号码?)*[\s,:\uff0c\uff1a]*({_TELEPHONE})(?![0-9])"
)
_ONE_TIME_CODE: Final = re.compile(r"\s*(?:验证码)?[是为\s:\uff1a]*([0-9]{6})[\s.\u3002]*")


def is_greeting(text: str) -> bool:
    """Whether a line greets and says nothing else."""
    return _GREETING.fullmatch(text) is not None


def is_enough(text: str) -> bool:
    """Whether a line says that there is nothing to add: 没有了, 算了, 就这些, 不知道."""
    return _ENOUGH.fullmatch(text) is not None


def called_from(text: str) -> str | None:
    """Return the number from which a call was made that a line asks to be added to."""
    found = _OF_A_CALL.match(text)
    return found[1] if found else None


def one_time_code(text: str) -> str | None:
    """Return the six digits of a line that is nothing else."""
    found = _ONE_TIME_CODE.fullmatch(unicodedata.normalize("NFKC", text))
    return found[1] if found else None


def another_matter(text: str) -> str | None:
    """Return what follows where a line says that it is another matter, None where it does not."""
    found = _ANEW.match(text)
    return text[found.end() :] if found else None
