"""Ticket numbers that can be read over the phone, and query codes that cannot be guessed."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.iso7064 import mod_11_10

from gateway.tickets.numbers import (
    MalformedNumber,
    new_query_code,
    read_query_code,
    read_ticket_id,
    show_ticket_id,
    ticket_id,
)

COUNTS = st.integers(0, 10**8 - 1)
NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
MOMENTS = st.integers(-(10**8), 10**9).map(lambda seconds: NOON + timedelta(seconds=seconds))


@given(COUNTS, MOMENTS)
def test_a_number_reads_as_it_is_shown(count: int, moment: datetime) -> None:
    """Grouped, spaced or compact, a number reads as the same number."""
    number = ticket_id(count, moment)
    shown = show_ticket_id(number)
    assert [len(part) for part in shown.split("-")] == [6, 4, 4, 1]
    assert read_ticket_id(shown) == read_ticket_id(f" {shown.replace('-', ' ')} ") == number


def test_a_number_has_the_day_in_beijing() -> None:
    """An appeal of 17:00 UTC is the next day's in Beijing."""
    assert ticket_id(1, datetime(2026, 12, 31, 16, 0, tzinfo=UTC)).startswith("270101")
    assert ticket_id(1, datetime(2026, 12, 31, 15, 59, tzinfo=UTC)).startswith("261231")


@given(COUNTS, MOMENTS)
def test_every_single_wrong_digit_is_caught(count: int, moment: datetime) -> None:
    """Whichever digit is misheard, the number is refused."""
    number = ticket_id(count, moment)
    for place, digit in itertools.product(range(len(number)), "0123456789"):
        wrong = number[:place] + digit + number[place + 1 :]
        if wrong != number:
            with pytest.raises(MalformedNumber):
                read_ticket_id(wrong)


def test_nearly_every_swap_of_neighbours_is_caught() -> None:
    """ISO 7064 mod 11,10 misses a swap for one state in nine at most: over 97 in 100 are caught."""
    caught = swaps = 0
    for count in range(0, 10**8, 33_331):
        number = ticket_id(count, NOON)
        for place in range(len(number) - 1):
            swapped = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
            if swapped != number:
                swaps += 1
                caught += not mod_11_10.is_valid(swapped)
    assert swaps > 30_000
    assert caught / swaps > 0.97


def test_a_hundred_thousand_tickets_of_a_day_have_different_numbers() -> None:
    """The permutation of the counter repeats nothing, and neighbours do not follow each other."""
    numbers = [ticket_id(count, NOON) for count in range(100_000)]
    assert len(set(numbers)) == 100_000
    distances = {abs(int(a[6:14]) - int(b[6:14])) for a, b in itertools.pairwise(numbers[:1000])}
    assert min(distances) > 1_000_000


@pytest.mark.parametrize(
    "given_number",
    ["", "123", "26112348177035", "2611234817703522", "261123-4817-703x-2", "①" * 15],
)
def test_what_is_no_number_is_refused(given_number: str) -> None:
    """Too short, too long, or other characters: it cannot be a ticket's number."""
    with pytest.raises(MalformedNumber):
        read_ticket_id(given_number)


def test_query_codes_have_sixty_five_random_bits() -> None:
    """Thirteen characters out of thirty-two, at every place, and no two alike."""
    codes = [new_query_code() for _ in range(5_000)]
    assert len(set(codes)) == len(codes)
    compact = [read_query_code(code) for code in codes]
    assert {len(code) for code in compact} == {13}
    for place in range(13):
        assert len({code[place] for code in compact}) == 32
    assert not set("".join(compact)) & set("ILOU")


@given(st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=13, max_size=13))
def test_a_query_code_may_be_typed_as_it_looks(code: str) -> None:
    """Small letters, other groups, O for 0, and I or l for 1 make no difference."""
    typed = code.lower().replace("0", "o").replace("1", "l")
    assert read_query_code(f" {typed[:3]}-{typed[3:]} ") == code
    assert read_query_code(code.replace("1", "I")) == code
