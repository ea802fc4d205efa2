"""The streams of a kubelet's exec, attach and port-forward: channels in frames of a WebSocket."""

import json
import time
from typing import Any

from conformance.engines.wish import Wrong

STDIN, STDOUT, STDERR, STATUS = range(4)
PROTOCOL = "v4.channel.k8s.io"


class Stream:
    """One connection to an address that Exec, Attach or PortForward gave."""

    def __init__(self, url: str) -> None:
        import websocket

        self.socket: Any = websocket.create_connection(
            url.replace("http://", "ws://", 1), subprotocols=[PROTOCOL], timeout=20
        )
        self.seen = {STDOUT: b"", STDERR: b"", STATUS: b""}
        self.open = True

    def send(self, text: str) -> None:
        self.socket.send_binary(bytes([STDIN]) + text.encode())

    def read(self) -> bool:
        """Takes one frame; False at the end."""
        frame = self.socket.recv() if self.open else b""
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
        """Waits for its end; the exit code that the status channel tells."""
        while self.read():
            pass
        self.socket.close()
        status = json.loads(self.seen[STATUS] or b"{}")
        causes = status.get("details", {}).get("causes", [])
        return int(causes[0]["message"]) if causes else 0
