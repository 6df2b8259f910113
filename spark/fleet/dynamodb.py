"""The embedded DynamoDB of the binary, read as any client reads it; and a way to it that takes its time."""

import http.client
import http.server
import json
import os
import subprocess
import sys
import threading
import time
from typing import Any, Dict, List

Item = Dict[str, Any]


class DynamoDb:
    """A server with a table `Things` of so many rows, `n` as `Id`; ended by `close`."""

    def __init__(self, binary: str, folder: str, rows: int) -> None:
        data = os.path.join(folder, "things.jsonl")
        with open(data, "w") as stream:
            stream.writelines(json.dumps({"Id": row, "name": f"name {row}", "n": row}) + "\n" for row in range(1, rows + 1))
        self.rows = rows
        command = [binary, "local", "--port", "0", "--load", f"Things:Id={data}"]
        self.server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert self.server.stdout
        self.url = self.server.stdout.readline().decode().strip()
        if not self.url.startswith("http://"):
            raise SystemExit(f"the embedded DynamoDB did not start: {command}")

    def close(self) -> None:
        self.server.kill()
        self.server.wait()

    def items(self, table: str) -> List[Item]:
        """All items of a table, in DynamoDB's JSON; none if there is no such table."""
        found: List[Item] = []
        request: Dict[str, Any] = {"TableName": table, "ConsistentRead": True}
        while True:
            answer = self.call("Scan", request)
            if str(answer.get("__type", "")).endswith("#ResourceNotFoundException"):
                return []
            found += answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return found
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def call(self, operation: str, request: Dict[str, Any]) -> Dict[str, Any]:
        connection = http.client.HTTPConnection(self.url[len("http://") :], timeout=60)
        try:
            connection.request("POST", "/", json.dumps(request), headers_of(operation))
            read = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        assert isinstance(read, dict)
        return read


def headers_of(operation: str) -> Dict[str, str]:
    who = "AWS4-HMAC-SHA256 Credential=fleet/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host;x-amz-date, Signature=0"
    return {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": f"DynamoDB_20120810.{operation}",
        "X-Amz-Date": "20260101T000000Z",
        "Authorization": who,
    }


class Far:
    """The same DynamoDB, each answer of which is so many seconds away: what a client waits for is not the machine, but the way."""

    def __init__(self, there: DynamoDb, seconds: float) -> None:
        address = there.url[len("http://") :]

        class Way(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                time.sleep(seconds)
                connection = http.client.HTTPConnection(address, timeout=60)
                connection.request("POST", self.path, body, {name: value for name, value in self.headers.items() if name.lower() != "host"})
                answer = connection.getresponse()
                content = answer.read()
                connection.close()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("content-length", "connection", "date", "server", "transfer-encoding"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, request: Any, client_address: Any) -> None:
                # A process that has ended waits for no answer.
                if not isinstance(sys.exc_info()[1], ConnectionError):
                    super().handle_error(request, client_address)

        self.server = Server(("127.0.0.1", 0), Way)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
