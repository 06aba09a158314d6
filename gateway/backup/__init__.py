"""Backup and restore, one format for both databases."""
