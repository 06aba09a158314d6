"""The public API as a channel: the sender reads our answer and can mend what is wrong."""
