"""The work behind the doors of the Makefile.

Quick sessions run in the environment that nox itself runs in (``.venv``); ``core_alone`` and
``wheels`` build one of their own, because what is installed there is what they are about.
"""

import os
import sys
from pathlib import Path

import nox

ROOT = Path(__file__).parent
PYTHON = sys.executable
DIST = ROOT / "dist"
CORE = ROOT / "packages" / "approval_workflow"
ENGINE = ROOT / "packages" / "django_workflow_engine"
WHEEL_NAMES = ("django_approval_workflow", "django_dynamic_workflows")
# Who may act, who is asked, whether a step is satisfied, when it is due, and every verb.
DECIDING = ("services/*", "strategies/*", "permissions.py", "deadlines.py")
CORE_WITH_COVERAGE = (
    "tests/approval_workflow",
    "--ignore=tests/approval_workflow/api",
    "--cov=approval_workflow",
    "--cov-report=",
)
EVERY_BRANCH = (
    "report",
    "--include=" + ",".join(f"*/approval_workflow/{path}" for path in DECIDING),
    "--fail-under=100",
)
DJANGO_ENV = {
    "DJANGO_SETTINGS_MODULE": "tests.settings.sqlite",
    "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "example_project")]),
}

nox.options.sessions = ["tests"]
nox.options.default_venv_backend = "virtualenv"
nox.options.error_on_missing_interpreters = True


def module(session: nox.Session, name: str, *args: str, **kwargs: object) -> None:
    """Run ``python -m name`` in the environment that nox runs in."""
    session.run(PYTHON, "-m", name, *args, external=True, **kwargs)


def script(session: nox.Session, *args: str) -> None:
    """Run one of the project's own scripts in the environment that nox runs in."""
    session.run(PYTHON, *args, external=True)


def pytest(session: nox.Session, settings: str, *args: str) -> None:
    """Run the suite, or what is named after ``--``, with the settings of one database."""
    module(session, "pytest", f"--ds=tests.settings.{settings}", *args, *session.posargs)


# Tests


@nox.session(python=False)
def tests(session: nox.Session) -> None:
    """The suite on SQLite: no server needed."""
    pytest(session, "sqlite", "-n", "auto")


@nox.session(python=False)
def coverage(session: nox.Session) -> None:
    """The core's own tests take every branch of what decides (DECIDING)."""
    pytest(session, "sqlite", "-n", "auto", *CORE_WITH_COVERAGE)
    module(session, "coverage", *EVERY_BRANCH)


@nox.session(python=False)
def services(session: nox.Session) -> None:
    """Say which of PostgreSQL, MariaDB, Redis and RabbitMQ answer; fail when one does not."""
    script(session, "tools/services.py")


@nox.session(python=False)
def tests_postgres(session: nox.Session) -> None:
    """The suite on PostgreSQL, with the contention tests and those that need a broker."""
    pytest(session, "postgres", "-n", "auto", "--services")


@nox.session(python=False)
def tests_mariadb(session: nox.Session) -> None:
    """The suite on MariaDB, with the contention tests."""
    pytest(session, "mariadb", "-n", "auto")


@nox.session(python=False)
def tests_services(session: nox.Session) -> None:
    """Everything that needs a server."""
    for name in ("services", "tests_postgres", "tests_mariadb"):
        session.notify(name)


@nox.session(python=False)
def browser(session: nox.Session) -> None:
    """The builder of the admin in Chromium (needs chromium and chromium-driver)."""
    pytest(session, "sqlite", "--browser", "tests/e2e")


# Checks


@nox.session(python=False, tags=["check"])
def format(session: nox.Session) -> None:  # noqa: A001 - the name on the command line
    """ruff format."""
    module(session, "ruff", "format", "--check", ".")


@nox.session(python=False, tags=["check"])
def lint(session: nox.Session) -> None:
    """ruff check."""
    module(session, "ruff", "check", ".")


@nox.session(python=False, tags=["check"])
def types(session: nox.Session) -> None:
    """mypy, strict, on both packages."""
    module(session, "mypy")


