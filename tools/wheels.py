"""Look into the built wheels.

python tools/wheels.py contents DIST   everything of the sources is in them, and nothing else
python tools/wheels.py installed       both packages are imported from site-packages
"""

import argparse
import sys
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {
    "approval_workflow": "django_approval_workflow",
    "django_workflow_engine": "django_dynamic_workflows",
}
# What a wheel loses most easily: anything that is not a module.
KINDS = {
    "approval_workflow": [
        "py.typed",
        "migrations/0001_suite.py",
        "locale/ar/LC_MESSAGES/django.po",
        "locale/ar/LC_MESSAGES/django.mo",
    ],
    "django_workflow_engine": [
        "py.typed",
        "migrations/0001_suite.py",
        "locale/ar/LC_MESSAGES/django.po",
        "locale/ar/LC_MESSAGES/django.mo",
        "templates/**/*.html",
        "templates/**/*.txt",
    ],
}


def source_of(package: str) -> Path:
    return ROOT / "packages" / package / "src" / package


def expected(package: str) -> set[str]:
    source = source_of(package)
    return {
        path.relative_to(source.parent).as_posix()
        for path in source.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


def contents(dist: Path) -> list[str]:
    faults = []
    for package, distribution_name in PACKAGES.items():
        [wheel] = dist.glob(f"{distribution_name}-*.whl")
        with ZipFile(wheel) as archive:
            held = set(archive.namelist())
        own = {name for name in held if not name.split("/")[0].endswith(".dist-info")}
        faults += [f"{wheel.name}: {name} is missing" for name in expected(package) - own]
        faults += [
            f"{wheel.name}: {name} does not belong there" for name in own - expected(package)
        ]
        faults += [f"{package}: no {kind}" for kind in KINDS[package] if not has(package, kind)]
        if not any(name.endswith("/licenses/LICENSE") for name in held):
            faults.append(f"{wheel.name}: no LICENSE")
        print(f"{wheel.name}: {len(own)} files")
    return faults


def has(package: str, kind: str) -> bool:
    return any(source_of(package).glob(kind))


def installed() -> list[str]:
    faults = []
    for package, distribution_name in PACKAGES.items():
        spec = find_spec(package)
        place = str(spec.origin) if spec else "nowhere"
        print(f"{package} {distribution(distribution_name).version} from {place}")
        if "site-packages" not in place:
            faults.append(f"{package} is not imported from an installed wheel but from {place}")
    return faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=["contents", "installed"])
    parser.add_argument("dist", nargs="?", type=Path, default=ROOT / "dist")
    chosen = parser.parse_args()
    faults = contents(chosen.dist) if chosen.command == "contents" else installed()
    for fault in sorted(faults):
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
