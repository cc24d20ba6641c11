"""A proposed profile as YAML, what is not sure of it as comments."""

import json
import re
from collections.abc import Sequence
from typing import Any

from gridmgmt import texts
from gridmgmt.intake.proposing import Proposal, Remark

_PLAIN = re.compile(r"[A-Za-z_\u4e00-\u9fff][\w\u4e00-\u9fff]*")
_NOT_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan"}
_BLOCKS = ("columns",)


def profile_text(proposal: Proposal, lang: str) -> str:
    """The profile with its remarks, each above the key that it is on, in one language."""
    lines = [f"# {texts.word('proposed_head', {}, lang)}", *_remarks(proposal, "", lang)]
    remarked = {r.key.partition(".")[0] for r in proposal.remarks}
    for key in [*proposal.profile, *sorted(remarked - {"", "unused"} - set(proposal.profile))]:
        lines += _remarks(proposal, key, lang)
        value = proposal.profile.get(key)
        if key in _BLOCKS and value:
            lines.append(f"{key}:")
            for name, each in value.items():
                lines += [f"  {line}" for line in _remarks(proposal, f"{key}.{name}", lang)]
                lines.append(f"  {name}: {_flow(each)}")
        elif value is not None:
            lines.append(f"{key}: {_flow(value)}")
    return "\n".join([*lines, *_remarks(proposal, "unused", lang)]) + "\n"


def _remarks(proposal: Proposal, key: str, lang: str) -> list[str]:
    found: Sequence[Remark] = [r for r in proposal.remarks if r.key == key]
    return [f"# ? {texts.word(r.code, r.facts, lang)}".replace("\n", " ") for r in found]


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flow(k)}: {_flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str) and (not _PLAIN.fullmatch(value) or value.lower() in _NOT_WORDS):
        return json.dumps(value, ensure_ascii=False)
    return str(value).lower() if isinstance(value, bool) else str(value)
