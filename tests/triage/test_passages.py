"""Long texts: the danger that one sentence tells of is not lost among the others."""

from collections.abc import Sequence

from tests.triage.conftest import CALIBRATION, CueClassifier
from triage.appeal import Appeal, SourceText
from triage.classifier.port import Prediction
from triage.decision import Tier
from triage.passages import LONG
from triage.pipeline import Pipeline
from triage.taxonomy import Catalogue

COMPLAINT = "小区的绿化多年没有人管，物业费却年年上涨，反映了很多次也没有结果。"
LETTER = COMPLAINT * (5_000 // len(COMPLAINT))


class HearsShortTexts(CueClassifier):
    """Hears danger in what is short, and remembers what it was given to read."""

    calibration = CALIBRATION.model_copy(update={"hint_from": 0.05})

    def __init__(self) -> None:
        self.read: list[str] = []

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """One prediction a text; all of them general if they are long."""
        self.read += texts
        return [self._one(text) if len(text) < LONG else self._one(COMPLAINT) for text in texts]


def tier(catalogue: Catalogue, text: str) -> Tier:
    """The tier that such a classifier leads to."""
    pipeline = Pipeline(catalogue, HearsShortTexts())
    return pipeline.decide(Appeal((SourceText("text", text),))).tier


def test_danger_in_the_last_line_of_a_letter_is_heard(catalogue: Catalogue) -> None:
    """The close is read by itself, whatever stands before it."""
    assert tier(catalogue, LETTER) is Tier.GENERAL
    assert tier(catalogue, f"{LETTER}刚才楼上喊救命，没有人开门。") is Tier.EMERGENCY


def test_a_hint_is_judged_by_what_stands_around_it(hinted: Catalogue) -> None:
    """In the middle of a letter too; a hint without danger around it does not count."""
    there = f"{LETTER}我妈晕倒在楼道里，一直喊救命。{LETTER}"
    assert tier(hinted, there) is Tier.EMERGENCY
    assert tier(hinted, f"{LETTER}排队排得我快晕倒了。{LETTER}") is Tier.GENERAL


def test_a_short_text_is_read_once(hinted: Catalogue) -> None:
    """Nothing is cut from what is as short as a passage itself."""
    classifier = HearsShortTexts()
    Pipeline(hinted, classifier).decide(Appeal((SourceText("text", "我妈晕倒在楼道里"),)))
    assert classifier.read == ["我妈晕倒在楼道里"]


def test_letters_beside_others_are_decided_as_alone(hinted: Catalogue) -> None:
    """Passages find their way back to their text, in whatever batch they were read."""
    texts = ["绿化没人管", f"{LETTER}有人喊救命", LETTER, f"我妈晕倒了，喊救命。{LETTER}", "起火了"]
    appeals = [Appeal((SourceText("text", text),)) for text in texts]
    pipeline = Pipeline(hinted, HearsShortTexts())
    assert pipeline.decide_all(appeals) == [pipeline.decide(appeal) for appeal in appeals]
