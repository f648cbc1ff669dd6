"""How long an action that failed rests before it is tried again."""

from datetime import timedelta
from random import SystemRandom

from django_workflow_engine.conf import settings

# The first wait is ACTION_RETRY_DELAY; each further one is BACKOFF_FACTOR times as long, and up to
# BACKOFF_JITTER of it is added at random: about 1, 4, 16 and 64 minutes.
BACKOFF_FACTOR = 4
BACKOFF_JITTER = 0.25
LONGEST_WAIT = timedelta(days=1)

_random = SystemRandom()


def backoff(attempts: int) -> timedelta:
    """Return how long to wait after so many failed attempts, a day and a quarter at most."""
    delay = settings.action_retry_delay
    # Compared as numbers: a power of many attempts is too large for a time span.
    times: float = min(BACKOFF_FACTOR ** (attempts - 1), max(LONGEST_WAIT / delay, 1))
    return delay * times * (1 + _random.uniform(0, BACKOFF_JITTER))