@nox.session(python=False, tags=["check"])
def layers(session: nox.Session) -> None:
    """The rows in which modules may import each other (import-linter)."""
    session.run(str(Path(PYTHON).with_name("lint-imports")), external=True, env=DJANGO_ENV)


@nox.session(python=False, tags=["check"])
def migrations(session: nox.Session) -> None:
    """Models and migrations agree, and Django's own checks have nothing to say."""
    module(session, "django", "makemigrations", "--check", "--dry-run", env=DJANGO_ENV)
    manage = "example_project/manage.py"
    script(session, manage, "makemigrations", "--check", "--dry-run")
    script(session, manage, "check", "--fail-level", "WARNING")


@nox.session(python=False, tags=["check"])
def schema(session: nox.Session) -> None:
    """The API's own description is valid, and drf-spectacular has nothing to complain of."""
    checks = ("--fail-on-warn", "--validate", "--file", os.devnull)
    module(session, "django", "spectacular", *checks, env=DJANGO_ENV)


@nox.session(python=False, tags=["check"])
def templates(session: nox.Session) -> None:
    """djlint on every template."""
    module(session, "djlint", "--lint", "packages", "example_project", "--quiet")


@nox.session(python=False, tags=["check"])
def speed(session: nox.Session) -> None:
    """No operation needs more statements and instructions than it did."""
    module(session, "benchmarks.guard", env=DJANGO_ENV)


@nox.session(python=False, tags=["check"])
def messages(session: nox.Session) -> None:
    """Translations are complete, and the compiled files say what the sources say."""
    script(session, "tools/messages.py", "check")


@nox.session(python=False)
def messages_sources(session: nox.Session) -> None:
    """Every text of the code is in the translations (needs gettext's xgettext)."""
    script(session, "tools/messages.py", "sources")


@nox.session(python=False, tags=["check"])
def docs(session: nox.Session) -> None:
    """The documentation, where a warning is an error."""
    module(
        session,
        "sphinx",
        "-q",
        "-E",
        "-W",
        "--keep-going",
        "-b",
        "html",
        "docs",
        "docs/_build/html",
    )


@nox.session(python=False, tags=["check"])
def package(session: nox.Session) -> None:
    """Build both wheels and compare what they hold with the sources."""
    build_wheels(session)


@nox.session(python=False)
def bench(session: nox.Session) -> None:
    """Measure; what is named after ``--`` goes to `python -m benchmarks` (``--help`` lists it)."""
    module(session, "benchmarks", *session.posargs, env=DJANGO_ENV)


@nox.session(python=False)
def site(session: nox.Session) -> None:
    """`make serve` comes up, and its pages answer."""
    script(session, "tools/site.py")


# Environments of their own


@nox.session(venv_backend="virtualenv", reuse_venv=False)
def wheels(session: nox.Session) -> None:
    """The suite, or what is named after ``--``, against the installed wheels."""
    core, engine = build_wheels(session)
    session.install(
        f"{core}[api,calendar,celery,forms]",
        f"{engine}[api,cel,celery,yaml]",
        "-r",
        "requirements-test.txt",
    )
    session.run("python", "tools/wheels.py", "installed")
    session.run("pytest", "-n", "auto", *session.posargs)


@nox.session(venv_backend="virtualenv", reuse_venv=False)
def core_alone(session: nox.Session) -> None:
    """The core in an empty environment: a flow from start to end, and nothing else importable."""
    session.install(str(CORE))
    session.run("python", "-I", "tests/standalone/core_alone.py")


def build_wheels(session: nox.Session) -> list[Path]:
    """Build both wheels into dist/, check what they hold, and return their paths."""
    for old in DIST.glob("*"):
        old.unlink()
    for source in (CORE, ENGINE):
        module(session, "build", "--wheel", "--outdir", str(DIST), str(source), silent=True)
    script(session, "tools/wheels.py", "contents", str(DIST))
    return [next(DIST.glob(f"{name}-*.whl")) for name in WHEEL_NAMES]
