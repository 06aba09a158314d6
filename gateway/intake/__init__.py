"""Accepting: inbox, attachments, quarantine, and the triage that opens the ticket."""
