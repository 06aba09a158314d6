"""Appeals to measure with: composed by a seed from the repository's own texts."""

import json
import random
from importlib.resources import files

from gateway.bench.load import build_request

SEED = 12345
_MEAN_LENGTH = 200


def own_texts() -> list[str]:
    """Return the texts of the written corpora, which belong to the repository."""
    folder = files("training") / "corpus" / "written"
    lines = [
        line
        for file in sorted(folder.iterdir(), key=str)
        if file.name.endswith(".jsonl")
        for line in file.read_text(encoding="utf-8").splitlines()
    ]
    return [json.loads(line)["text"] for line in lines]


def compose(count: int, first: int = 0) -> list[str]:
    """Return texts of about 200 characters, as appeals usually have; others for another `first`."""
    chance = random.Random(SEED + first)  # noqa: S311
    texts = own_texts()
    found = []
    for _ in range(count):
        wanted = chance.randint(_MEAN_LENGTH // 2, _MEAN_LENGTH * 3 // 2)
        text = ""
        while len(text) < wanted:
            text += chance.choice(texts)
        found.append(text[: max(wanted, 1)])
    return found


def requests(count: int, port: int, first: int = 0) -> list[bytes]:
    """Return prebuilt requests that file such appeals, each third one with a reporter.

    They are numbered from `first` on. One that is sent twice is a repeat, and is not published.
    """
    found = []
    for number, text in enumerate(compose(count, first), first):
        body: dict[str, object] = {"text": text}
        if number % 3 == 0:
            body["reporter"] = {"name": "测试甲", "phone": f"130{number:08d}"}
        found.append(
            build_request("/api/v1/appeals", json.dumps(body, ensure_ascii=False).encode(), port)
        )
    return found
