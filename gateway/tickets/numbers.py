"""Ticket numbers that a person can read over the phone, and query codes that nobody can guess.

A number is `YYMMDD`, eight digits and a check digit (ISO 7064, mod 11,10: it catches every
single wrong digit and nearly every swap), shown in groups: `261123-4817-7035-2`. The eight digits
come from one counter, handed out in blocks, and are permuted so that neighbours do not follow
each other.
"""

import re
import secrets
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from stdnum.iso7064 import mod_11_10

BEIJING: Final = ZoneInfo("Asia/Shanghai")
_SPACE: Final = 10**8
_FACTOR: Final = 61_803_399
"""Odd, no multiple of five: multiplying by it is a permutation of the space."""
_OFFSET: Final = 27_182_818
_CODE_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CODE_LENGTH: Final = 13
_UNDASH: Final = str.maketrans("OIL", "011", "- ")


class MalformedNumber(ValueError):
    """What was given is not a ticket number: its form or its check digit is wrong."""


def ticket_id(count: int, accepted_at: datetime) -> str:
    """Return the number of the `count`-th ticket, dated in Beijing."""
    day = accepted_at.astimezone(BEIJING).strftime("%y%m%d")
    body = f"{day}{(count * _FACTOR + _OFFSET) % _SPACE:08d}"
    return body + str(mod_11_10.calc_check_digit(body))


def show_ticket_id(number: str) -> str:
    """Return the number in groups, as it is printed and read out."""
    return f"{number[:6]}-{number[6:10]}-{number[10:14]}-{number[14:]}"


def read_ticket_id(given: str) -> str:
    """Return the number in compact form; raise `MalformedNumber` where it cannot be one."""
    number = re.sub(r"[\s-]", "", given)
    if not re.fullmatch(r"[0-9]{15}", number) or not mod_11_10.is_valid(number):
        raise MalformedNumber("not a ticket number: 15 digits, the last of which checks the others")
    return number


def new_query_code() -> str:
    """Return a code of 65 random bits, without letters that are taken for digits."""
    bits = secrets.randbits(5 * _CODE_LENGTH)
    code = "".join(_CODE_ALPHABET[bits >> 5 * place & 31] for place in range(_CODE_LENGTH))
    return f"{code[:4]}-{code[4:8]}-{code[8:]}"


def read_query_code(given: str) -> str:
    """Return the code in compact capitals; O, I and L are read as the digits they look like."""
    return given.upper().translate(_UNDASH)
