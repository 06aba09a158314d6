"""The call centre's platform: transcripts of telephone calls, live and afterwards."""
