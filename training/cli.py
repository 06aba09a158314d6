"""`jiesu train` and `jiesu evaluate`: the composition root of training."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from models.bundle import BundleError, load_bundle, save_bundle, shipped_folder
from training.clusters import clusters_table
from training.config import DEFAULT_CONFIG, Config, ConfigError, read_config
from training.corpus import JUDGED, Corpus, CorpusError, read_corpus
from training.evaluate import figures_by_source
from training.frozen import log_use, read_frozen
from training.report import rates_table, readable_card, table
from training.robustness import rates
from triage.classifier.blended import BlendedClassifier
from triage.pipeline import Appeal, Pipeline, SourceText
from triage.taxonomy import FILES, Catalogue, CatalogueError, parse_catalogue

DataOption = Annotated[
    Path | None, typer.Option(help="Folder with labelled data from outside; own texts otherwise.")
]
CatalogueOption = Annotated[
    Path | None, typer.Option(help="Folder with the catalogue's files; the shipped ones otherwise.")
]


def train(
    data: DataOption = None,
    out: Annotated[Path, typer.Option(help="Folder for the new bundle.")] = Path("bundle"),
    config: Annotated[Path, typer.Option(help="Settings of the run, TOML.")] = DEFAULT_CONFIG,
    catalogue: CatalogueOption = None,
    encoder: Annotated[
        Path | None,
        typer.Option(help="Folder with a pretrained encoder; the linear model alone otherwise."),
    ] = None,
) -> None:
    """Train a bundle and write it with its card; prints the held-out figures."""
    try:
        from training.train import train as run
    except ImportError as error:
        _stop(f"training needs the extra 'train' (pip install 'jiesu[train]'): {error}")
    settings, known, corpus = _inputs(config, catalogue, data)
    try:
        trained = run(corpus, known, settings, encoder)
    except CorpusError as error:
        _stop(str(error))
    card = save_bundle(trained.bundle, out)
    (out / "CARD.md").write_text(readable_card(card, trained.figures), "utf-8")
    typer.echo(table(trained.figures))
    typer.echo(f"{out}: {card['name']} {card['version']}")


def pretrain(
    data: DataOption = None,
    out: Annotated[Path, typer.Option(help="Folder for the encoder.")] = Path("encoder"),
    config: Annotated[Path, typer.Option(help="Settings of the run, TOML.")] = DEFAULT_CONFIG,
    catalogue: CatalogueOption = None,
    start: Annotated[
        Path | None,
        typer.Option("--from", help="Folder with an encoder that goes on; a new one otherwise."),
    ] = None,
) -> None:
    """Pre-train an encoder on plain text, for `train --encoder`."""
    try:
        from training.encoder.run import pretrain_encoder as run
    except ImportError as error:
        _stop(f"training needs the extra 'train' (pip install 'jiesu[train]'): {error}")
    settings, _, corpus = _inputs(config, catalogue, data)
    try:
        run(corpus, settings, data, out, start)
    except CorpusError as error:
        _stop(str(error))
    typer.echo(f"{out}: an encoder of {settings.encoder.layers} layers")


def evaluate(
    data: DataOption = None,
    bundle: Annotated[
        Path | None, typer.Option(help="Folder of the bundle; the shipped one otherwise.")
    ] = None,
    catalogue: CatalogueOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="All figures as JSON.")] = False,
    robustness: Annotated[
        bool, typer.Option("--robustness", help="How firmly decisions stand, told differently.")
    ] = False,
    clusters: Annotated[
        bool, typer.Option("--clusters", help="How well appeals on one matter are found.")
    ] = False,
    held_out: Annotated[
        str | None,
        typer.Option(help="Judge by the frozen written appeals instead; say why, it is logged."),
    ] = None,
) -> None:
    """Judge a bundle by labelled rows; rows that it learned from flatter it."""
    if clusters:
        if data is None or not (data / "appeals.jsonl").is_file():
            _stop("--clusters: give the folder with appeals.jsonl by --data")
        typer.echo(clusters_table(data))
        return
    settings, known, corpus = _inputs(DEFAULT_CONFIG, catalogue, data)
    try:
        classifier = BlendedClassifier(load_bundle(bundle or shipped_folder()))
        rows = corpus.of(*JUDGED) if held_out is None else read_frozen(known)
    except (BundleError, CorpusError) as error:
        _stop(str(error))
    if held_out is not None:
        log_use(f"{classifier.version.name} {classifier.version.version}", held_out)
    pipeline = Pipeline(known, classifier, settings.calibration.admitted_error)
    if robustness:
        typer.echo(rates_table(rates(pipeline, [row.text for row in rows], settings.seed)))
        return
    appeals = [Appeal((SourceText("text", row.text),)) for row in rows]
    decisions = pipeline.decide_all(appeals)
    figures = figures_by_source(list(zip(rows, decisions, strict=True)))
    typer.echo(json.dumps(figures, ensure_ascii=False, indent=2) if as_json else table(figures))


def _inputs(
    config: Path, catalogue: Path | None, data: Path | None
) -> tuple[Config, Catalogue, Corpus]:
    try:
        known = read_catalogue(catalogue)
        settings = read_config(config)
        return settings, known, read_corpus(known, settings.seed, data)
    except (ConfigError, CatalogueError, CorpusError) as error:
        _stop(str(error))


def read_catalogue(folder: Path | None = None) -> Catalogue:
    """The catalogue of a folder, or the shipped one; raises CatalogueError."""
    place: Any = folder if folder is not None else files("triage.taxonomy")
    texts = {name: (place / name).read_text("utf-8") for name in FILES if (place / name).is_file()}
    return parse_catalogue(texts)


def _stop(sentence: str) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(1)
