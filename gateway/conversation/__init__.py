"""What citizens are told where they asked: receipts and progress, with an outbox of their own."""
