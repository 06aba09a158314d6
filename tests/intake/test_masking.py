"""People's numbers and names leave the text, in whatever way they are written or spoken."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import luhn
from stdnum.cn import ric

from gateway.intake.masking import (
    CARD,
    IDENTITY,
    NAME,
    PHONE,
    Masked,
    mask,
    normal_identity,
    normal_phone,
    numbers_in,
)
from gateway.tickets.numbers import show_ticket_id, ticket_id

TOKENS = (PHONE, IDENTITY, CARD, NAME)
WORDS = st.sampled_from(
    ("我", "一直", "电话是", "，", "。", "：", "请联系", "三楼", "张女士", " 谢谢", "x", "第一",
     "\n", "12345", "2026年11月23日", "88号", "、", "（", "）", "10元")
)  # fmt: skip
BEFORE = st.lists(WORDS, max_size=4).map("".join).filter(lambda text: not text[-1:].isdecimal())
AFTER = st.lists(WORDS, max_size=4).map("".join).filter(lambda text: not text[:1].isdecimal())
WIDE = str.maketrans("0123456789X-+ ", "０１２３４５６７８９Ｘ－＋　")
SPOKEN = str.maketrans("0123456789", "零幺二三四五六七八九")
READ = str.maketrans("0123456789", "〇一二三四五六七八九")


def grouped(*sizes: int, by: str) -> Callable[[str], str]:
    """A way of writing a number in groups of these sizes."""

    def write(number: str) -> str:
        parts, rest = [], number
        for size in sizes:
            parts.append(rest[:size])
            rest = rest[size:]
        return by.join(part for part in (*parts, rest) if part)

    return write


PHONE_STYLES: dict[str, Callable[[str], str]] = {
    "plain": str,
    "3-4-4 by spaces": grouped(3, 4, by=" "),
    "3-4-4 by hyphens": grouped(3, 4, by="-"),
    "3-4-4 loosely": grouped(3, 4, by=" - "),
    "3-3-5": grouped(3, 3, by=" "),
    "3-8": grouped(3, by="-"),
    "5-6": grouped(5, by=" "),
    "digit by digit": " ".join,
    "dictated over three lines of a call": grouped(3, 4, by=","),
    "dictated over two": grouped(3, by="，"),
    "+86": lambda number: f"+86{number}",
    "+86 grouped": lambda number: f"+86 {grouped(3, 4, by=' ')(number)}",
    "0086": lambda number: f"0086{number}",
    "86-": lambda number: f"86-{number}",
    "full width": lambda number: number.translate(WIDE),
    "full width grouped": lambda number: grouped(3, 4, by="-")(number).translate(WIDE),
    "long dashes": grouped(3, 4, by="—"),
    "spoken": lambda number: number.translate(SPOKEN),
    "read": lambda number: number.translate(READ),
    "spoken with pauses": lambda number: grouped(3, 4, by="，")(number.translate(SPOKEN)),
    "half spoken": lambda number: number[:3] + number[3:7].translate(SPOKEN) + number[7:],
}
IDENTITY_STYLES: dict[str, Callable[[str], str]] = {
    "plain": str,
    "small x": str.lower,
    "6-8-4": grouped(6, 8, by=" "),
    "6-4-4-4": grouped(6, 4, 4, by="-"),
    "digit by digit": " ".join,
    "full width": lambda number: number.translate(WIDE),
    "spoken": lambda number: number.translate(SPOKEN),
    "spoken with 叉": lambda number: number.translate(READ).replace("X", "叉"),
}
CARD_STYLES: dict[str, Callable[[str], str]] = {
    "plain": str,
    "in fours": grouped(4, 4, 4, 4, by=" "),
    "in fours by hyphens": grouped(4, 4, 4, 4, by="-"),
    "6 and the rest": grouped(6, by=" "),
    "digit by digit": "-".join,
    "full width": lambda number: number.translate(WIDE),
}

PHONES = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)
CARDS = st.from_regex(r"(62|4[0-9]|5[1-5])[0-9]{13}([0-9]{3})?", fullmatch=True).map(
    lambda number: number + luhn.calc_check_digit(number)
)


@st.composite
def identities(draw: st.DrawFn) -> str:
    """A resident identity number with its right check digit."""
    area = draw(st.sampled_from(("110101", "110108", "320583", "510104")))
    day = draw(st.dates(date(1920, 1, 1), date(2029, 12, 31)))
    body = f"{area}{day.year}{day.month:02}{day.day:02}{draw(st.integers(0, 999)):03}"
    return body + str(ric.calc_check_digit(body))


def check_hidden(before: str, written: str, after: str, token: str) -> None:
    """Check that the number is gone, and that around it nothing is."""
    masked = mask(before + written + after)
    assert masked.text == before + token + after
    assert masked.spans == ((len(before), len(before) + len(written), token),)


@pytest.mark.parametrize("style", PHONE_STYLES)
@settings(max_examples=30)
@given(before=BEFORE, number=PHONES, after=AFTER)
def test_no_mobile_number_is_left(style: str, before: str, number: str, after: str) -> None:
    """However it is written, whatever stands around it."""
    written = PHONE_STYLES[style](number)
    masked = mask(before + written + after)
    assert masked.text.count(PHONE) == 1
    assert not re.search(
        "[0-9０-９零幺〇]{4}", masked.text.replace("12345", "").replace("2026", "")
    )
    assert ("phone", number) in numbers_in(written)


@pytest.mark.parametrize("style", IDENTITY_STYLES)
@settings(max_examples=30)
@given(number=identities())
def test_no_identity_number_is_left(style: str, number: str) -> None:
    """With X or without, grouped, full-width or spoken; and the index meets all spellings."""
    written = IDENTITY_STYLES[style](number)
    check_hidden("身份证号", written, "，请核实", IDENTITY)
    assert numbers_in(written) == [("identity", number)]


@pytest.mark.parametrize("style", CARD_STYLES)
@settings(max_examples=30)
@given(number=CARDS)
def test_no_bank_card_is_left(style: str, number: str) -> None:
    """A number of 16 or 19 digits with the right check digit is a card."""
    check_hidden("卡号", CARD_STYLES[style](number), "，一分钱没到账", CARD)


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("010-65123456", "01065123456"), ("(010) 6512 3456", "01065123456"),
        ("（０１０）６５１２３４５６", "01065123456"), ("0755 83123456", "075583123456"),
        ("+86 10 6512 3456", "01065123456"), ("0086-755-83123456", "075583123456"),
        ("零幺零六五幺二三四五六", "01065123456"),
    ],
)  # fmt: skip
def test_no_landline_number_is_left(written: str, normal: str) -> None:
    """With its area code a landline is known by itself, and found under one spelling."""
    check_hidden("单位座机", written, "一直占线", PHONE)
    assert numbers_in(written) == [("phone", normal)]


def test_a_local_number_is_one_where_the_words_say_so() -> None:
    """Eight digits are a telephone only after a word that says so; else a date or a sum."""
    check_hidden("家里座机是", "65123456", "，白天有人", PHONE)
    assert mask("我在20261123去过，单号65123456").spans == ()


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23 08:30 到 2026-11-24 17:00 停水", "工单261123481770352还没有结果",
        "工单261123-4817-7035-2", "坐 13、38、604 路都行", "13路 38路 604路 特12路",
        "交了13800元押金", "一共1 380 013元", "3-1-502，2026-10-15 报修", "拨打12345和96116",
        "邮编100080，门牌2号楼1单元1301", "一三五七九单号限行", "二〇二六年十一月二十三日",
        "订单2026112313800138000", "凌晨一、两点，三四个人", "身高180厘米，体重65公斤",
        "一处13800,一处138000元", "1,380,013,800元", "3.14159265358979", "第一百三十八条第零款",
        "合同编号HT20261123001", "车牌京A12345", "18:00-22:00，6:00-8:00", "110101", "2026年", "",
    ],
)  # fmt: skip
def test_ordinary_numbers_stay(text: str) -> None:
    """Dates, ticket numbers, bus lines, prices, addresses and order numbers are nobody's secret."""
    assert mask(text) == Masked(text)


