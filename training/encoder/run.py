"""One pre-training run: corpus in, folder with encoder and tokenizer out."""

from pathlib import Path

from tokenizers import Tokenizer

from training.config import Config
from training.corpus import LABELLED, TOPIC_ROWS, UNLABELLED, WRITTEN, Corpus
from training.encoder.finetune import read_encoder
from training.encoder.pretrain import pretrain, save_encoder
from training.encoder.texts import plain_texts
from training.encoder.tokens import train_tokens
from training.groups import groups
from training.vocabulary import person_names
from triage.text.normalise import normalise
from triage.text.segment import words


def pretrain_encoder(
    corpus: Corpus, config: Config, data: Path | None, out: Path, start: Path | None = None
) -> None:
    """Find the pieces in appeals, learn from appeals, replies and laws, and write the encoder.

    One that `start` holds goes on learning, with the pieces that it has.
    """
    texts = list(plain_texts(corpus, data, config.encoder.law_characters))
    tokenizer = _pieces(corpus, config) if start is None else read_encoder(start).tokenizer
    model = pretrain(texts, tokenizer, config.encoder, config.seed, start=start)
    save_encoder(model, tokenizer, out)


def _pieces(corpus: Corpus, config: Config) -> Tokenizer:
    whole = corpus.of(LABELLED, UNLABELLED, WRITTEN, TOPIC_ROWS)
    appeals = [normalise(example.text).text for example in whole if example.tokens is None]
    return train_tokens(
        appeals,
        groups([words(text) for text in appeals], config.seed),
        person_names(appeals),
        config.encoder.pieces,
        config.vocabulary.least_appeals,
    )
