"""The web chat: lines over a WebSocket, or over plain HTTP where that does not get through."""