@given(st.integers(0, 10**8 - 1), st.integers(0, 4000))
def test_a_tickets_own_number_stays(count: int, days: int) -> None:
    """A citizen who names a ticket, compact or in groups, is understood."""
    number = ticket_id(count, datetime(2026, 11, 23, tzinfo=UTC) + timedelta(days=days))
    for written in (number, show_ticket_id(number), show_ticket_id(number).replace("-", " ")):
        assert mask(f"工单{written}，13路").spans == ()


@given(st.text(st.characters(blacklist_categories=["Nd"]).filter(
    lambda char: char not in "零〇幺一二三四五六七八九"
)))  # fmt: skip
def test_a_text_without_digits_is_not_touched(text: str) -> None:
    """Whatever it holds, without digits and without a name it stays as it is."""
    assert mask(text) == Masked(text)
    assert numbers_in(text) == []


def test_the_reporters_name_is_hidden_wherever_it_stands() -> None:
    """The name goes, also twice; a single character is too common to be taken for one."""
    masked = mask("我是欧阳小红，欧阳小红的电话13800138000", "欧阳小红")
    assert masked.text == f"我是{NAME}，{NAME}的电话{PHONE}"
    assert mask("王府井的王先生", "王").spans == ()
    assert mask("a.c abc", "a.c").text == f"{NAME} abc"


