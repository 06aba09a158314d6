"""Words for a ticket's screen: what happened, what stands in it, what was done; both languages."""

from datetime import datetime, timedelta
from typing import Final

from gateway.web.pages.look import Look
from gateway.web.pages.words import Pair

EVENTS: Final[dict[str, Pair]] = {
    "received": ("受理", "accepted"),
    "triaged": ("智能分类", "triaged"),
    "triage_failed": ("智能分类失败", "triage failed"),
    "joined": ("补充", "added to"),
    "added": ("补充", "added to"),
    "medium_read": ("附件已识别", "a file was read"),
    "medium_unread": ("附件未识别", "a file was not read"),
    "confirmed": ("确认派单", "confirmed"),
    "confirmation_undone": ("撤销确认", "confirmation undone"),
    "answered": ("直接答复", "answered"),
    "asked": ("向诉求人提问", "asked the citizen"),
    "split": ("拆单", "split"),
    "split_off": ("由拆单产生", "split off"),
    "handed_over": ("转交", "handed over"),
    "waiting_warned": ("等待超过一半时限，已提醒", "warned: half of the time is gone"),
    "published_unconfirmed": ("临近时限，未经确认先行派出", "published unconfirmed, in time"),
    "published": ("已派出", "published"),
    "dispatched": ("已派出", "dispatched"),
    "acknowledged": ("承办单位签收", "acknowledged by the unit"),
    "returned": ("承办单位退回", "returned by the unit"),
    "reported": ("承办单位反馈", "the unit reported"),
    "resolved": ("办结", "resolved"),
    "withdrawn": ("诉求人撤回", "withdrawn"),
    "rated": ("诉求人评价", "rated"),
    "merged": ("并案", "merged"),
    "repeat_merged": ("重复诉求并入", "a repeat was merged in"),
    "separated": ("撤销并案", "merge taken back"),
    "repeat_separated": ("重复诉求分开", "a repeat was separated"),
    "restored": ("由备份恢复", "restored from a backup"),
}
ACTORS: Final[dict[str, Pair]] = {
    "triage": ("智能分类", "triage"),
    "citizen": ("诉求人", "citizen"),
    "clock": ("时钟", "clock"),
    "relay": ("派单", "relay"),
    "media": ("附件识别", "media"),
    "repeats": ("查重", "repeats"),
    "restore": ("备份恢复", "restore"),
}
CORRECTED: Final[dict[str, Pair]] = {
    "kind": ("诉求类型", "kind"),
    "topic": ("主题", "topic"),
    "matter": ("事项", "matter"),
    "tier": ("等级", "tier"),
    "route": ("流向", "route"),
    "unit": ("牵头单位", "lead unit"),
    "supporting_units": ("协办单位", "supporting units"),
    "district": ("区", "district"),
    "street": ("街道", "street"),
    "complex": ("复杂疑难", "complex"),
}
REASONS: Final[dict[str, Pair]] = {
    "tier": ("等级", "tier"),
    "matter": ("事项", "matter"),
    "unit": ("单位", "unit"),
    "place": ("地点", "place"),
    "domain": ("范围", "domain"),
}
ROUTES: Final[dict[str, Pair]] = {
    "person": ("人工判断", "for a person to decide"),
    "answer": ("可直接答复", "may be answered"),
    "district": ("属地办理", "local government"),
    "lead": ("牵头办理", "lead with supporting units"),
    "direct": ("直接派单", "one unit"),
}
NOTES: Final[dict[str, Pair]] = {
    "cannot-be-fetched": ("无法从来源平台取得", "it cannot be fetched from its vendor"),
    "refused-address": ("来源地址不允许访问", "its address is refused"),
    "too-large": ("文件过大，未识别", "too large to be read"),
    "not-readable": ("此类文件不作识别", "this type is not read"),
    "damaged": ("文件损坏", "it is damaged"),
    "took-too-long": ("识别超时", "reading it took too long"),
    "no-recogniser": ("未配置语音识别", "no speech recogniser"),
    "media-extra-missing": ("未安装媒体识别", "media are not read here"),
}
DONE: Final[dict[str, Pair]] = {
    "confirmed": ("已确认。", "Confirmed."),
    "corrected": ("已更正并确认。", "Corrected and confirmed."),
    "undone": ("已撤销确认。", "The confirmation is undone."),
    "claimed": ("已认领。", "It is yours."),
    "let-go": ("已放回待办。", "It is back in the queue."),
    "handed-over": ("已转交。", "Handed over."),
    "answered": ("已答复，诉求人会收到。", "Answered; the citizen is told."),
    "asked": ("已向诉求人提问。", "The citizen is asked."),
    "merged": ("已并案。", "Merged."),
    "separated": ("已撤销并案。", "The merge is taken back."),
    "split": ("已拆单。", "Split."),
}
"""What the page says after a form was taken, by the word in its address."""


def pair_of(words: dict[str, Pair], code: str) -> Pair:
    """Return the words for a code; one that is not known stands for itself."""
    return words.get(code, (code, code))


def left_until(due: datetime, now: datetime, look: Look) -> str:
    """Return how long it is until then, or since then, in words; seconds only in the last hour."""
    seconds = int((due - now) / timedelta(seconds=1))
    minutes, rest = divmod(abs(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        span = look.say(f"{hours // 24} 天 {hours % 24} 小时", f"{hours // 24} d {hours % 24} h")
    elif hours:
        span = look.say(f"{hours} 小时 {minutes:02d} 分", f"{hours} h {minutes:02d} min")
    else:
        span = look.say(f"{minutes} 分 {rest:02d} 秒", f"{minutes} min {rest:02d} s")
    return look.say(f"还剩 {span}", f"{span} left") if seconds >= 0 else look.say(
        f"已超 {span}", f"{span} over")  # fmt: skip


def tone_of(begun: datetime, due: datetime, now: datetime) -> str:
    """Return `calm`, `warn` from half of the time on, `late` when it is over."""
    if now >= due:
        return "late"
    return "warn" if now - begun >= due - now else "calm"


def size_of(size: int | None) -> str:
    """Return a file's size for people."""
    if size is None:
        return ""
    return f"{size / 1_048_576:.1f} MB" if size >= 1_048_576 else f"{max(size // 1024, 1)} KB"


def clock_of(seconds: float) -> str:
    """Return seconds of a recording as players show them."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
