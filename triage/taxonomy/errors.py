"""The one error of the catalogue's files."""


class CatalogueError(ValueError):
    """A catalogue file cannot be used; the message says where, what is wrong and what to do."""

    def __init__(self, file: str, line: int, sentence: str) -> None:
        super().__init__(f"{file}, line {line}: {sentence}")
        self.file = file
        self.line = line
        self.sentence = sentence
