"""What agents read: tiers, channels and bands of confidence, in Chinese and English."""

from typing import Final

from gateway.tickets.listing import Confidence
from gateway.web.pages.words import Pair
from triage.decision import Tier

TIERS: Final[dict[Tier, Pair]] = {
    Tier.EMERGENCY: ("紧急", "Emergency"),
    Tier.LIVELIHOOD: ("民生", "Livelihood"),
    Tier.GENERAL: ("一般", "General"),
}
CHANNELS: Final[dict[str, Pair]] = {
    "web": ("网页", "Web"),
    "chat": ("网页对话", "Web chat"),
    "voice": ("电话", "Telephone"),
    "wechat": ("微信", "WeChat"),
    "wecom": ("企业微信", "WeCom"),
    "email": ("邮件", "E-mail"),
    "telegram": ("Telegram", "Telegram"),
    "open311": ("Open311", "Open311"),
    "api": ("接口", "API"),
    "webhook": ("系统对接", "Other systems"),
}
CONFIDENCES: Final[dict[Confidence, Pair]] = {
    "high": ("高（90% 起）", "high (from 90%)"),
    "middle": ("中（50–90%）", "middle (50–90%)"),
    "low": ("低（50% 以下）", "low (below 50%)"),
}
TONES: Final[dict[str, Pair]] = {
    "calm": ("充裕", "in time"),
    "warn": ("过半", "half gone"),
    "late": ("超时", "overdue"),
    "out": ("已派待核", "sent, to check"),
}
"""How a due time stands: in words, so that nobody has to tell colours apart."""
