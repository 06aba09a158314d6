"""The console's pages: for whoever has signed in, each behind its permission."""
