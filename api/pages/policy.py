"""What a page may do (内容安全策略): its own inline blocks by their hashes, and no others."""

import base64
import hashlib
import re

_BLOCK = re.compile(r"<(script|style)\b([^>]*)>(.*?)</\1\s*>", re.S | re.I)
_DATA = re.compile(r"""\s(src=|type="(text/plain|application/json)")""")


def of_page(page: str, base: str) -> str:
    """A policy that adds to ``base`` the scripts and styles which stand inside a page of ours, each by its SHA-256.

    ``base`` names neither. Where it lets a page load from this application, scripts and styles may come from there too.
    """
    own = ["'self'"] if "default-src 'self'" in base else []
    found: dict[str, list[str]] = {"script": [*own], "style": [*own]}
    for kind, attributes, text in _BLOCK.findall(page):
        if kind.lower() == "style" or not _DATA.search(attributes):
            digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            found[kind.lower()].append(f"'sha256-{digest}'")
    allowed = (f"{kind}-src {' '.join(dict.fromkeys(sources))}" for kind, sources in found.items() if sources)
    return "; ".join([base, *allowed])
