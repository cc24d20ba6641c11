"""From the core's figures to pages: which indicator becomes which measure, which counts the tooltip shows."""

from gridmgmt.indicators import COUNTS, Ratio, describe
from gridmgmt.operations.counting import HeatData, MapData
from maps.assets import OfflineMap
from maps.layers import LevelFrame
from maps.pages import choropleth as choropleth_page
from maps.pages import heat as heat_page
from maps.style import Breaks, Measure

UNITS = {"percent": "rate", "points": "score", "per_km2": "density"}
TOOLTIP = ("n_reported", "n_due", "n_closed_on_time", "n_overdue_open")


def measure(indicator: str) -> Measure:
    """How an indicator is shown on a map.

    Raises
    ------
    IndicatorMissing
        There is none of that name.
    """
    rule = describe(indicator)
    if isinstance(rule, Ratio):
        return Measure(rule.name, rule.zh, rule.en, UNITS[rule.unit], rule.better)  # type: ignore[arg-type]
    return Measure(rule.name, rule.zh, rule.en, "count", None)


def choropleth(
    data: MapData,
    indicator: str,
    *,
    start_level: str | None = None,
    breaks: Breaks = "quantile",
    lang: str = "zh",
) -> OfflineMap:
    """The choropleth of one indicator on all levels of the city."""
    shown = measure(indicator)
    rule = describe(indicator)
    frames = []
    for item in data.levels:
        frame = item.frame
        if isinstance(rule, Ratio) and rule.denominator in frame:
            frame = frame.assign(numerator=frame[rule.numerator], denominator=frame[rule.denominator])
        frames.append(LevelFrame(item.level, frame))
    return choropleth_page(
        frames,
        shown,
        title={"zh": f"{data.city.name('zh')} · {shown.zh}", "en": f"{data.city.name('en')} · {shown.en}"},
        period_label=data.period.label,
        as_of=data.as_of.astimezone(data.city.zone).strftime("%Y-%m-%d %H:%M"),
        datum=data.city.datum,
        counts={name: {"zh": COUNTS[name].zh, "en": COUNTS[name].en} for name in TOOLTIP},
        start_level=start_level or data.city.levels[1].key,
        breaks=breaks,
        lang=lang,
    )


def heat(data: HeatData, *, lang: str = "zh", embedded: bool = False) -> OfflineMap:
    """The heat map of the cases reported in a period; ``embedded``: for a frame of another page."""
    return heat_page(
        data.lon,
        data.lat,
        boundary=data.boundary,
        metric_epsg=data.city.metric_epsg,
        title={"zh": f"{data.city.name('zh')} · 案件热力", "en": f"{data.city.name('en')} · case density"},
        period_label=data.period.label,
        as_of=data.period.bounds(data.city.zone)[1].astimezone(data.city.zone).strftime("%Y-%m-%d %H:%M"),
        datum=data.city.datum,
        n_outside=data.n_outside,
        n_without_location=data.n_without_location,
        lang=lang,
        embedded=embedded,
    )
