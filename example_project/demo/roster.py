"""The organisation of the demo as data: roles, departments, people and their passwords."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

ADMIN_USERNAME = "admin"
ADMIN_PASSWORD = "admin"  # noqa: S105 - printed on the front page of the demo
PASSWORD = "demo"  # noqa: S105 - printed on the front page of the demo
COMPANY_USERNAME = "acme"
PARTICIPANTS_GROUP = "Workflow participants"


@dataclass(frozen=True, kw_only=True)
class RoleSpec:
    """A role and the name of the role above it; parents are listed before their children."""

    name: str
    name_ar: str
    parent: str = ""


@dataclass(frozen=True, kw_only=True)
class DepartmentSpec:
    """A department and the username of its head."""

    name: str
    name_ar: str
    head: str


@dataclass(frozen=True, kw_only=True)
class Person:
    """A person, with the usernames and names of what they belong to."""

    username: str
    first_name: str
    last_name: str
    role: str
    department: str
    duty: str | Promise
    manager: str = ""
    # Of the e-mails; empty means that of the site.
    language: str = ""

    @property
    def email(self) -> str:
        """The address at which notifications reach this person."""
        return f"{self.username}@example.org"


EXECUTIVE = "Executive"
CFO = "Chief Financial Officer"
BUDGET_MANAGER = "Budget Manager"
FINANCE_REVIEWER = "Finance Reviewer"
SALES_DIRECTOR = "Sales Director"
SALES_REPRESENTATIVE = "Sales Representative"
SUPPORT_LEAD = "Support Lead"
SUPPORT_AGENT = "Support Agent"
OPERATIONS_MANAGER = "Operations Manager"
EMPLOYEE = "Employee"

ROLES = (
    RoleSpec(name=EXECUTIVE, name_ar="مدير تنفيذي"),
    RoleSpec(name=CFO, name_ar="المدير المالي", parent=EXECUTIVE),
    RoleSpec(name=BUDGET_MANAGER, name_ar="مدير الميزانية", parent=CFO),
    RoleSpec(name=FINANCE_REVIEWER, name_ar="مراجع مالي", parent=BUDGET_MANAGER),
    RoleSpec(name=SALES_DIRECTOR, name_ar="مدير المبيعات", parent=EXECUTIVE),
    RoleSpec(name=SALES_REPRESENTATIVE, name_ar="مندوب مبيعات", parent=SALES_DIRECTOR),
    RoleSpec(name=SUPPORT_LEAD, name_ar="رئيس الدعم", parent=EXECUTIVE),
    RoleSpec(name=SUPPORT_AGENT, name_ar="موظف دعم", parent=SUPPORT_LEAD),
    RoleSpec(name=OPERATIONS_MANAGER, name_ar="مدير العمليات", parent=EXECUTIVE),
    RoleSpec(name=EMPLOYEE, name_ar="موظف", parent=OPERATIONS_MANAGER),
)

FINANCE = "Finance"
MANAGEMENT = "Management"
SALES = "Sales"
SUPPORT = "Support"
OPERATIONS = "Operations"

DEPARTMENTS = (
    DepartmentSpec(name=FINANCE, name_ar="المالية", head="faisal"),
    DepartmentSpec(name=MANAGEMENT, name_ar="الإدارة", head="layla"),
    DepartmentSpec(name=SALES, name_ar="المبيعات", head="amina"),
    DepartmentSpec(name=SUPPORT, name_ar="الدعم", head="lena"),
    DepartmentSpec(name=OPERATIONS, name_ar="العمليات", head="salma"),
)

_SIGNS_AT_THE_TOP = _("Votes on purchases; all executives must agree")
_REVIEWS = _("Checks new purchase requests, taking turns")
_HOLDS_THE_BUDGET = _("Approves or rejects what goes on the budget")
_ASKS = _("Asks for purchases")

PEOPLE = (
    Person(
        username="layla",
        first_name="Layla",
        last_name="Haddad",
        role=EXECUTIVE,
        department=MANAGEMENT,
        duty=_SIGNS_AT_THE_TOP,
    ),
    Person(
        username="omar",
        first_name="Omar",
        last_name="Nasser",
        role=EXECUTIVE,
        department=MANAGEMENT,
        manager="layla",
        duty=_SIGNS_AT_THE_TOP,
    ),
    Person(
        username="grace",
        first_name="Grace",
        last_name="Miller",
        role=EXECUTIVE,
        department=MANAGEMENT,
        manager="layla",
        duty=_SIGNS_AT_THE_TOP,
    ),
    Person(
        username="faisal",
        first_name="Faisal",
        last_name="Rahman",
        role=CFO,
        department=FINANCE,
        manager="layla",
        duty=_("Signs off what finance has approved"),
    ),
    Person(
        username="maria",
        first_name="Maria",
        last_name="Costa",
        role=BUDGET_MANAGER,
        department=FINANCE,
        manager="faisal",
        duty=_HOLDS_THE_BUDGET,
    ),
    Person(
        username="yusuf",
        first_name="Yusuf",
        last_name="Demir",
        role=BUDGET_MANAGER,
        department=FINANCE,
        manager="faisal",
        duty=_HOLDS_THE_BUDGET,
    ),
    Person(
        username="nora",
        first_name="Nora",
        last_name="Lindqvist",
        role=FINANCE_REVIEWER,
        department=FINANCE,
        manager="maria",
        duty=_REVIEWS,
    ),
    Person(
        username="tariq",
        first_name="Tariq",
        last_name="Saleh",
        role=FINANCE_REVIEWER,
        department=FINANCE,
        manager="maria",
        duty=_REVIEWS,
    ),
    Person(
        username="salma",
        first_name="Salma",
        last_name="Idris",
        role=OPERATIONS_MANAGER,
        department=OPERATIONS,
        manager="layla",
        duty=_("Takes over decisions that are delegated"),
        language="ar",
    ),
    Person(
        username="hana",
        first_name="Hana",
        last_name="Kim",
        role=EMPLOYEE,
        department=OPERATIONS,
        manager="salma",
        duty=_ASKS,
    ),
    Person(
        username="peter",
        first_name="Peter",
        last_name="Novak",
        role=EMPLOYEE,
        department=OPERATIONS,
        manager="salma",
        duty=_ASKS,
    ),
    Person(
        username="amina",
        first_name="Amina",
        last_name="Okafor",
        role=SALES_DIRECTOR,
        department=SALES,
        manager="layla",
        duty=_("Qualifies the deals of the sales team"),
    ),
    Person(
        username="diego",
        first_name="Diego",
        last_name="Fuentes",
        role=SALES_REPRESENTATIVE,
        department=SALES,
        manager="amina",
        duty=_("Brings deals"),
    ),
    Person(
        username="lena",
        first_name="Lena",
        last_name="Fischer",
        role=SUPPORT_LEAD,
        department=SUPPORT,
        manager="layla",
        duty=_("Closes tickets"),
    ),
    Person(
        username="kofi",
        first_name="Kofi",
        last_name="Mensah",
        role=SUPPORT_AGENT,
        department=SUPPORT,
        manager="lena",
        duty=_("Looks at new tickets"),
    ),
)
