"""Coordinates of Chinese maps into WGS 84.

Maps of mainland China have to show places in GCJ-02, which is WGS 84 shifted by up to some hundred
metres. How far is not published; the formula that everybody uses has been read off the maps. It is
undone here by approaching the place whose shifted image was given: the result, shifted again, is
off by less than a millimetre. Against the true shift the formula itself is off by a metre or two,
which is less than a phone knows where it is.
"""

from math import cos, pi, sin, sqrt
from typing import Final

_AXIS: Final = 6_378_245.0
"""Metres, of the Krasovsky ellipsoid."""
_ECCENTRICITY: Final = 0.00669342162296594323
_STEPS: Final = 4
"""Each brings the place about a thousand times nearer."""


def gcj02_to_wgs84(longitude: float, latitude: float) -> tuple[float, float]:
    """Return longitude and latitude in WGS 84 degrees; what lies outside China is not shifted."""
    east, north = longitude, latitude
    for _ in range(_STEPS):
        shifted_east, shifted_north = wgs84_to_gcj02(east, north)
        east += longitude - shifted_east
        north += latitude - shifted_north
    return east, north


def wgs84_to_gcj02(longitude: float, latitude: float) -> tuple[float, float]:
    """Return longitude and latitude as Chinese maps show the place."""
    if not (72.004 <= longitude <= 137.8347 and 0.8293 <= latitude <= 55.8271):
        return longitude, latitude
    east, north = _metres(longitude - 105, latitude - 35)
    angle = latitude / 180 * pi
    bulge = 1 - _ECCENTRICITY * sin(angle) ** 2
    meridian = _AXIS * (1 - _ECCENTRICITY) / (bulge * sqrt(bulge))
    parallel = _AXIS / sqrt(bulge) * cos(angle)
    return longitude + east * 180 / (parallel * pi), latitude + north * 180 / (meridian * pi)


def _metres(x: float, y: float) -> tuple[float, float]:
    """Return how far a place is shifted, east and north, by its degrees from 105° E, 35° N."""
    both = (20 * sin(6 * pi * x) + 20 * sin(2 * pi * x)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x)) + both
    east += (20 * sin(pi * x) + 40 * sin(pi / 3 * x)) * 2 / 3
    east += (150 * sin(pi / 12 * x) + 300 * sin(pi / 30 * x)) * 2 / 3
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x)) + both
    north += (20 * sin(pi * y) + 40 * sin(pi / 3 * y)) * 2 / 3
    north += (160 * sin(pi / 12 * y) + 320 * sin(pi / 30 * y)) * 2 / 3
    return east, north
