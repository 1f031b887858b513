"""WebSocket protocol and gateway. Knows ports, not Ray."""
