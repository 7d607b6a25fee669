"""Types of the module that denicorn gives to WSGI apps (docs/wsgi.md), for editors and type checkers."""

from typing import Any, Callable, Iterable, Iterator, Mapping, Optional, TypeVar, Union

_OnMessage = TypeVar("_OnMessage", bound=Callable[[WebSocket, Any], object])

YMO_WS_FLAG_FIN: int
YMO_WS_FLAG_RSV1: int
YMO_WS_FLAG_RSV2: int
YMO_WS_FLAG_RSV3: int
YMO_WS_MASK_OP: int
YMO_WS_OP_CONTINUATION: int
YMO_WS_OP_TEXT: int
YMO_WS_OP_BINARY: int
YMO_WS_OP_CLOSE: int
YMO_WS_OP_PING: int
YMO_WS_OP_PONG: int
YMO_WS_FLAG_MASKED: int
YMO_WS_MASK_LEN: int

class WebSocket:
    path: str
    query_string: str
    headers: Mapping[str, str]
    remote_addr: str
    environ: Mapping[str, Any]
    subprotocol: str
    close_code: Optional[int]
    close_reason: str
    error: str
    @property
    def closed(self) -> bool: ...
    @property
    def writable(self) -> bool: ...
    def send(self, message: Union[str, bytes], flags: Optional[int] = None) -> None: ...
    def close(self, code: int = 1000, reason: str = "") -> None: ...
    # Attributes of the app's own.
    def __getattr__(self, name: str) -> Any: ...
    def __setattr__(self, name: str, value: Any) -> None: ...

class Context:
    environ: dict[str, Any]
    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], None]: ...
    def write(self, data: bytes) -> None: ...
    def read(self, size: Optional[int] = -1) -> bytes: ...
    def readline(self, size: Optional[int] = -1) -> bytes: ...
    def readlines(self, hint: Optional[int] = -1) -> list[bytes]: ...
    def __iter__(self) -> Iterator[bytes]: ...

def websocket(
    path: str,
    *,
    on_open: Optional[Callable[[WebSocket], object]] = None,
    on_message: Optional[Callable[[WebSocket, Any], object]] = None,
    on_close: Optional[Callable[[WebSocket], object]] = None,
    subprotocols: Iterable[str] = (),
) -> Callable[[_OnMessage], _OnMessage]: ...
def init_websockets(
    on_open: Optional[Callable[[WebSocket], Optional[int]]],
    on_message: Optional[Callable[[WebSocket, bytes, int], Optional[int]]],
    on_close: Optional[Callable[[WebSocket], object]],
) -> None: ...
