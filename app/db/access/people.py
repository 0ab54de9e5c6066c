"""People: who has signed in at the OpenID provider, each under one name for good."""

from hashlib import sha256

from pymysql.constants import ER
from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError

from app.db.access.tables import people
from app.db.ledger import NOW

PREFIX = "oidc:"  # no token and no key of the file has a colon in its name
NAME_LENGTH = 64


def name_person(connection: Connection, issuer: str, subject: str, name: str) -> str:
    """The client's name of a person, which stays what it was at the first sign-in. Another person of the same `name`
    gets a number behind it, so that no one comes into what another one owns."""
    id = sha256(f"{issuer}\n{subject}".encode()).hexdigest()
    wanted = PREFIX + "".join(letter for letter in name if letter.isprintable()).strip()[: NAME_LENGTH - 10]
    number = 1
    while True:
        known = connection.execute(select(people.c.client).where(people.c.id == id)).scalar()
        if known is not None:
            return str(known)
        client = wanted if number == 1 else f"{wanted}~{number}"
        try:
            with connection.begin_nested():
                connection.execute(insert(people).values(id=id, client=client, created_at=NOW))
        except IntegrityError as error:
            if error.orig is None or error.orig.args[0] != ER.DUP_ENTRY:
                raise
            number += 1  # the name is another person's, or this one has just signed in twice
