"""From the outbox to the streams, and the consumer library for the next stage."""
