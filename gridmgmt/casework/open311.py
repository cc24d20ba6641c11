"""Cases as Open311 tells them (公众诉求): the catalogue of services, and which service a class of cases belongs to.

Source: Open311 GeoReport v2; which class a service stands for is project convention, in ``data/open311/services.yaml``.
"""

from collections.abc import Collection
from functools import cached_property

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from gridmgmt.codes import CategoryKey, CategoryPattern
from gridmgmt.errors import ServiceMissing


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Named(_Part):
    """A text in both languages."""

    zh: str
    en: str


class Service(_Part):
    """What citizens may report (服务).

    Attributes
    ----------
    category
        The class (``kind:code``) that a report becomes; None: the desk decides at acceptance.
    covers
        Patterns of further classes that are told under it.
    """

    code: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    name: Named
    description: Named
    group: Named
    keywords: tuple[str, ...] = ()
    category: str | None = None
    covers: tuple[str, ...] = ()

    @cached_property
    def patterns(self) -> list[CategoryPattern]:
        """All classes that are told under it."""
        return [CategoryPattern.parse(x) for x in (*([self.category] if self.category else []), *self.covers)]


class Services(_Part):
    """The catalogue of services (服务目录)."""

    scheme: str
    source: str
    services: tuple[Service, ...]

    @model_validator(mode="after")
    def _is_whole(self) -> "Services":
        codes = [s.code for s in self.services]
        if twice := next((c for n, c in enumerate(codes) if c in codes[:n]), None):
            raise PydanticCustomError("id_twice", "{id} stands twice", {"id": twice})
        if sum(s.category is None for s in self.services) != 1:
            raise ValueError("category")
        return self

    @property
    def rest(self) -> Service:
        """The service of all classes that no other one names."""
        return next(s for s in self.services if s.category is None)

    def offered(self, known: Collection[str]) -> list[Service]:
        """The services whose class the city has; ``known`` are its classes."""
        return [s for s in self.services if s.category is None or s.category in known]

    def named(self, code: str, known: Collection[str]) -> Service:
        """A service by its code.

        Raises
        ------
        ServiceMissing
            There is none, or the city has no such class.
        """
        for service in self.offered(known):
            if service.code == code:
                return service
        raise ServiceMissing(code=code)

    def of_class(self, category: str | None) -> Service:
        """The service under which cases of a class are told: the nearest pattern decides."""
        if category is None:
            return self.rest
        key = CategoryKey.parse(category)
        found = [(p.specificity(), s) for s in self.services for p in s.patterns if p.matches(key)]
        return max(found, key=lambda x: x[0])[1] if found else self.rest
