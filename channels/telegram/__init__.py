"""Telegram: citizens write to a bot, in private; by webhook or by long polling."""
