"""Words of the machine in words of citizens, in Chinese and English."""

import re
from datetime import datetime
from typing import Final

from gateway.tickets.numbers import BEIJING
from gateway.tickets.workflow import Status
from gateway.web.appeals import STATUS_ZH
from gateway.web.pages.look import Look
from triage.decision import Kind

_CHINESE: Final = re.compile("[\u4e00-\u9fff]")
Pair = tuple[str, str]
"""The same in Chinese and in English."""

_STATUS_EN: Final = {
    Status.RECEIVED: "Accepted",
    Status.AWAITING_CONFIRMATION: "Waiting for dispatch",
    Status.DISPATCHED: "Dispatched",
    Status.ACKNOWLEDGED: "Taken over by the unit",
    Status.RETURNED: "Returned by the unit",
    Status.REPORTED: "The unit has reported",
    Status.RESOLVED: "Resolved",
    Status.ANSWERED: "Answered",
    Status.WITHDRAWN: "Withdrawn",
    Status.MERGED: "Follows an earlier appeal",
}
STATUSES: Final[dict[Status, Pair]] = {
    status: (STATUS_ZH[status], english) for status, english in _STATUS_EN.items()
}
KINDS: Final[dict[Kind, Pair]] = {
    Kind.INQUIRY: ("咨询", "Inquiry"),
    Kind.ASSISTANCE: ("求助", "Request for help"),
    Kind.COMPLAINT: ("投诉", "Complaint"),
    Kind.REPORT: ("举报", "Report of a wrong"),
    Kind.SUGGESTION: ("建议", "Suggestion"),
    Kind.PRAISE: ("表扬", "Praise"),
}
TOPICS_EN: Final = {
    "城乡建设": "Urban and rural construction",
    "党务政务": "Party and government affairs",
    "国土资源": "Land and resources",
    "环境保护": "Environment",
    "纪检监察": "Discipline and supervision",
    "交通运输": "Transport",
    "经济管理": "Economy",
    "科技与信息产业": "Science, technology and information",
    "民政": "Civil affairs",
    "农村农业": "Villages and agriculture",
    "商贸旅游": "Commerce and tourism",
    "卫生计生": "Health",
    "政法": "Law and order",
    "教育文体": "Education, culture and sports",
    "劳动和社会保障": "Work and social security",
}
NOTICES: Final[dict[str, Pair]] = {
    "added": ("已补充。", "Your addition is kept."),
    "withdrawn": ("诉求已撤回。", "Your appeal is withdrawn."),
    "rated": ("感谢您的评价。", "Thank you for your rating."),
    "left": ("已退出查询。", "You have signed out."),
}
"""What a page says after a form was taken, by the word in its address."""


def beijing_time(moment: datetime, look: Look) -> str:
    """Return a moment as clocks in Beijing show it, to the minute."""
    local = moment.astimezone(BEIJING)
    chinese = f"{local.year}年{local.month}月{local.day}日 {local:%H:%M}"
    return look.say(chinese, f"{local.day} {local:%b %Y, %H:%M}")


def sentence(remedy: str) -> str:
    """Return the remedy of a problem as it stands on a page: problem documents begin it small."""
    # In Chinese what stands first in Latin letters is a name.
    return remedy if _CHINESE.search(remedy) else remedy[:1].upper() + remedy[1:]
