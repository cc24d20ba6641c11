"""Coordinate systems of features (坐标系): by the names that OGC gives them, each with the order of its axes."""

from dataclasses import dataclass

from gridmgmt.city import STORAGE_EPSG, City
from gridmgmt.errors import OptionInvalid
from gridmgmt.geo import hub_epsg, is_north_first, usable_area

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
_EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
_DEGREES = 9
_METRES = 4
"""Decimals that coordinates are written with: a tenth of a millimetre."""


@dataclass(frozen=True)
class System:
    """One coordinate system that features are given and asked in.

    Attributes
    ----------
    epsg
        The projected system; None: degrees, whose numbers are the stored ones.
    hub
        The degrees that lead to it (:func:`gridmgmt.geo.hub_epsg`).
    north_first
        Its authority names north or latitude before east or longitude.
    digits
        Decimals of its coordinates.
    area
        West, south, east, north of the degrees that it can be asked for; None: of all.
    """

    uri: str
    name: str
    epsg: int | None
    hub: int
    north_first: bool
    digits: int
    area: tuple[float, float, float, float] | None = None

    def box(self, text: str, name: str) -> "Box":
        """A box written in the order of this system's axes: two corners, or two with heights.

        Raises
        ------
        OptionInvalid
        """
        try:
            numbers = [float(x) for x in text.split(",")]
        except ValueError:
            numbers = []
        if len(numbers) == 6:
            numbers = [*numbers[:2], *numbers[3:5]]
        if len(numbers) != 4 or not all(abs(x) < 1e8 for x in numbers):
            raise OptionInvalid(name=name, value=text, expected=self._expected)
        a, b, c, d = numbers
        west, south, east, north = (b, a, d, c) if self.north_first else (a, b, c, d)
        fits = abs(west) <= 180 >= abs(east) and south >= -90 and north <= 90
        if south > north or (not fits if self.epsg is None else west > east):
            raise OptionInvalid(name=name, value=text, expected=self._expected)
        return Box(west, south, east, north, self)

    @property
    def _expected(self) -> str:
        return "south,west,north,east" if self.north_first else "west,south,east,north"


@dataclass(frozen=True)
class Box:
    """A box; in degrees ``west`` may be more than ``east``, where it lies over the 180th meridian."""

    west: float
    south: float
    east: float
    north: float
    system: System


def systems(city: City) -> dict[str, System]:
    """What features are given in, by name: CRS84, WGS 84, CGCS2000, and the city's metric system.

    The degrees of all three are the stored numbers, as :mod:`gridmgmt.geo` takes them for the same.
    """
    degrees = [System(CRS84, "CRS84", None, STORAGE_EPSG, False, _DEGREES)]
    degrees += [System(f"{_EPSG}{n}", f"EPSG:{n}", None, n, is_north_first(n), _DEGREES) for n in (4326, STORAGE_EPSG)]
    n = city.metric_epsg
    metric = System(f"{_EPSG}{n}", f"EPSG:{n}", n, hub_epsg(n), is_north_first(n), _METRES, usable_area(n))
    return {x.uri: x for x in (*degrees, metric)}


def storage_uri(city: City) -> str:
    """The system of the stored coordinates, as the city labels them."""
    return f"{_EPSG}{city.datum_epsg}"


def of_uri(city: City, uri: str | None, name: str) -> System:
    """The system of a name; None is CRS84.

    Raises
    ------
    OptionInvalid
        ``name`` is the parameter that bore it.
    """
    known = systems(city)
    if uri is not None and uri not in known:
        raise OptionInvalid(name=name, value=uri, expected=" | ".join(known))
    return known[uri or CRS84]
