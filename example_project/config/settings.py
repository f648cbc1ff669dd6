"""Settings of the example project: SQLite, no server, e-mails written to files."""

import os
from pathlib import Path

from django.utils.translation import gettext_lazy as _

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = os.environ.get("SECRET_KEY", "insecure-key-of-the-example-project")
DEBUG = os.environ.get("DEBUG", "1") == "1"
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1],testserver").split(",")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "mptt",
    "rest_framework",
    "approval_workflow",
    "django_workflow_engine",
    "purchasing",
    "crm",
    "support",
    "hello",
    "claims",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# SQLite takes its write lock when a transaction begins, so that a check made inside the
# transaction still holds when the write comes.
SQLITE_OPTIONS = {"transaction_mode": "IMMEDIATE", "timeout": 20}
DATABASE_ENGINE = os.environ.get("DATABASE_ENGINE", "django.db.backends.sqlite3")

DATABASES = {
    "default": {
        "ENGINE": DATABASE_ENGINE,
        "NAME": os.environ.get("DATABASE_NAME", str(BASE_DIR / "db.sqlite3")),
        "USER": os.environ.get("DATABASE_USER", ""),
        "PASSWORD": os.environ.get("DATABASE_PASSWORD", ""),
        "HOST": os.environ.get("DATABASE_HOST", ""),
        "PORT": os.environ.get("DATABASE_PORT", ""),
        "OPTIONS": SQLITE_OPTIONS if DATABASE_ENGINE.endswith("sqlite3") else {},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "purchasing.User"
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "front-page"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("ar", _("Arabic"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
# Django's own Arabic formats have no date and time together, and no groups of digits.
FORMAT_MODULE_PATH = "config.formats"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"

EMAIL_BACKEND = os.environ.get("EMAIL_BACKEND", "django.core.mail.backends.filebased.EmailBackend")
EMAIL_FILE_PATH = BASE_DIR / "sent_mail"
DEFAULT_FROM_EMAIL = "workflow@example.org"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.SessionAuthentication",
        "rest_framework.authentication.BasicAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
    "PAGE_SIZE": 20,
}

APPROVAL_ROLE_MODEL = "purchasing.Role"
APPROVAL_ROLE_FIELD = "role"
APPROVAL_HEAD_MANAGER_FIELD = "head_manager"
APPROVAL_DYNAMIC_FORM_MODEL = "purchasing.DynamicForm"
APPROVAL_FORM_SCHEMA_FIELD = "form_schema"
APPROVAL_HANDLERS = ["django_workflow_engine.handlers.WorkflowApprovalHandler"]

DJANGO_WORKFLOW_ENGINE = {
    "DEPARTMENT_MODEL": "purchasing.Department",
    "ENABLED_MODELS": [
        "purchasing.PurchaseRequest",
        "crm.Opportunity",
        "support.Ticket",
        "hello.HelloRequest",
        "claims.Claim",
    ],
    "DEFAULT_STATUS_FIELD": "workflow_status",
    "MODEL_WORKFLOW_MAPPINGS": {
        "purchasing.PurchaseRequest": ["purchase_approval"],
        "crm.Opportunity": ["sales_process"],
        "support.Ticket": ["ticket_resolution"],
        "hello.HelloRequest": ["hello_world"],
        "claims.Claim": ["claim_processing"],
    },
    "AUTO_START_WORKFLOWS": {
        "purchasing.PurchaseRequest": {
            "workflow_slug": "purchase_approval",
            "conditions": {"amount__gte": 1000},
        },
    },
    "PERMISSIONS": {
        "REQUIRE_PERMISSION_TO_START": True,
        "REQUIRE_PERMISSION_TO_APPROVE": True,
    },
    "ACTION_EXECUTION": "process",
}

CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL", "amqp://guest:guest@localhost:5672//")
CELERY_TIMEZONE = TIME_ZONE
