"""What `/metrics` tells; labels are channels, tiers and streams, never people."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_SLOW = (0.1, 0.5, 1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 21600, 86400)


class Metrics:
    """All metrics of one process, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        r = self.registry
        self.requests = Counter(
            "jiesu_http_requests", "HTTP requests", ["method", "route", "status"], registry=r
        )
        self.request_seconds = Histogram(
            "jiesu_http_request_seconds", "Time to answer", ["route"], buckets=_FAST, registry=r
        )
        self.accepted = Counter(
            "jiesu_accepted", "Messages accepted, durably stored", ["channel"], registry=r
        )
        self.refused = Counter(
            "jiesu_refused", "Messages refused, by problem", ["channel", "problem"], registry=r
        )
        self.quarantined = Counter(
            "jiesu_quarantined", "Messages put in quarantine", ["channel"], registry=r
        )
        self.triaged = Counter("jiesu_triaged", "Tickets decided", ["channel", "tier"], registry=r)
        self.triage_seconds = Histogram(
            "jiesu_triage_batch_seconds", "Time of one triage batch", buckets=_FAST, registry=r
        )
        self.published = Counter(
            "jiesu_published", "Entries put on the streams", ["tier", "change"], registry=r
        )
        self.publish_lag = Histogram(
            "jiesu_publish_lag_seconds",
            "From acceptance to the stream",
            ["tier"],
            buckets=_SLOW,
            registry=r,
        )
        self.late = Counter(
            "jiesu_dispatched_late", "Tickets published after their due time", ["tier"], registry=r
        )
        self.clock_published = Counter(
            "jiesu_published_unconfirmed", "Tickets published by the clock", ["tier"], registry=r
        )
        self.warned = Counter(
            "jiesu_waiting_warned", "Tickets that waited half their clock", ["tier"], registry=r
        )
        self.replies = Counter(
            "jiesu_replies", "Replies to citizens, by outcome", ["channel", "outcome"], registry=r
        )
        self.media = Counter(
            "jiesu_media", "Media by kind and what became of them", ["kind", "outcome"], registry=r
        )
        self.redis_failures = Counter(
            "jiesu_redis_failures", "Failed attempts to reach Redis", registry=r
        )
        self.republished = Counter(
            "jiesu_republished", "Entries sent again because Redis had lost them", registry=r
        )
        self.outbox_depth = Gauge("jiesu_outbox_depth", "Outbox rows", ["state"], registry=r)
        self.waiting = Gauge(
            "jiesu_tickets_waiting", "Tickets by where they wait", ["queue"], registry=r
        )
        self.oldest_waiting = Gauge(
            "jiesu_oldest_waiting_seconds",
            "Age of the oldest, by where it waits",
            ["queue"],
            registry=r,
        )
        self.child_restarts = Counter(
            "jiesu_child_restarts", "Child processes started again", ["child"], registry=r
        )
