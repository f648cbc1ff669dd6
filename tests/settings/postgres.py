"""PostgreSQL, the production reference."""

import os

from tests.settings.base import *

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ.get("POSTGRES_DB", "postgres"),
        "HOST": os.environ.get("POSTGRES_HOST", "127.0.0.1"),
        "PORT": os.environ.get("POSTGRES_PORT", "5432"),
        "USER": os.environ.get("POSTGRES_USER", "postgres"),
        "PASSWORD": os.environ.get("POSTGRES_PASSWORD", ""),
        # What tests commit need not survive a power cut.
        "OPTIONS": {"options": "-c synchronous_commit=off"},
        "TEST": {"NAME": os.environ.get("TEST_DATABASE", "test_approval_suite")},
    },
}
