"""An application: two lines for its log driver, and one record that it sends to the router itself."""

import os
import socket
import sys
import time

import msgpack


def connected(address, attempts=100):
    """The router was started first; that it listens already is not said."""
    for _ in range(attempts - 1):
        try:
            return socket.create_connection(address)
        except ConnectionRefusedError:
            time.sleep(0.1)
    return socket.create_connection(address)


print('{"level": "info", "message": "an order came in"}')
print("no room for it", file=sys.stderr)


with connected((os.environ["FLUENT_HOST"], int(os.environ["FLUENT_PORT"]))) as router:
    router.sendall(msgpack.packb(["audit.login", int(time.time()), {"user": "jane"}]))

time.sleep(2)
