"""Sign-in, permissions and keys."""
