"""The encoder: pieces, pre-training, fine-tuning, export, any folder that transformers reads."""

import json
import lzma
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel, BertTokenizer

from models.bundle import EncoderFiles, load_bundle, save_bundle
from tests.training.conftest import small
from training.config import Config, EncoderConfig
from training.corpus import Corpus, CorpusError, read_corpus
from training.encoder.export import to_onnx
from training.encoder.finetune import FineTuning, read_encoder
from training.encoder.pretrain import pretrain, save_encoder
from training.encoder.run import pretrain_encoder
from training.encoder.stage import Lesson
from training.encoder.texts import plain_texts
from training.encoder.tokens import NUMBER, SPECIAL, train_tokens
from training.fit import head_names
from training.groups import groups
from training.train import train
from training.vocabulary import allowed
from triage.classifier.blended import BlendedClassifier
from triage.classifier.encoder import EncoderScorer, pieces_of
from triage.classifier.heads import HEADS, UNIT, head_columns
from triage.taxonomy import Catalogue
from triage.text.normalise import normalise
from triage.text.segment import words

_FIRST_WEIGHT = "embeddings.word_embeddings.weight"
TINY = EncoderConfig(
    hidden=16,
    layers=2,
    attention_heads=2,
    pieces=400,
    tokens=32,
    law_characters=100,
    pretrain_window=32,
    pretrain_steps=3,
    pretrain_batch=4,
    pretrain_rate=1e-3,
    pretrain_masked=0.2,
    epochs=1,
    batch=8,
    rate=1e-3,
    dropout=0.1,
    student_layers=1,
    student_epochs=1,
    student_rate=1e-3,
    teacher_weight=1.0,
)


def with_encoder(settings: EncoderConfig) -> Config:
    """The small config with these settings of the encoder."""
    return small().model_copy(update={"encoder": settings})


@pytest.fixture
def corpus(own: Path, catalogue: Catalogue) -> Corpus:
    """The few written appeals of the training tests."""
    return read_corpus(catalogue, 1, own=own)


@pytest.fixture
def tokenizer(corpus: Corpus) -> Tokenizer:
    """A tokenizer of these appeals."""
    appeals = [normalise(example.text).text for example in corpus.of("written")]
    group = groups([words(text) for text in appeals], 1)
    return train_tokens(appeals, group, frozenset(["领导"]), TINY.pieces, 5)


@pytest.fixture
def folder(corpus: Corpus, tokenizer: Tokenizer, tmp_path: Path) -> Path:
    """A folder with a tiny encoder, pre-trained for three steps."""
    torch.set_num_threads(1)
    model = pretrain(list(plain_texts(corpus, None, 0)), tokenizer, TINY, 1, lambda _: None)
    save_encoder(model, tokenizer, tmp_path / "encoder")
    return tmp_path / "encoder"


def test_an_encoder_can_go_on_learning(folder: Path, corpus: Corpus, tmp_path: Path) -> None:
    """With `--from` it keeps its pieces and starts from what it knows."""
    pretrain_encoder(corpus, with_encoder(TINY), None, tmp_path / "more", folder)
    before, after = read_encoder(folder), read_encoder(tmp_path / "more")
    assert after.tokenizer.get_vocab() == before.tokenizer.get_vocab()
    weights = [one.model.get_parameter(_FIRST_WEIGHT) for one in (before, after)]
    moved = (weights[0] - weights[1]).abs().max()
    assert 0 < moved < 0.1


def test_pieces_hold_no_number_and_no_name(tokenizer: Tokenizer) -> None:
    """Numbers are read as one sign; no piece has a digit or what counts as a name."""
    pieces = [piece for piece in tokenizer.get_vocab() if piece not in SPECIAL]
    assert pieces
    assert all(allowed(piece, frozenset(["领导"])) for piece in pieces)
    encoding = tokenizer.encode("老人三点来过2024次")
    assert NUMBER not in pieces or NUMBER in encoding.tokens
    assert not any(char.isdigit() for token in encoding.tokens for char in token)


def test_pieces_stand_in_enough_unrelated_appeals(tokenizer: Tokenizer, corpus: Corpus) -> None:
    """What stands in fewer than five appeals is no piece."""
    texts = [normalise(example.text).text for example in corpus.of("written")]
    for piece in tokenizer.get_vocab():
        if piece not in SPECIAL and piece != NUMBER:
            assert sum(piece in text for text in texts) >= 5


def test_long_text_keeps_its_beginning_and_its_end(tokenizer: Tokenizer) -> None:
    """The middle of a long letter is left out, the last line is read."""
    whole = tokenizer.encode("暖气片冰凉不热" * 100 + "噪声大").ids
    (read,) = pieces_of(tokenizer, ["暖气片冰凉不热" * 100 + "噪声大"], 32)
    assert len(read) == 32
    assert read[:24] == whole[:24]
    assert read[-8:] == whole[-8:]


