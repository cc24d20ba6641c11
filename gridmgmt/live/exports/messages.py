"""Events worded for people (消息文字), as robots of chat groups show them."""

from collections.abc import Sequence

from gridmgmt.live.events import Event
from gridmgmt.texts import word


def lines(events: Sequence[Event], lang: str) -> list[str]:
    """Events worded for people, a title first."""
    return [word("hook_title", {"n": len(events)}, lang), *(_line(e, lang) for e in events)]


def _line(event: Event, lang: str) -> str:
    facts = dict(event.document)
    for name, prefix in (("step", "step"), ("state", "state"), ("stage", "stage"), ("light", "hook_light")):
        if name in facts:
            facts[name] = word(f"{prefix}_{facts[name]}", lang=lang)
    return word(f"hook_{event.kind}", facts, lang)
