"""Chinese coordinates into those of the world: published pairs, and that it is undone exactly."""

from math import cos, hypot, radians

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.coordinates import gcj02_to_wgs84, wgs84_to_gcj02

METRES_A_DEGREE = 111_320
# WGS 84 and GCJ-02 as the tests of the library eviltransform (2015) have them.
PAIRS = {
    "Beijing": ((116.377817, 39.911954), (116.38404722455657, 39.91334545536069)),
    "Shanghai": ((121.5272106, 31.1774276), (121.531541859215, 31.17530398364597)),
    "Shenzhen": ((113.912316, 22.543847), (113.9171764808363, 22.540796131694766)),
}


def metres(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return how far two places lie apart, near enough for short ways."""
    east = (one[0] - other[0]) * cos(radians(one[1]))
    return hypot(east, one[1] - other[1]) * METRES_A_DEGREE


@pytest.mark.parametrize("city", PAIRS)
def test_published_pairs(city: str) -> None:
    """Both ways agree with what others compute, to a metre."""
    world, chinese = PAIRS[city]
    assert metres(wgs84_to_gcj02(*world), chinese) < 1
    assert metres(gcj02_to_wgs84(*chinese), world) < 1
    assert metres(world, chinese) > 300


@given(st.floats(73, 136), st.floats(4, 54))
def test_undone(longitude: float, latitude: float) -> None:
    """A place that was shifted comes back to where it was, to a millimetre."""
    place = (longitude, latitude)
    assert metres(gcj02_to_wgs84(*wgs84_to_gcj02(*place)), place) < 0.001


def test_abroad() -> None:
    """What lies outside China is not shifted, by nobody's map."""
    assert gcj02_to_wgs84(2.3522, 48.8566) == (2.3522, 48.8566)
