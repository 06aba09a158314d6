"""Repeats of one appeal, and different people's appeals on the same matter."""
