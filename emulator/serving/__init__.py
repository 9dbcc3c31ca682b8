"""The HTTP/1.1 server behind `emulator/serve.py`: listeners, connections, request heads, bodies, answers."""
