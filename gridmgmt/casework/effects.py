"""What steps change in a case (步骤的效果): of each kind what is not told by its row of the table of transitions."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gridmgmt.casework.cases import DEADLINES, MARKS, Case, Order, Step


def reported(_case: Case, s: Step) -> Mapping[str, Any]:
    """A case is what its report tells (上报); one that names what it repeats is a repeat."""
    names = ("source", "category", "lon", "lat", "address", "description", "is_repeat", "repeat_of")
    told = {n: getattr(s.told, n) for n in names}
    return told | ({"is_repeat": True} if told["repeat_of"] else {})


def classed(case: Case, s: Step) -> Mapping[str, Any]:
    """A class that is named takes the place of the old one."""
    return {"category": s.told.category or case.category}


def dispatched(case: Case, s: Step) -> Mapping[str, Any]:
    """A unit has the case, with the deadlines of this dispatch (派遣): what was granted before ends."""
    is_new = s.unit_code is not None and s.unit_code not in case.units
    return {
        "units": (*case.units, s.unit_code) if is_new else case.units,
        **{name: getattr(s.told, name) for name in DEADLINES},
        "unit_code": s.unit_code,
        "first_unit": case.first_unit or s.unit_code,
        "is_provisional": s.told.provisional,
        "pauses": (),
        "n_dispatches": case.n_dispatches + 1,
    }


def sent_back(case: Case, _s: Step) -> Mapping[str, Any]:
    """No unit has the case any more (回退)."""
    return {"n_send_backs": case.n_send_backs + 1, "unit_code": None}


def extended(case: Case, s: Step) -> Mapping[str, Any]:
    """After a failed verification the new deadline moves; the case's own then only if it had not passed."""
    due, holds = s.told.due_at or case.current_due_at, case.effective_due_at
    in_rework = case.hang_due_at is not None
    moves_case = not in_rework or (holds is not None and due is not None and s.at <= holds < due)
    granted = (*case.granted, (case.unit_code, "extension"))
    extended = due if moves_case else case.due_extended_at
    if extended is not None and case.due_at is not None and extended <= case.due_at:
        extended = None  # a calendar that came later moved the original behind it
    return {
        "granted": granted,
        "due_extended_at": extended,
        "hang_due_at": due if in_rework else None,
    }


def held(case: Case, _s: Step) -> Mapping[str, Any]:
    """A postponement counts as granted to the unit that has the case (缓办)."""
    return {"granted": (*case.granted, (case.unit_code, "postponement"))}


def resumed(case: Case, s: Step) -> Mapping[str, Any]:
    """The deadlines move by the time on hold (恢复办理), which is a pause of the clock."""
    out: dict[str, Any] = {"held_at": None, "due_at": s.told.due_at or case.due_at}
    if case.held_at is not None:
        out["pauses"] = (*case.pauses, (case.held_at, s.told.held_until or s.at))
    for name in ("due_extended_at", "hang_due_at"):
        if getattr(case, name) is not None:
            out[name] = getattr(s.told, name) or getattr(case, name)
    return out


def failed(case: Case, s: Step) -> Mapping[str, Any]:
    """The case is to be handled again (返工), by a deadline of its own."""
    return {"n_rework": case.n_rework + 1, "handled_at": None, "hang_due_at": s.told.due_at}


def deadline_moved(case: Case, s: Step) -> Mapping[str, Any]:
    """The deadline that holds moves: after a failed verification the new one, else the case's.

    To an earlier moment the original moves; a later one stands beside it, as an extension does.
    """
    due, extended = s.told.due_at or case.due_at, s.told.due_extended_at
    if case.hang_due_at is not None:
        return {"hang_due_at": due}
    if extended is not None:  # an export tells both
        return {"due_at": due, "due_extended_at": extended}
    is_beyond = case.due_at is not None and due is not None and due > case.due_at
    if s.told.later or (s.told.later is None and is_beyond):  # also where a calendar moved the original behind it
        return {"due_extended_at": due if is_beyond else None}
    return {"due_at": due, "due_extended_at": None, "is_provisional": False}


def renewed(case: Case, s: Step) -> Mapping[str, Any]:
    """The deadlines that the calendar has moved, as far as the step names them; ``deadlines`` tells them by step."""
    orders = [replace(o, due_at=s.told.orders.get(str(o.number)) or o.due_at) for o in case.orders]
    told = {name: getattr(s.told, name) for name in DEADLINES if name in s.told.model_fields_set}
    return {**told, "orders": tuple(orders), "is_provisional": s.told.provisional}


def unmarked(_case: Case, s: Step) -> Mapping[str, Any]:
    """A mark is taken back, of a repeat also what it repeats."""
    wrong = {f"is_{s.told.mark}": False} if s.told.mark in MARKS else {}
    return wrong | ({"repeat_of": None} if s.told.mark == "repeat" else {})


def moved(_case: Case, s: Step) -> Mapping[str, Any]:
    """What is told of the place takes the place of what was (更正位置)."""
    place = {name: value for name in ("lon", "lat") if (value := getattr(s.told, name)) is not None}
    return place | ({"address": s.told.address} if s.told.address else {})


def ordered(case: Case, s: Step) -> Mapping[str, Any]:
    """A supervision order (督办) stands beside the case, numbered in turn, with its own deadline."""
    order = Order(len(case.orders) + 1, s.told.order_kind or "other", s.at, s.told.due_at)
    return {"orders": (*case.orders, order)}


def order_answered(case: Case, s: Step) -> Mapping[str, Any]:
    """The order that is named is answered, else the first that is open."""
    number = s.told.order or next(iter(open_orders(case)), 0)
    return {"orders": tuple(replace(o, answered_at=s.at) if o.number == number else o for o in case.orders)}


def open_orders(case: Case) -> list[int]:
    """The numbers of the supervision orders that nobody has answered."""
    return [o.number for o in case.orders if o.answered_at is None]
