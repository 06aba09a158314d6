"""YAML read as nodes, so that every complaint can name its line."""

from collections.abc import Iterable, Mapping

import yaml

from triage.taxonomy.errors import CatalogueError


def entries(file: str, text: str) -> list["Entry"]:
    """The list of mappings that a catalogue file is; raises CatalogueError with the line."""
    try:
        root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(error, "problem", None) or "it cannot be read"
        raise CatalogueError(file, line, f"this is not YAML ({problem}); mend it") from error
    if root is None:
        return []
    if not isinstance(root, yaml.SequenceNode):
        raise CatalogueError(file, 1, "the file must be a list; start every entry with '- id:'")
    return [Entry(file, node) for node in root.value]


class Entry:
    """One mapping of a catalogue file, unlocked key by key."""

    def __init__(self, file: str, node: yaml.Node) -> None:
        self.file = file
        self.line = node.start_mark.line + 1
        if not isinstance(node, yaml.MappingNode):
            raise self.error("an entry must be a mapping; write 'id: …' and the other keys")
        self._nodes: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if key.value in self._nodes:
                raise self.error(f"the key {key.value!r} stands twice; keep one", key)
            self._nodes[key.value] = value
        self._keys = {key.value: key for key, _ in node.value}

    def error(self, sentence: str, node: yaml.Node | None = None) -> CatalogueError:
        """A complaint about this entry, at the node's line if one is given."""
        line = self.line if node is None else node.start_mark.line + 1
        return CatalogueError(self.file, line, sentence)

    def key_error(self, key: str, sentence: str) -> CatalogueError:
        """A complaint about the value of `key`."""
        return self.error(sentence, self._nodes.get(key))

    def only(self, required: Iterable[str], optional: Iterable[str] = ()) -> None:
        """Refuse unknown and missing keys."""
        required = tuple(required)
        known = {*required, *optional}
        for key, node in self._keys.items():
            if key not in known:
                raise self.error(f"{key!r} is no known key; use {', '.join(sorted(known))}", node)
        for key in required:
            if key not in self._nodes:
                raise self.error(f"the key {key!r} is missing; add it")

    def has(self, key: str) -> bool:
        """Whether the key is there."""
        return key in self._nodes

    def text(self, key: str) -> str:
        """A filled string."""
        value = self.text_or_null(key)
        if value is None:
            raise self.key_error(key, f"{key!r} is empty; fill it")
        return value

    def text_or_null(self, key: str) -> str | None:
        """A string, or None for an absent key, null or nothing."""
        node = self._nodes.get(key)
        if node is None:
            return None
        return self._scalar(key, node)

    def number(self, key: str, default: int) -> int:
        """A whole number above zero, or `default` for an absent key."""
        value = self.text_or_null(key)
        if value is None:
            return default
        if not (value.isascii() and value.isdigit() and int(value) > 0):
            raise self.key_error(key, f"{key!r} must be a whole number above 0, not {value!r}")
        return int(value)

    def texts(self, key: str) -> list[tuple[str, yaml.Node]]:
        """The strings of a list with their nodes; an absent key is an empty list."""
        node = self._nodes.get(key)
        if node is None or (isinstance(node, yaml.ScalarNode) and not node.value):
            return []
        if not isinstance(node, yaml.SequenceNode):
            raise self.key_error(key, f"{key!r} must be a list; write one item a line after '-'")
        return [(self._filled(key, item), item) for item in node.value]

    def one_of(self, key: str, names: Mapping[str, object] | Iterable[str]) -> str:
        """A string out of `names`."""
        value = self.text(key)
        known = list(names)
        if value not in known:
            raise self.key_error(key, f"{value!r} is unknown as {key}; use {_some(known)}")
        return value

    def _filled(self, key: str, node: yaml.Node) -> str:
        value = self._scalar(key, node)
        if value is None:
            raise self.error(f"an item of {key!r} is empty; fill it or take it out", node)
        return value

    def _scalar(self, key: str, node: yaml.Node) -> str | None:
        if not isinstance(node, yaml.ScalarNode):
            raise self.error(f"{key!r} must be a plain text; put it in quotes", node)
        if node.tag == "tag:yaml.org,2002:null":
            return None
        return str(node.value).strip() or None


def _some(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= 20 else f"one of the {len(names)} known codes"
