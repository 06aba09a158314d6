"""E-mail: an SMTP listener and a mailbox polled by IMAP; replies are sent by SMTP."""
