"""A registry of one image, just enough for an engine to pull from: for tests of pulls without a network."""

from __future__ import annotations

import base64
import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from emulator.engine.archive import BuiltImage


class SmallRegistry:
    """Serves the image under every repository and tag but `missing`; the repository `stalled` never answers."""

    def __init__(self, image: BuiltImage, needs: tuple[str, str] | None = None) -> None:
        self._blobs = {f"sha256:{hashlib.sha256(blob).hexdigest()}": blob for blob in (image.config, *image.layers)}
        self._manifest = image.oci_manifest()
        self._needs = f"Basic {base64.b64encode(':'.join(needs).encode()).decode()}" if needs else None
        self._closing = threading.Event()
        registry = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                registry.answer(self)

            do_HEAD = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        headers = {"Docker-Distribution-Api-Version": "registry/2.0"}
        status, body = 404, b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}'
        if self._needs and request.headers.get("Authorization") != self._needs:
            headers["WWW-Authenticate"] = 'Basic realm="test"'
            status, body = 401, b'{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}'
        elif request.path == "/v2/":
            status, body = 200, b"{}"
        elif "/stalled/" in request.path:
            self._closing.wait(30)
        elif "/blobs/" in request.path:
            status, body = 200, self._blobs[request.path.rpartition("/")[2]]
        elif "/manifests/" in request.path and "/missing/" not in request.path:
            status, body = 200, self._manifest
            headers["Content-Type"] = "application/vnd.oci.image.manifest.v1+json"
            headers["Docker-Content-Digest"] = f"sha256:{hashlib.sha256(body).hexdigest()}"
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if request.command == "GET":
            request.wfile.write(body)

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
