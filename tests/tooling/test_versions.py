"""Both packages carry one version, and the engine asks for the core's minor."""

from importlib.metadata import requires, version

from packaging.requirements import Requirement
from packaging.version import Version

import approval_workflow
import django_workflow_engine


def test_both_packages_have_the_same_version():
    assert approval_workflow.__version__ == django_workflow_engine.__version__


def test_installed_distributions_are_of_that_version():
    assert version("django-approval-workflow") == approval_workflow.__version__
    assert version("django-dynamic-workflows") == django_workflow_engine.__version__


def test_engine_takes_this_minor_of_the_core_and_no_other():
    needed = [Requirement(line) for line in requires("django-dynamic-workflows") or []]
    [pin] = [need for need in needed if need.name == "django-approval-workflow" and not need.marker]
    present = Version(approval_workflow.__version__)
    next_minor = Version(f"{present.major}.{present.minor + 1}")

    assert pin.specifier.contains(present, prereleases=True)
    assert not pin.specifier.contains(next_minor)


def test_core_needs_django_and_mptt_only():
    needed = [Requirement(line) for line in requires("django-approval-workflow") or []]
    plain = {
        need.name.lower()
        for need in needed
        if need.marker is None or "extra" not in str(need.marker)
    }
    assert plain == {"django", "django-mptt"}
