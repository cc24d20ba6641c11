"""What a simulated month needs to know of the city (模拟工作月): its leaf grids, its classes."""

import geopandas as gpd

from gridmgmt.city import City
from gridmgmt.database import cities
from gridmgmt.database.work import Work
from gridmgmt.people.store import categories
from gridmgmt.periods import Period
from gridmgmt.places.store import editions


def ground(work: Work, period: Period) -> tuple[City, gpd.GeoDataFrame, list[str]]:
    """The city, the leaf grids of the edition valid on the period's first day (EPSG:4490), its classes ``kind:code``.

    Raises
    ------
    CityMissing, NoEditionOnDate
    """
    with work.snapshot() as connection:
        city = cities.load_city(connection)
        edition = editions.on_date(connection, period.start)
        keys = sorted(categories.category_keys(connection))
        names = [f"{kind}:{code}" for scheme, kind, code in keys if scheme == city.scheme]
        return city, editions.grids(connection, edition.id, [city.leaf.number]), names