def test_run_with_an_encoder_gives_a_bundle_that_triage_can_use(
    folder: Path, corpus: Corpus, catalogue: Catalogue, tmp_path: Path
) -> None:
    """Pre-trained, fine-tuned, exported, saved, loaded: the scores stay what they were."""
    config = with_encoder(TINY)
    trained = train(corpus, catalogue, config, folder)
    save_bundle(trained.bundle, tmp_path / "bundle")
    bundle = load_bundle(tmp_path / "bundle")
    assert bundle.encoder is not None
    classifier = BlendedClassifier(bundle)
    texts = ["邻居半夜噪声大", "", "暖气片冰凉不热" * 40]
    together = classifier.predict(texts)
    apart = [classifier.predict([text])[0] for text in texts]
    for one, other in zip(together, apart, strict=True):
        assert one == other
        assert sum(one.units.values()) == pytest.approx(1)


def test_first_layers_ship_and_learn_from_the_whole(
    folder: Path, corpus: Corpus, catalogue: Catalogue
) -> None:
    """A student has fewer layers than its teacher, and its word follows the teacher's."""
    encoder = read_encoder(folder)
    config = with_encoder(TINY)
    heads = head_names(catalogue)
    tuning = FineTuning(encoder.first_layers(1), corpus.examples, heads, config)
    rows = list(range(len(corpus.examples)))
    said = np.zeros((len(rows), head_columns(heads)[HEADS[-1]].stop), dtype=np.float32)
    said[:, head_columns(heads)[UNIT].start] = 8.0
    taught = tuning.scores(tuning.fit(rows, said), rows)
    alone = tuning.scores(tuning.fit(rows), rows)
    assert taught[:, 0].mean() > alone[:, 0].mean()
    whole = TINY.model_copy(update={"student_layers": 0})
    sizes = [
        len(to_onnx(Lesson(encoder, corpus.examples, heads, with_encoder(settings)).fit(rows)))
        for settings in (TINY, whole)
    ]
    assert sizes[0] < sizes[1]


def test_a_student_with_more_layers_than_its_teacher_is_refused(folder: Path) -> None:
    """The message says what to set."""
    with pytest.raises(CorpusError, match="student_layers = 0"):
        read_encoder(folder).first_layers(7)


def test_any_encoder_of_transformers_goes_the_same_way(
    corpus: Corpus, catalogue: Catalogue, tmp_path: Path
) -> None:
    """An operator's folder, made here on the spot with a word-piece tokenizer, is fine-tuned."""
    signs = sorted({char for example in corpus.of("written") for char in example.text})
    names = [*SPECIAL, *signs]
    tokenizer = BertTokenizer(vocab={name: number for number, name in enumerate(names)})
    assert len(tokenizer) == len(names)
    model = BertModel(
        BertConfig(
            vocab_size=len(names),
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
        )
    )
    model.save_pretrained(tmp_path / "theirs")
    tokenizer.save_pretrained(tmp_path / "theirs")
    config = with_encoder(TINY)
    trained = train(corpus, catalogue, config, tmp_path / "theirs")
    assert BlendedClassifier(trained.bundle).predict(["燃气灶停了气"])[0].units


def test_graph_says_what_the_encoder_said(
    folder: Path, corpus: Corpus, catalogue: Catalogue
) -> None:
    """The exported graph with its int8 weights scores as the encoder did, within rounding."""
    config = with_encoder(TINY)
    encoder = read_encoder(folder)
    tuning = FineTuning(encoder, corpus.examples, head_names(catalogue), config)
    rows = list(range(len(corpus.examples)))
    model = tuning.fit(rows)
    wanted = tuning.scores(model, rows)
    files = EncoderFiles(to_onnx(model), encoder.tokenizer.to_str())
    texts = [normalise(example.text).text for example in corpus.examples]
    found = EncoderScorer(files, TINY.tokens).scores(texts)
    assert np.abs(found - wanted).max() < 0.1 + 0.1 * np.abs(wanted).max()


def test_replies_and_laws_are_read_where_they_are(corpus: Corpus, tmp_path: Path) -> None:
    """Pre-training reads replies whole and the beginning of every law."""
    (tmp_path / "replies.jsonl").write_text(json.dumps({"reply": "您好，已转办"}) + "\n", "utf-8")
    with lzma.open(tmp_path / "laws.jsonl.xz", "wt", encoding="utf-8") as file:
        file.write(json.dumps({"text": "第一条" * 100}) + "\n")
    texts = list(plain_texts(corpus, tmp_path, 6))
    assert texts[-2:] == ["您好,已转办", "第一条第一条"]
