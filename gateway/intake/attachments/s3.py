"""Attachments in a bucket of S3 or whatever speaks its protocol; needs the extra `s3`.

Endpoint and credentials come from the usual variables: `AWS_ENDPOINT_URL`, `AWS_REGION`,
`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, and `AWS_ALLOW_HTTP=true` for an endpoint without
TLS. The bucket must exist; give it a lifecycle rule that drops multipart uploads which a crash has
left unfinished.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store as Bucket

from gateway.intake.attachments.errors import AttachmentMissing

_RANGE_BYTES: Final = 1024 * 1024
_PART_BYTES: Final = 5 * 1024 * 1024  # S3 takes no smaller ones
_PARTS_AT_ONCE: Final = 2
_PING_SECONDS: Final = 5
_RETRY_FOR: Final = timedelta(seconds=30)


class S3Store:
    """`AttachmentStore` under `s3://bucket/prefix`; raises `ValueError` for another URL."""

    def __init__(self, url: str) -> None:
        if not url.startswith("s3://"):
            raise ValueError(f"{url!a} does not start with s3://")
        allow_http = os.environ.get("AWS_ALLOW_HTTP", "").lower() in {"true", "1", "yes"}
        try:
            self._bucket = Bucket.from_url(
                url,
                client_options={"allow_http": allow_http},
                retry_config={"max_retries": 5, "retry_timeout": _RETRY_FOR},
            )
        except BaseError as error:
            raise ValueError(f"{url!a} cannot be used: {_first_line(error)}") from None

    async def start(self) -> None:
        """Do nothing: an object appears whole or not at all."""

    async def ping(self) -> None:
        """List what no key begins with: shows endpoint, bucket and credentials."""
        with _as_os_error():
            async with asyncio.timeout(_PING_SECONDS):
                await obstore.list(self._bucket, prefix="ping").collect_async()

    async def size(self, address: str) -> int | None:
        """Return the object's size in bytes, None where there is no such object."""
        try:
            with _as_os_error():
                return (await obstore.head_async(self._bucket, address))["size"]
        except FileNotFoundError:
            return None

    async def put(self, address: str, file: Path) -> None:
        """Upload the file, in parts where it is large."""
        with _as_os_error():
            await obstore.put_async(
                self._bucket,
                address,
                file,
                chunk_size=_PART_BYTES,
                max_concurrency=_PARTS_AT_ONCE,
            )

    async def get(self, address: str, start: int = 0) -> AsyncGenerator[bytes, None]:
        """Yield the bytes from `start` on by ranges, so that a slow reader meets no timeout."""
        size = await self.size(address)
        if size is None:
            raise AttachmentMissing(f"no attachment {address}")
        for first in range(start, size, _RANGE_BYTES):
            end = min(first + _RANGE_BYTES, size)
            with _as_os_error():
                piece = await obstore.get_range_async(self._bucket, address, start=first, end=end)
            yield bytes(piece)

    async def addresses(self) -> AsyncGenerator[str, None]:
        """Yield the addresses in the order of the listing."""
        listing = obstore.list(self._bucket)
        while True:
            with _as_os_error():
                objects = await anext(listing, None)
            if objects is None:
                return
            for found in objects:
                yield found["path"]


@contextmanager
def _as_os_error() -> Iterator[None]:
    try:
        yield
    except BaseError as error:
        raise OSError(f"the attachment store failed: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]
