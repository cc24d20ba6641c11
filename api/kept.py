"""Answers that were made once and are given again (缓存): each by the tag that tells all it was made of."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future

from fastapi import Response

_MOST_BYTES = 64 << 20
"""What all kept answers may weigh; the one that was asked for longest ago goes first."""


class Kept:
    """Answers by tag; whoever asks for one that is just being made waits for it, and nothing is made twice."""

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most = most_bytes
        self._lock = threading.Lock()
        self._found: OrderedDict[str, Future[Response]] = OrderedDict()

    def answer(self, tag: str, make: Callable[[], Response]) -> Response:
        """The answer of a tag, which ``make`` gives the first time; its failure is everybody's, and is not kept."""
        with self._lock:
            future = self._found.get(tag)
            is_mine = future is None
            if future is None:
                future = self._found[tag] = Future()
            self._found.move_to_end(tag)
        if is_mine:
            try:
                future.set_result(make())
            except BaseException as e:
                with self._lock:
                    del self._found[tag]
                future.set_exception(e)
            self._drop()
        made = future.result()
        return Response(bytes(made.body), made.status_code, dict(made.headers), made.media_type)

    def _drop(self) -> None:
        """Let go what is too much; what is just being made weighs nothing yet."""
        with self._lock:
            done = [(tag, len(f.result().body)) for tag, f in self._found.items() if f.done()]
            weight = sum(size for _, size in done)
            for tag, size in done:
                if weight <= self._most:
                    return
                weight -= size
                del self._found[tag]
