"""What an empty knowledge base is filled with: entries of our own wording, as they ship."""

from collections.abc import Iterator
from importlib.resources import files

import yaml

from gateway.knowledge.entries import Content


def shipped_entries(owner: str = "seed") -> Iterator[tuple[str, Content]]:
    """Yield id and content of each entry of `seed.yaml`, which names its days as dates."""
    text = (files("gateway") / "knowledge" / "seed.yaml").read_text("utf-8")
    for fields in yaml.load(text, yaml.CSafeLoader):
        days = {
            name: fields[name].isoformat() for name in ("valid_from", "valid_to") if name in fields
        }
        answer = fields["answer"].strip()
        yield (
            fields["id"],
            Content.from_fields({**fields, **days, "answer": answer, "owner": owner}),
        )
