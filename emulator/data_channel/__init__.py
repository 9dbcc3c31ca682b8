"""The data channel of sessions: the Session Manager protocol over WebSocket, at `/v1/data-channel/<session id>`."""
