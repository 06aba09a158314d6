"""One pre-training run: corpus in, folder with encoder and tokenizer out."""

from pathlib import Path

from training.config import Config
from training.corpus import LABELLED, TOPIC_ROWS, UNLABELLED, WRITTEN, Corpus
from training.encoder.pretrain import pretrain, save_encoder
from training.encoder.texts import plain_texts
from training.encoder.tokens import train_tokens
from training.groups import groups
from training.vocabulary import person_names
from triage.text.normalise import normalise
from triage.text.segment import words


def pretrain_encoder(corpus: Corpus, config: Config, data: Path | None, out: Path) -> None:
    """Find the pieces in appeals, learn from appeals, replies and laws, and write the encoder."""
    whole = corpus.of(LABELLED, UNLABELLED, WRITTEN, TOPIC_ROWS)
    appeals = [normalise(example.text).text for example in whole if example.tokens is None]
    settings = config.encoder
    tokenizer = train_tokens(
        appeals,
        groups([words(text) for text in appeals], config.seed),
        person_names(appeals),
        settings.pieces,
        config.vocabulary.least_appeals,
    )
    texts = list(plain_texts(corpus, data, settings.law_characters))
    save_encoder(pretrain(texts, tokenizer, settings, config.seed), tokenizer, out)
