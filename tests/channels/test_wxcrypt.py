"""Tencent's message crypt: their own samples, a crypt of our own to compare, and properties."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.channel import WireRequest
from channels.errors import SignatureRejected
from channels.wecom.account import WeComAccount
from channels.wecom.adapter import WeComChannel
from channels.wxcrypt import Crypt, NotOpened, signature
from tests.channels.tencent import TOKEN, opened, sealed, wecom_account

# From the sample code that Tencent ships for WeCom (WXBizMsgCrypt), 2016.
KEY = "6qkdMrq68nTKduznJYO1A37W2oEgpkMUvkttRToqhUt"
COMPANY = "ww1436e0e65a779aee"
ECHO = "fsi1xnbH4yQh0+PJxcOdhhK6TDXkjMyhEPA7xB2TGz6b+g7xyAbEkRxN/3cNXW9qdqjnoVzEtpbhnFyq6SVHyA=="
MESSAGE = (
    "Kl7kjoSf6DMD1zh7rtrHjFaDapSCkaOnwu3bqLc5tAybhhMl9pFeK8NslNPVdMwmBQTNoW4mY7AIjeLvEl3NyeTkAgGz"
    "BhzTtRLNshw2AEew+kkYcD+Fq72Kt00fT0WnN87hGrW8SqGc+NcT3mu87Ha3dz1pSDi6GaUA6A0sqfde0VJPQbZ9U+3J"
    "WcoD4Z5jaU0y9GSh010wsHF8KZD24YhmZH4ch4Ka7ilEbjbfvhKkNL65HHL0J6EYJIZUC2pFrdkJ7MhmEbU2qARR4iQH"
    "E7wy24qy0cRX3Mfp6iELcDNfSsPGjUQVDGxQDCWjayJOpcwocugux082f49HKYg84EpHSGXAyh+/oxwaWbvL6aSDPOYu"
    "PDGOCI8jmnKiypE+"
)
crypt = Crypt(KEY, COMPANY)
ACCOUNT = WeComAccount.model_validate(wecom_account("http://localhost"))
CHANNEL = WeComChannel(ACCOUNT, max_text=100)
AT = 1_795_737_600
words = st.text(st.characters(codec="utf-8"), max_size=300)


def test_samples_of_tencent() -> None:
    """Signature and crypt agree with the platform's own examples."""
    assert crypt.open(ECHO) == b"1288432023552776189"
    assert "<Content>你好</Content>" in crypt.open(MESSAGE).decode()
    token = "hJqcu3uJ9Tn2gXPmxx2w9kkCkCE2EPYo"
    assert (
        signature(token, "1476416373", "47744683", ECHO)
        == "012bc692d0a58dd4b10f8dfe5c4ac00ae211ebeb"
    )
    assert (
        signature(token, "1476422779", "1597212914", MESSAGE)
        == "0c3914025cb4b4d68103f6bfc8db550f79dcf48e"
    )


@given(words)
def test_round_trip(text: str) -> None:
    """Whatever is sealed is opened as it was, by us and by whoever follows the description."""
    assert crypt.open(crypt.seal(text.encode())) == text.encode()
    assert opened(KEY, crypt.seal(text.encode())) == (text.encode(), COMPANY)
    assert crypt.open(sealed(KEY, text.encode(), COMPANY)) == text.encode()


@given(words, st.data())
def test_flipped_bit(text: str, data: st.DataObject) -> None:
    """A packet of which one bit was changed is not believed, whatever it would open to."""
    packet = bytearray(base64.b64decode(crypt.seal(text.encode())))
    signed = signature(TOKEN, str(AT), "nonce", base64.b64encode(packet).decode())
    CHANNEL.verify(_posted(packet, signed), datetime.fromtimestamp(AT, UTC))
    place = data.draw(st.integers(0, 8 * len(packet) - 1))
    packet[place // 8] ^= 1 << place % 8
    with pytest.raises(SignatureRejected):
        CHANNEL.verify(_posted(packet, signed), datetime.fromtimestamp(AT, UTC))


def _posted(packet: bytearray, signed: str) -> WireRequest:
    query = {"timestamp": str(AT), "nonce": "nonce", "msg_signature": signed}
    body = f"<xml><Encrypt>{base64.b64encode(packet).decode()}</Encrypt></xml>"
    return WireRequest({}, body.encode(), query=query)


def test_same_words_are_never_sealed_alike() -> None:
    """Who sees two packets cannot tell that they say the same."""
    assert crypt.seal(b"same") != crypt.seal(b"same")


@pytest.mark.parametrize(
    "packet", ["", "not Base64!", "AAAA", "ünïcödé", base64.b64encode(bytes(64)).decode()]
)
def test_nonsense(packet: str) -> None:
    """What is no packet is refused, not opened to something."""
    with pytest.raises(NotOpened, match="not sealed by our key"):
        crypt.open(packet)


def test_others() -> None:
    """A packet for another company, or by another key, is not ours."""
    with pytest.raises(NotOpened, match="another app or company"):
        crypt.open(Crypt(KEY, "ww0000000000000000").seal(b"hello"))
    with pytest.raises(NotOpened):
        crypt.open(Crypt("A" * 43, COMPANY).seal(b"hello"))
