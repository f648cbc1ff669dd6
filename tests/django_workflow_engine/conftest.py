"""Fixtures of the engine's tests."""

from collections.abc import Iterator

import pytest

from tests.testapp import workflow_actions


@pytest.fixture
def calls() -> Iterator[list[workflow_actions.Call]]:
    """What the function `note` of the test project was called with, in order."""
    workflow_actions.calls.clear()
    yield workflow_actions.calls
    workflow_actions.calls.clear()
