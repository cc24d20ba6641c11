"""Inputs in words (考核数据说明): what each is, where it is counted or why people hand it in, for whom."""

from fractions import Fraction
from typing import Any

from gridmgmt.figures.names import indicator_words
from gridmgmt.files.wording import Words, joined, same, words
from gridmgmt.numbers import exact
from gridmgmt.rulebooks.check import stage_inputs
from gridmgmt.rulebooks.inputs import Automatic, CaseFilter, Input, RepeatRule, ResultOf
from gridmgmt.rulebooks.model import Rulebook, Stage
from gridmgmt.rulebooks.values import STEPS
from gridmgmt.rulebooks.wording import concat


def source_words(spec: Input) -> Words:
    """Where an input comes from: counted, handed in (and why), or the one where the other cannot tell."""
    if spec.result is not None:
        taken = _result_words(spec.result)
        return words("show_result_or", source=taken, entered=spec.entered) if spec.entered is not None else taken
    if spec.automatic is None:
        return words("show_by_hand", entered=spec.entered)
    counted = _automatic_words(spec.automatic)
    if spec.entered is None:
        return words("show_automatic", source=counted)
    return words("show_automatic_or", source=counted, entered=spec.entered)


def codes_of(book: Rulebook, name: str) -> dict[str, Words]:
    """The codes that an input is told in, each with its name: of events, choices, groups, steps of accounts.

    A code may be written, or its name in either language.
    """
    spec = book.inputs[name]
    if spec.type == "accounts":
        return {step: words(f"account_{step}") for step in STEPS}
    events = {k.code: k.title for rule in book.event_rules(name) for k in rule.table}
    return {k: dict(v) for k, v in {**spec.choices, **spec.groups, **events, **spec.except_codes}.items()}


def inputs_json(book: Rulebook, stage: Stage | None = None) -> list[dict[str, Any]]:
    """What a rulebook, or one stage of it, must be told: each input with its codes and the stages that ask for it."""
    needed = {s.id: stage_inputs(book, s) for s in book.stages}
    shown = stage_inputs(book, stage) if stage else book.inputs
    return [
        {
            "id": name, **book.inputs[name].model_dump(mode="json", exclude_none=True), "codes": codes_of(book, name),
            "stages": [s for s in needed if name in needed[s]],
        }
        for name in shown
    ]  # fmt: skip


def type_words(spec: Input) -> Words:
    """Its type with everything that limits it: unit, range, choices, groups, default, repeats."""
    return concat(
        words(f"show_type_{spec.type}"),
        words("show_in_unit", unit=spec.unit) if spec.unit is not None else None,
        _limit("show_at_least", spec.at_least),
        _limit("show_at_most", spec.at_most),
        _limit("show_together_at_most", spec.together_at_most),
        words("show_one_of", names=joined([*spec.choices.values()])) if spec.choices else None,
        words("show_one_of", names=joined([*spec.groups.values()])) if spec.groups else None,
        words("show_except_codes", names=joined([*spec.except_codes.values()])) if spec.except_codes else None,
        words("show_distinct") if spec.distinct else None,
        words("show_for_all") if spec.per == "all" else None,
        words("show_default", value=exact(spec.default)) if spec.default is not None else None,
        words("show_may_not_apply") if spec.may_not_apply else None,
        _repeats(spec.repeats) if spec.repeats is not None else None,
    )


def _limit(code: str, limit: Fraction | None) -> Words | None:
    return words(code, limit=exact(limit)) if limit is not None else None


def _repeats(rule: RepeatRule) -> Words:
    excepted = ([words("show_components")] if rule.except_components else []) + [
        same(c) for c in rule.except_categories
    ]
    return words(
        "show_repeats",
        thresholds=joined([words(f"show_road_{road}", n=n) for road, n in rule.thresholds.items()]),
        **{"except": words("show_repeats_except", names=joined(excepted)) if excepted else same("")},
        count=words(f"show_repeats_{rule.count}"),
    )


def _result_words(rule: ResultOf) -> Words:
    """Which result of which rulebook, whose, of which periods, and what several come to."""
    many = rule.within is not None or rule.whose in ("children", "home_unit")
    return words(
        "show_result",
        rulebook=concat(same(rule.rulebook), words("show_result_local") if rule.local else None),
        take=words(f"show_result_{rule.take}", item=rule.item or ""),
        whose=words(f"show_result_whose_{rule.whose}", named=rule.named or ""),
        period=words(f"show_result_within_{rule.within}" if rule.within else "show_result_same_period"),
        many=words(f"show_result_{rule.how}") if many else same(""),
        times=words("show_result_times", times=exact(rule.times)) if rule.times != 1 else same(""),
    )


def _automatic_words(automatic: Automatic) -> Words:
    """What an automatic input is counted from."""
    if automatic.posts is not None:
        held = {True: words("show_full_time"), False: words("show_not_full_time")}
        counted = words("show_posts", role=automatic.posts)
        return counted if automatic.full_time is None else concat(counted, held[automatic.full_time])
    if automatic.silent_stations:
        return words("show_silent_stations", sources="、".join(automatic.silent_stations))
    if automatic.accounts:
        return words("show_accounts")
    if automatic.staff is not None:
        return words(f"show_staff_{automatic.staff}")
    if automatic.grids is not None:
        is_leaf = automatic.grids == "leaf"
        return words("show_below_leaf") if is_leaf else words("show_below_level", level=automatic.grids)
    if automatic.sample_mean:
        types = ", ".join(automatic.sample_types)
        hours = automatic.hours
        return concat(
            words("show_sample_mean"),
            words("show_sample_types", names=types) if types else None,
            words("show_hours", start=hours[0], end=hours[1]) if hours is not None else None,
        )
    counted = concat(indicator_words(automatic.count or ""), *(_only(automatic.only) if automatic.only else ()))
    return words("show_per_day", source=counted) if automatic.per_day else counted


def _only(kept: CaseFilter) -> list[Words]:
    out = [words(f"show_only_kind_{kept.kind}")] if kept.kind is not None else []
    if kept.repeats is not None:
        out.append(words("show_only_repeats", rule=kept.repeats))
    if kept.order_kinds:
        out.append(words("show_only_orders", names=joined([words(f"order_{kind}") for kind in kept.order_kinds])))
    if kept.endings:
        out.append(words("show_only_endings", names=joined([words(f"ending_{ending}") for ending in kept.endings])))
    lists = (("categories", kept.categories), ("except", kept.except_categories), ("sources", kept.sources))
    return out + [words(f"show_only_{name}", names=", ".join(values)) for name, values in lists if values]
