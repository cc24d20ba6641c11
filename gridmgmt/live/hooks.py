"""Hooks (消息推送): what is sent to another system's address, signed, in the form that it takes.

Sources: 企业微信开发者中心, 群机器人配置说明: markdown of up to 4096 bytes, 20 messages a minute, a key in the address.
钉钉开放平台, 自定义机器人接入 and 安全设置 (加签): a timestamp in milliseconds within the hour, signed with the secret;
markdown with title and text, a body of 20 000 bytes at most, 20 messages a minute. Both answer 200 with ``errcode`` 0,
and another code where they refuse.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

from gridmgmt.live.events import Event

FORMS = ("json", "wecom", "dingtalk")
_PLAIN = str.maketrans("<>[]", "‹›［］")
"""So that no number or name makes a link or calls people in a robot's markdown."""

_MOST_BYTES: Mapping[str, int] = {"wecom": 4_096, "dingtalk": 18_000}
"""Bytes of a robot's text; 钉钉 counts the whole body, in which a character may take more."""

PER_MINUTE: Mapping[str, int] = {"json": 600, "wecom": 20, "dingtalk": 20}

PAUSES_S = (5, 30, 120, 600, 1_800, 3_600, 3_600, 3_600, 7_200, 14_400, 28_800)
"""After each failure in a row so long nothing is sent; after the last of them what failed is given up."""


@dataclass(frozen=True)
class Sent:
    """One request: where to, what, and with which headers."""

    url: str
    body: bytes
    headers: Mapping[str, str]


def signature(secret: str, at_s: int, body: bytes) -> str:
    """What ``X-Gridmgmt-Signature`` says: the moment, and the HMAC-SHA256 over it, a dot and the body."""
    signed = hmac.new(secret.encode(), f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at_s},v1={signed}"


def dingtalk_sign(secret: str, at_ms: int) -> str:
    """钉钉's signature, as it stands in the address."""
    digest = hmac.new(secret.encode(), f"{at_ms}\n{secret}".encode(), hashlib.sha256).digest()
    return quote_plus(base64.b64encode(digest))


def made(form: str, url: str, secret: str, at_ms: int, events: Sequence[Event], lines: Sequence[str]) -> Sent:
    """The request that tells events.

    Parameters
    ----------
    lines
        The same worded for people, the first of them a title; robots show them.
    """
    headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "gridmgmt"}
    if form == "json":
        body = _json({"events": [e.as_dict() for e in events]})
        return Sent(url, body, {**headers, "X-Gridmgmt-Signature": signature(secret, at_ms // 1000, body)})
    text = _cut(lines, _MOST_BYTES[form])
    if form == "wecom":
        return Sent(url, _json({"msgtype": "markdown", "markdown": {"content": text}}), headers)
    if secret:
        url += f"{'&' if '?' in url else '?'}timestamp={at_ms}&sign={dingtalk_sign(secret, at_ms)}"
    return Sent(url, _json({"msgtype": "markdown", "markdown": {"title": lines[0], "text": text}}), headers)


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _cut(lines: Iterable[str], most: int) -> str:
    """As many whole lines as fit, and how many more there are."""
    title, *rest = lines
    out, left = [f"**{title}**"], [f"> {line.translate(_PLAIN)}" for line in rest]
    room = most - len(out[0].encode()) - 40
    while left and len(left[0].encode()) + 2 <= room:
        room -= len(left[0].encode()) + 2
        out.append(left.pop(0))
    return "\n\n".join([*out, *([f"… +{len(left)}"] if left else [])])


def is_taken(form: str, status: int, body: bytes) -> bool:
    """Whether the other side took it: a robot says by ``errcode``, whatever the status."""
    if not 200 <= status < 300:
        return False
    if form == "json":
        return True
    try:
        return bool(json.loads(body).get("errcode") == 0)
    except (ValueError, AttributeError):
        return False
