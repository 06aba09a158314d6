"""Training: from appeals to a bundle, seeded and repeatable."""
