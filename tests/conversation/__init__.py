"""Tests of what citizens are told, and of chats."""
