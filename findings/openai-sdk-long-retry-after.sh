#!/usr/bin/env bash
# Four releases of OpenAI's SDK treat the same long `Retry-After` of a 429 in three ways.
#
# Guess before the run: each SDK waits as long as the header says, up to a common limit, and uses its own
# backoff above the limit.
#
# Seen with openai (Python) 2.21.0 and 3.57.0, openai (Node) 6.49.0 and 7.59.0, against a server on loopback that answers
# 429 with `Retry-After: N` twice and then 200. The default of two retries applies in all four.
#
#   N     Python 2.21.0       Python 3.57.0        Node 6.49.0         Node 7.59.0
#   61    retries within 2 s  waits                waits               retries within 2 s
#   121   retries within 2 s  raises, no retry     waits               retries within 2 s
#
# So with the default settings two releases repeat the request too early, one raises an error without a retry, and one
# waits without a limit. Exit status 0: the behaviour is as described. Needs python3, npm, and access to PyPI and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

for version in 2.21.0 3.57.0; do
    python3 -m venv "py-$version"
    "py-$version/bin/pip" install --quiet --disable-pip-version-check "openai==$version" 2>/dev/null
done
for version in 6.49.0 7.59.0; do
    npm install --silent --no-audit --no-fund --prefix "node-$version" "openai@$version" >/dev/null
done

cat > client.py <<'PYTHON'
import sys
from openai import OpenAI, RateLimitError

try:
    OpenAI(api_key="none", base_url=sys.argv[1]).models.list()
    print("answered")
except RateLimitError:
    print("raised")
PYTHON

cat > client.mjs <<'NODE'
import { createRequire } from "node:module";
const OpenAI = createRequire(`${process.cwd()}/${process.argv[3]}/`)("openai").default;
try {
  await new OpenAI({ apiKey: "none", baseURL: process.argv[2] }).models.list();
  console.log("answered");
} catch (error) {
  console.log(error.status === 429 ? "raised" : String(error));
}
NODE

cat > check.py <<'PYTHON'
"""Serve 429, 429, 200 on loopback to each client, and say what it did within eight seconds."""

import http.server
import subprocess
import threading

EXPECTED = {
    ("Python 2.21.0", 61): "3 requests, answered",
    ("Python 2.21.0", 121): "3 requests, answered",
    ("Python 3.57.0", 61): "1 requests, waits",
    ("Python 3.57.0", 121): "1 requests, raised",
    ("Node 6.49.0", 61): "1 requests, waits",
    ("Node 6.49.0", 121): "1 requests, waits",
    ("Node 7.59.0", 61): "3 requests, answered",
    ("Node 7.59.0", 121): "3 requests, answered",
}


def command(client: str, url: str) -> list[str]:
    language, version = client.split()
    if language == "Python":
        return [f"py-{version}/bin/python", "client.py", url]
    return ["node", "client.mjs", url, f"node-{version}"]


def observe(client: str, seconds: int) -> str:
    seen: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            body = b'{"object": "list", "data": []}'
            self.send_response(200 if len(seen) > 2 else 429)
            if len(seen) <= 2:
                self.send_header("Retry-After", str(seconds))
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        child = subprocess.Popen(command(client, f"http://127.0.0.1:{server.server_port}/v1"), stdout=subprocess.PIPE, text=True)
        try:
            outcome = child.communicate(timeout=8)[0].strip()
        except subprocess.TimeoutExpired:
            child.kill()
            child.communicate()
            outcome = "waits"
        server.shutdown()
    return f"{len(seen)} requests, {outcome}"


found = {case: observe(*case) for case in EXPECTED}
for (client, seconds), outcome in found.items():
    mark = "" if EXPECTED[client, seconds] == outcome else f"   EXPECTED {EXPECTED[client, seconds]}"
    print(f"{client:14} Retry-After: {seconds:<4} {outcome}{mark}")
raise SystemExit(found != EXPECTED)
PYTHON
python3 check.py
