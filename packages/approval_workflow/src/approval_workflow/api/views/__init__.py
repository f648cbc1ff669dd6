"""The end points, one resource a module."""
