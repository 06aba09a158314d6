"""Open311 GeoReport v2: existing civic apps file here."""
