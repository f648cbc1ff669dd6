"""A module of an installed app whose import fails."""

raise RuntimeError("this module cannot be imported")
