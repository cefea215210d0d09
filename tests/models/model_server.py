#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# model_server.py MODEL FOLDER [CERT KEY]: a model hub on the loopback, with every fault that a fetch must survive. The
# first part of the path is the behaviour ("/break/nvidia/x/resolve/main/x.nemo"), the rest only has to look right. The
# ports are written to FOLDER/port and, with a certificate, FOLDER/port-tls; each request adds a line to FOLDER/log:
# behaviour, Range, If-Range. Ends when its standard input does.
import hashlib
import http.server
import os
import ssl
import sys
import threading
import time

FIRST_BYTES = 100000  # what comes before a connection breaks off
with open(sys.argv[1], "rb") as file:
    MODEL = file.read()
FOLDER = sys.argv[2]
SHA256 = hashlib.sha256(MODEL).hexdigest()
counts, lock = {}, threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    tls = False

    def log_message(self, *arguments):
        pass

    def head(self, status, length=None, **headers):
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.send_header("Connection", "close")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.close_connection = True

    def send(self, data):
        self.wfile.write(data)
        self.wfile.flush()

    # The body from where the client wants it, at most limit bytes of it.
    def serve(self, data=MODEL, limit=None, etag='"one"', ranges=True, **headers):
        wanted, condition = self.headers.get("Range"), self.headers.get("If-Range")
        start = 0
        if etag:
            headers["ETag"] = etag
        if wanted and ranges and condition in (None, etag):
            start = int(wanted[len("bytes="):-1])
            if start >= len(data):
                return self.head(416, 0, Content_Range=f"bytes */{len(data)}")
            headers["Content_Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            self.head(206, len(data) - start, **headers)
        else:
            self.head(200, len(data), **headers)
        self.send(data[start:start + limit if limit else None])

    def redirect(self, to, **headers):
        self.head(302, 5, Location=to, **headers)
        self.send(b"moved")

    def hub(self, sha256=SHA256, size=len(MODEL)):
        self.redirect("/store/blob.nemo?signature=secret", X_Linked_ETag=f'"{sha256}"', X_Linked_Size=str(size))

    def stall(self, n_bytes):
        self.head(200, len(MODEL), ETag='"one"')
        self.send(MODEL[:n_bytes])
        for _ in range(600):
            time.sleep(0.05)
            self.send(b"")

    def do_GET(self):
        parts = self.path.split("/")
        kind = parts[1]
        with lock:
            times = counts[kind] = counts.get(kind, 0) + 1
            with open(os.path.join(FOLDER, "log"), "a") as log:
                log.write(f"{kind} {self.headers.get('Range')} {self.headers.get('If-Range')}\n")
        try:
            self.answer(kind, times)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            pass

    def answer(self, kind, times):
        if kind in ("ok", "store", "ok2"):
            self.serve()
        elif kind == "hub":
            self.hub()
        elif kind == "hub-wrong":
            self.hub(sha256="0" * 64)
        elif kind == "hub-size":
            self.hub(size=len(MODEL) + 1)
        elif kind == "break":
            self.serve(limit=FIRST_BYTES)
        elif kind == "break-always":
            self.serve(limit=FIRST_BYTES, ranges=False)
        elif kind == "no-range":
            self.serve(limit=FIRST_BYTES if times == 1 else None, ranges=False)
        elif kind == "no-etag":
            self.serve(limit=FIRST_BYTES if times == 1 else None, etag=None)
        elif kind == "changed" and times == 1:
            self.serve(bytes(len(MODEL)), limit=FIRST_BYTES, etag='"other"')
        elif kind == "changed":
            self.serve()
        elif kind == "other-range" and times == 1:
            self.serve(limit=FIRST_BYTES)
        elif kind == "other-range" and self.headers.get("Range"):
            self.head(206, 10, Content_Range=f"bytes 5-14/{len(MODEL)}")
            self.send(MODEL[5:15])
        elif kind == "other-range":
            self.serve()
        elif kind == "whole":
            self.serve(limit=FIRST_BYTES if times == 1 else None)
        elif kind == "huge":
            self.head(200, 10**15)
            self.send(MODEL[:1000])
        elif kind == "too-long":
            if self.headers.get("Range"):
                return self.head(416, 0, Content_Range=f"bytes */{len(MODEL)}")
            self.head(200, len(MODEL) + 1000, ETag='"one"')
            self.send(MODEL)
        elif kind == "too-short":
            self.head(200, len(MODEL) - 5000)
            self.send(MODEL)
        elif kind == "no-length":
            self.head(200)
            self.send(MODEL)
        elif kind == "chunked":
            self.head(200, Transfer_Encoding="chunked")
            for at in range(0, len(MODEL), 65536):
                piece = MODEL[at:at + 65536]
                self.send(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.send(b"0\r\n\r\n")
        elif kind == "chunked-broken":
            self.head(200, Transfer_Encoding="chunked")
            self.send(b"ffff\r\n" + MODEL[:1000])
        elif kind.startswith("chain"):
            left = int(kind[5:] or 3)
            self.redirect(f"/chain{left - 1}/x.nemo" if left > 1 else "/ok/x.nemo")
        elif kind == "loop":
            self.redirect(self.path)
        elif kind == "to-ftp":
            self.redirect("ftp://127.0.0.1/x.nemo")
        elif kind == "to-file":
            self.redirect("file:///etc/passwd")
        elif kind == "to-http":
            self.redirect(f"http://127.0.0.1:{ports[0]}/ok/x.nemo?signature=secret")
        elif kind == "to-nowhere":
            self.head(302, 0)
        elif kind == "stall":
            self.stall(1000)
        elif kind == "mute":
            time.sleep(20)
        elif kind == "stall-once":
            self.stall(FIRST_BYTES) if times == 1 else self.serve()
        elif kind in ("hold", "hold2"):
            self.stall(FIRST_BYTES) if not self.headers.get("Range") else self.serve()
        elif kind == "busy":
            self.head(429, 0, Retry_After="1") if times == 1 else self.serve()
        elif kind == "busy-long":
            self.head(429, 0, Retry_After="4000")
        elif kind == "empty":
            self.head(200, 0)
        elif kind == "html":
            self.head(200, 14, Content_Type="text/html; charset=utf-8")
            self.send(b"<html> </html>")
        elif kind == "junk":
            self.serve(b"<html>" * 1000)
        elif kind == "endless":
            self.head(404)
            while True:
                self.send(b"no " * 20000)
        elif kind == "500-once":
            self.head(500, 3) if times == 1 else self.serve()
        else:
            self.head(int(kind), 5)
            self.send(b"error")


def start(name, context=None):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with open(os.path.join(FOLDER, name + ".new"), "w") as file:
        file.write(str(server.server_port))
    os.rename(os.path.join(FOLDER, name + ".new"), os.path.join(FOLDER, name))
    return server.server_port


ports = []
if len(sys.argv) == 5:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[3], sys.argv[4])
    start("port-tls", context)
ports.append(start("port"))
sys.stdin.read()
