"""Traces for operators who collect them: spans of requests, triage batches and publishing.

A span carries routes and counts, never ids of people and never words.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Traces(Protocol):
    """Where spans go."""

    def span(self, name: str, **attributes: str | int) -> AbstractContextManager[None]:
        """Measure a block as a span."""
        ...

    def close(self) -> None:
        """Send what is still kept back."""
        ...


class NoTraces:
    """For everybody else: costs nothing."""

    @contextmanager
    def span(self, name: str, **attributes: str | int) -> Iterator[None]:
        """Do nothing around the block."""
        yield

    def close(self) -> None:
        """Do nothing."""


class OtlpTraces:
    """Spans by OpenTelemetry over OTLP/HTTP; needs the extra `otel`."""

    def __init__(self, endpoint: str) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        resource = Resource.create({"service.name": "jiesu"})
        self._provider = TracerProvider(resource=resource)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint)))
        self._tracer = self._provider.get_tracer("jiesu")

    @contextmanager
    def span(self, name: str, **attributes: str | int) -> Iterator[None]:
        """Measure the block; an exception marks the span, without its text."""
        with self._tracer.start_as_current_span(
            name, attributes=attributes, record_exception=False
        ):
            yield

    def close(self) -> None:
        """Send the last spans."""
        self._provider.shutdown()
