"""Objects of samples (抽查对象) in the layers: which features of which layers may be drawn as what, on a day."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import geopandas as gpd

from gridmgmt.database.work import Connection
from gridmgmt.files import data_files
from gridmgmt.files.wording import named
from gridmgmt.places.layers import Kinds
from gridmgmt.places.store import layers as store
from gridmgmt.settings import data_path


@dataclass(frozen=True)
class Objects:
    """The features that may be drawn.

    Attributes
    ----------
    layers
        Kind of layer → its features on the day (:func:`gridmgmt.places.store.layers.features`).
    features
        Object → its features, as ``kind/code``.
    names
        Feature → its name in both languages, its code where it has none.
    heads
        The layers that were read: kind, name and SHA-256.
    """

    layers: Mapping[str, gpd.GeoDataFrame]
    features: Mapping[str, set[str]]
    names: Mapping[str, Mapping[str, str]]
    heads: Sequence[Mapping[str, str]]


def read(connection: Connection, names: Sequence[str], day: dt.date) -> Objects:
    """The layers of a day that can serve some objects; which do, and by which classes, says ``data/layers/kinds.yaml``.

    Raises
    ------
    DataFileInvalid
    """
    kinds = data_files.read(data_path("layers", "kinds.yaml"), Kinds)
    serving = {name: kinds.serving(name) for name in names}
    wanted = sorted({kind for served in serving.values() for kind in served})
    found = {kind: store.features(connection, kind, day) for kind in wanted}
    titles = {
        f"{kind}/{code}": named(zh, en, code)
        for kind, frame in found.items()
        for code, zh, en in zip(frame["code"], frame["name_zh"], frame["name_en"], strict=True)
    }
    features = {
        name: {f"{kind}/{code}" for kind, classes in served.items() for code in _codes(found[kind], classes)}
        for name, served in serving.items()
    }
    heads = [
        {"kind": layer.kind, "name": layer.name, "sha256": layer.sha256}
        for kind in wanted
        for layer in store.all_layers(connection, kind, day)
    ]
    return Objects(found, features, titles, heads)


def _codes(frame: gpd.GeoDataFrame, classes: Sequence[str]) -> Sequence[str]:
    """Codes of the features of some classes; none named: of all."""
    codes: Sequence[str] = (frame[frame["class"].isin(classes)] if classes else frame)["code"].tolist()
    return codes
