"""The streams of a kubelet's exec, attach and port-forward: channels in frames of a WebSocket."""

import json
import time
from typing import Any

from conformance.engines.wish import Wrong

STDIN, STDOUT, STDERR, STATUS = range(4)
END = 255  # of the channel that follows, since v5
PROTOCOL = "v4.channel.k8s.io"


class Stream:
    """One connection to an address that Exec, Attach or PortForward gave."""

    def __init__(self, url: str, protocol: str = PROTOCOL, **options: Any) -> None:
        """``options`` are those of a connection: header, sslopt."""
        import websocket

        self.error: type[Exception] = websocket.WebSocketException
        try:
            self.socket: Any = websocket.create_connection(
                url.replace("http://", "ws://", 1), subprotocols=[protocol], timeout=20, **options
            )
        except self.error as error:
            raise Wrong(f"{url}: {error}") from error
        self.seen = {STDOUT: b"", STDERR: b"", STATUS: b""}
        self.open = True

    def send(self, text: str) -> None:
        self.send_bytes(text.encode())

    def send_bytes(self, data: bytes) -> None:
        self.socket.send_binary(bytes([STDIN]) + data)

    def end_input(self) -> None:
        """Ends what is typed (v5)."""
        self.socket.send_binary(bytes([END, STDIN]))

    def read(self) -> bool:
        """Takes one frame; False at the end."""
        try:
            frame = self.socket.recv() if self.open else b""
        except self.error as error:
            raise Wrong(f"a stream: {error}") from error
        if not frame:
            self.open = False
            return False
        data = frame.encode() if isinstance(frame, str) else frame
        self.seen[data[0]] = self.seen.get(data[0], b"") + data[1:]
        return True

    def expect(self, text: str, seconds: float = 20) -> str:
        """Waits until the text has been shown; what was shown up to it, which is not seen again."""
        end = time.monotonic() + seconds
        while text.encode() not in self.seen[STDOUT]:
            if time.monotonic() > end or not self.read():
                raise Wrong(f"{text!r} did not come: {self.seen[STDOUT]!r}")
        before, _, self.seen[STDOUT] = self.seen[STDOUT].partition(text.encode())
        return before.decode(errors="replace")

    def end(self) -> int:
        """Waits for its end; the exit code that the status channel tells, -1 for another error."""
        while self.read():
            pass
        self.socket.close()
        status = json.loads(self.seen[STATUS] or b"{}")
        for cause in status.get("details", {}).get("causes", []):
            if cause.get("reason") == "ExitCode":
                return int(cause["message"])
        return -1 if status.get("status") == "Failure" else 0
