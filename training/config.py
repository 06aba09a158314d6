"""The training's settings, read from TOML; unknown keys are refused."""

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class ConfigError(ValueError):
    """The settings cannot be used; the message names the keys."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class VocabularyConfig(_Strict):
    """Which features are kept: at most so many of each kind, the most frequent ones."""

    least_appeals: int = Field(ge=5, title="different appeals that a feature must occur in")
    words: int = Field(gt=0, title="words kept")
    pairs: int = Field(gt=0, title="pairs of neighbouring words kept")
    grams: int = Field(gt=0, title="character n-grams kept")


class WeightsConfig(_Strict):
    """What a row counts in fitting, by where its label comes from."""

    labelled: float = Field(ge=0, title="labelled real appeals")
    written: float = Field(ge=0, title="appeals written for the purpose")
    also: float = Field(ge=0, title="other units that could be handed an appeal, together")
    duties: float = Field(ge=0, title="phrases of a unit's duties")
    examples: float = Field(ge=0, title="examples of catalogue entries and tier rules")
    laws: float = Field(ge=0, title="articles of laws that are a unit's business")
    topics: float = Field(ge=0, title="rows of which only the topic is known")
    labelled_topics: float = Field(ge=0, title="topics that readers gave to real appeals")
    outside: float = Field(gt=0, title="texts that are no appeal, against each appeal")


class HeadConfig(_Strict):
    """One logistic regression."""

    strength: float = Field(gt=0, title="inverse of the regularisation (C)")


class HeadsConfig(_Strict):
    """All heads of the linear classifier."""

    unit: HeadConfig
    tier: HeadConfig
    kind: HeadConfig
    topic: HeadConfig
    domain: HeadConfig
    several: HeadConfig


class CalibrationConfig(_Strict):
    """What the thresholds aim at on held-out rows."""

    coverage: float = Field(gt=0, lt=1, title="share of right units in the conformal set")
    emergency_precision: float = Field(gt=0, lt=1, title="least precision of emergencies")
    livelihood_precision: float = Field(gt=0, lt=1, title="least precision of livelihood")
    hint_loss: float = Field(ge=0, lt=1, title="share of what hints rightly found that may be lost")
    several_precision: float = Field(gt=0, lt=1, title="least precision of learned several units")
    admitted_error: float = Field(gt=0, lt=1, title="share of automatic decisions, wrong at most")
    domain_loss: float = Field(gt=0, lt=1, title="share of real appeals that may be turned away")


class EncoderConfig(_Strict):
    """The encoder's shape, its pre-training, and its fine-tuning for all heads together.

    Shape and pre-training say nothing where a folder with a pretrained encoder is given.
    """

    hidden: int = Field(gt=0, title="width of a layer")
    layers: int = Field(gt=0, title="layers")
    attention_heads: int = Field(gt=0, title="attention heads of a layer")
    pieces: int = Field(gt=0, title="pieces of text in the vocabulary, at most")
    tokens: int = Field(ge=16, le=512, title="pieces of a text that it reads")
    law_characters: int = Field(ge=0, title="characters read of each law")
    pretrain_window: int = Field(ge=16, le=512, title="pieces in a window of pre-training")
    pretrain_steps: int = Field(gt=0, title="steps of pre-training")
    pretrain_batch: int = Field(gt=0, title="windows in a step of pre-training")
    pretrain_rate: float = Field(gt=0, title="highest learning rate of pre-training")
    pretrain_masked: float = Field(gt=0, lt=1, title="share of pieces to guess")
    epochs: int = Field(gt=0, title="times that fine-tuning reads every row")
    batch: int = Field(gt=0, title="rows in a step of fine-tuning")
    rate: float = Field(gt=0, title="highest learning rate of fine-tuning")
    dropout: float = Field(ge=0, lt=1, title="share of the text's vector that a step leaves out")
    student_layers: int = Field(
        ge=0, title="first layers that learn from the whole and ship; 0: all"
    )
    student_epochs: int = Field(gt=0, title="times that the student reads every row")
    student_rate: float = Field(gt=0, title="highest learning rate of the student")
    teacher_weight: float = Field(gt=0, title="what the teacher's word counts beside the labels")


class Config(_Strict):
    """Everything that a training run depends on, besides the data and the catalogue."""

    name: str = Field(min_length=1, title="name of the model")
    version: str = Field(min_length=1, title="version of the model")
    seed: int = Field(ge=0, title="seed of every random choice")
    folds: int = Field(ge=2, title="folds of the grouped cross-validation")
    vocabulary: VocabularyConfig
    weights: WeightsConfig
    heads: HeadsConfig
    encoder: EncoderConfig
    calibration: CalibrationConfig


DEFAULT_CONFIG = Path(__file__).parent / "config.toml"


def read_config(path: Path = DEFAULT_CONFIG) -> Config:
    """Read and validate a TOML file; raises ConfigError."""
    try:
        return Config.model_validate(tomllib.loads(path.read_text("utf-8")))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()
        )
        raise ConfigError(f"{path}: {faults}") from error
