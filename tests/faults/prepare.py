"""Makes what the rounds work on, in the database that the environment names; prints it as JSON."""

import json
import sys

from server import db, migrations
from server.db import session_scope
from server.logs import configure_logs
from server.models.user import Role
from server.schemas.user import Scope, TokenIn
from server.services.accounts import tokens, users
from server.services.images import importing
from tests.server.factories import make_trainable_project, picture

if __name__ == "__main__":
    configure_logs(json=False)  # to stderr
    migrations.upgrade(db.get_engine())
    project_id = make_trainable_project(labels=0, images=0, blind_share=0, gold_share=0)
    for number in range(6):
        importing.import_file(project_id, f"{number}.png", picture(number), importing.Imported())
    with session_scope() as session:
        lead = users.create(session, "lead@example.org", "correct horse battery", Role.ADMIN)
        wanted = TokenIn(name="faults", scopes=list(Scope))
        _, secret = tokens.create(session, lead, wanted, holder_scopes=frozenset(Scope))
    sys.stdout.write(json.dumps({"project": project_id, "token": secret}) + "\n")