def test_where_finds_overlap_all_of_them_is_hidden() -> None:
    """A name that is a number, or reaches into one, leaves nothing of either."""
    masked = mask("联系13800138000转", "8000转")
    assert masked.text == f"联系{PHONE}"
    assert masked.spans == ((2, 14, PHONE),)


PIECE = st.one_of(
    st.sampled_from(("我家", "没水", "，", "x")),
    PHONES.map(lambda number: f"打{number}。"),
    identities().map(lambda number: f"证{number}。"),
)


@given(st.lists(PIECE, min_size=1, max_size=8).map("".join), st.data())
def test_a_moved_span_lies_in_the_masked_text_over_the_same_words(
    text: str, data: st.DataObject
) -> None:
    """Ends stay in order and inside, words stay the same, and a touched token is covered whole."""
    masked = mask(text)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    moved = masked.move(start, end)
    assert 0 <= moved[0] <= moved[1] <= len(masked.text)
    touched = [span for span in masked.spans if span[0] < end and start < span[1]]
    expected = ""
    position = start
    for first, last, token in touched:
        expected += text[position : max(position, first)] + token
        position = last
    expected += text[position:end] if position < end else ""
    if start < end:
        assert masked.text[moved[0] : moved[1]] == expected


@given(st.lists(PIECE, min_size=1, max_size=8).map("".join))
def test_moving_keeps_the_order_of_places(text: str) -> None:
    """What stood before another place still does, and the whole text is the whole text."""
    masked = mask(text)
    starts, ends = zip(*(masked.move(at, at) for at in range(len(text) + 1)), strict=True)
    assert list(starts) == sorted(starts)
    assert list(ends) == sorted(ends)
    assert masked.move(0, len(text)) == (0, len(masked.text))


def test_numbers_have_one_spelling_for_the_index() -> None:
    """Prefixes, groups and widths make no difference to what is found."""
    for written in (
        "+86 138-0013-8000",
        "0086 13800138000",
        "１３８００１３８０００",
        "幺三八零零幺三八零零零",
    ):
        assert normal_phone(written) == "13800138000"
    assert normal_identity("110101 19900307 771x") == normal_identity("11010119900307771X")


def test_a_text_is_hidden_however_often_it_is_masked() -> None:
    """Masking what is masked changes nothing, and several numbers are all gone."""
    text = "13800138000 13900139000，卡6222021234567890128，身份证110101199003077715"
    once = mask(text)
    assert once.text == f"{PHONE} {PHONE}，卡{CARD}，身份证{IDENTITY}"
    assert mask(once.text) == Masked(once.text)
    assert all(token in TOKENS for _, _, token in once.spans)
