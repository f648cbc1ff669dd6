"""Django settings of the benchmarks; BENCH_DATABASE says on which database."""

import os
import tempfile
from pathlib import Path

SECRET_KEY = "for-benchmarks-only"  # noqa: S105
DEBUG = False
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "purchasing.User"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "mptt",
    "rest_framework",
    "approval_workflow",
    "django_workflow_engine",
    "purchasing",
    "crm",
    "support",
]

APPROVAL_ROLE_MODEL = "purchasing.Role"
APPROVAL_ROLE_FIELD = "role"
APPROVAL_DYNAMIC_FORM_MODEL = "purchasing.DynamicForm"
APPROVAL_HANDLERS = ["django_workflow_engine.handlers.WorkflowApprovalHandler"]
DJANGO_WORKFLOW_ENGINE = {"DEPARTMENT_MODEL": "purchasing.Department"}
# E-mail is no part of what is measured.
WORKFLOW_AUTO_CREATE_ACTIONS = False

_NAME = os.environ.get("BENCH_NAME", "approval_benchmarks")

# Both with the durability that they have by default: a commit is on disk when it returns.
_DATABASES = {
    "sqlite": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(Path(tempfile.gettempdir()) / "unused.sqlite3"),
        "OPTIONS": {"transaction_mode": "IMMEDIATE"},
        "TEST": {"NAME": str(Path(tempfile.gettempdir()) / f"{_NAME}.sqlite3")},
    },
    "postgres": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ.get("POSTGRES_DB", "postgres"),
        "HOST": os.environ.get("POSTGRES_HOST", "127.0.0.1"),
        "PORT": os.environ.get("POSTGRES_PORT", "5432"),
        "USER": os.environ.get("POSTGRES_USER", "postgres"),
        "PASSWORD": os.environ.get("POSTGRES_PASSWORD", ""),
        "OPTIONS": {"connect_timeout": 5},
        "TEST": {"NAME": _NAME},
    },
}
DATABASES = {"default": _DATABASES[os.environ.get("BENCH_DATABASE", "sqlite")]}

# How many flows there are where reads are measured: few and many, of which the ratio is asked.
BENCHMARK_FLOWS = (1_000, 20_000) if os.environ.get("BENCH_QUICK") else (10_000, 1_000_000)
