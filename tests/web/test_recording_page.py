"""What a recording says stands beside its player, line by line."""

import time
from pathlib import Path

from tests.media.conftest import WORD
from tests.media.made import speech_model, tone
from tests.web.desk_visitor import path_of, signed_in
from tests.web.wire import Served, file_part, form, request, serving, text_part

MULTIPART = "multipart/form-data; boundary=border"


def test_a_recording_has_its_transcript_in_time(tmp_path: Path) -> None:
    """Each line has the time from which it plays, and its reasons marked in it."""
    model = str(speech_model(tmp_path / "model", WORD))
    with serving(accounts=True, JIESU_SECOND_FACTOR="off", JIESU_SPEECH_MODEL=model) as served:
        sound = file_part("a.wav", tone(40, rate=8000))
        sent = request(form(text_part("text", "请听录音"), sound), media_type=MULTIPART)
        number = served.send(sent).document["ticket_id"]
        _wait_until_read(served, number)
        sight = signed_in(served).get(path_of({"ticket_id": number}))
    lines = sight.tree.xpath("//ol[@data-transcript]/li")
    first, second = (float(line.get("data-start")) for line in lines)
    assert first == 0
    assert 20 <= second <= 30
    seeks = [button.get("data-seek") for button in sight.tree.xpath("//ol//button[@data-seek]")]
    assert seeks == [line.get("data-start") for line in lines]
    assert sight.text("//ol[@data-transcript]/li[1]//mark")


def test_a_recording_that_nobody_reads_says_so_in_words() -> None:
    """Without a speech model the history tells it as a clerk would, by no name of the code."""
    with serving(accounts=True, JIESU_SECOND_FACTOR="off") as served:
        sound = file_part("a.wav", tone(1))
        sent = request(form(text_part("text", "请听录音"), sound), media_type=MULTIPART)
        path = path_of({"ticket_id": served.send(sent).document["ticket_id"]})
        agent, deadline = signed_in(served), time.monotonic() + 60
        while "附件未识别" not in (told := agent.get(path).text("//ol[@class='history']")):
            assert time.monotonic() < deadline, told
            time.sleep(0.1)
    assert "未配置语音识别" in told
    assert "no-recogniser" not in told


def _wait_until_read(served: Served, number: str) -> None:
    """Wait until triage has read what the medium says."""
    deadline = time.monotonic() + 60
    while True:
        ticket = served.agent("GET", f"/api/v1/tickets/{number}").document
        sources = [reason["source"] for reason in (ticket["decision"] or {}).get("reasons", ())]
        if ticket["media"] and ticket["media"][0]["id"] in sources:
            return
        assert time.monotonic() < deadline, "the recording is not read"
        time.sleep(0.1)
