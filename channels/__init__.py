"""How citizens reach us: one folder a channel, each turning wire bytes into messages."""
