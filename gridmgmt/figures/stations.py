"""Community contact stations (社区联系站): from which of them nothing came on a working day."""

import datetime as dt
from collections.abc import Collection, Iterable


def silent_days(
    communities: Iterable[str], reported: Collection[tuple[str, dt.date]], workdays: Collection[dt.date]
) -> dict[str, list[dt.date]]:
    """Community → the working days without a report from its station (未记报的工作日); those that always reported not.

    Parameters
    ----------
    reported
        Community and city day of each report that came through a station.
    workdays
        Whole working days: one that still runs is not judged.
    """
    came = set(reported)
    found = {code: [day for day in sorted(workdays) if (code, day) not in came] for code in communities}
    return {code: days for code, days in found.items() if days}
