"""A STAND-IN for a whisper.cpp server: /health answers at once, all else after the seconds that it is asked for."""

from __future__ import annotations

import http.server
import sys
import time


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path != "/health":
            time.sleep(float(self.path.strip("/")))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"status":"ok"}')


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
