"""What commands look up before they begin."""

from sqlalchemy.orm import Session

from server import migrations
from server.db import get_engine
from server.errors import BadInput, NotFound
from server.models import Project, User
from server.services import projects
from server.services.accounts import users


def require_migrated() -> None:
    """Raise BadInput where the tables are of another version."""
    if not migrations.is_current(get_engine()):
        raise BadInput("the database is not at this version's tables: run weakseg migrate")


def find_user(session: Session, email: str) -> User:
    """The account with an address. Raises NotFound."""
    user = users.find_by_email(session, email)
    if user is None:
        raise NotFound(f"there is no account {email}")
    return user


def find_project(session: Session, name_or_number: str) -> Project:
    """The project that is called so, or has this number. Raises NotFound, which names those that are there."""
    if found := projects.find_by_name(session, name_or_number):
        return found
    if name_or_number.isdecimal():
        return projects.get(session, int(name_or_number))
    known = ", ".join(project.name for project in projects.list_all(session)) or "none"
    raise NotFound(f"there is no project {name_or_number!r}; known are: {known}")
