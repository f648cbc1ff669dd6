"""How long the suite takes, beside the bare ORM and plain SQL doing the same: `make bench`."""
