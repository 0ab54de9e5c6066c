"""The tables on the server are the tables in the code, and each user may do what it must and nothing more."""

import json
from dataclasses import replace

import pymysql
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from app import create_app
from app.db import server_checks
from app.db.access.tables import metadata
from app.db.migrate import upgrade
from app.domain.changes import CHANGED_AT
from app.lifecycle import health
from app.lifecycle.services import Services
from tests.in_doubt import accept_rows
from tests.servers import DatabaseServer


def test_migrations_make_what_the_code_says(database: DatabaseServer) -> None:
    engine = create_engine(database.owner_url, poolclass=NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        found = compare_metadata(context, metadata)
    # the code names this one column only where it uses it, so that no reader is shown it; MySQL hides it here, too
    named = [change for change in found if not (change[0] == "remove_column" and change[3].name == CHANGED_AT)]
    assert named == []


def test_migrating_again_changes_nothing(database: DatabaseServer, services: Services) -> None:
    before = services.installation
    upgrade(database.owner_url)
    database.install()
    assert replace(services).installation == before


def test_rows_of_the_version_before_get_the_new_words(database: DatabaseServer, services: Services) -> None:
    row = accept_rows(services)
    code = "SELECT JSON_UNQUOTE(JSON_EXTRACT(error, '$.code')), updated_at FROM imports WHERE number = %s"
    with database.root() as cursor:
        cursor.execute("ALTER TABLE installation RENAME COLUMN generation TO mark")
        cursor.execute("UPDATE installation SET mark = 41")
        cursor.execute(
            """UPDATE imports SET error = '{"code": "damaged", "reason": "lost"}' WHERE number = %s""", (row.number,)
        )
        before = '{"format": "csv", "columns": {"a": null}, "quote_said": true}'
        cursor.execute("UPDATE imports SET file_format = %s WHERE number = %s", (before, row.number))
        for sequence, kind in enumerate(("damage", "forced"), 100):
            values = row.number, sequence, kind
            cursor.execute("INSERT INTO events (import_no, sequence, at, kind) VALUES (%s, %s, NOW(6), %s)", values)
        cursor.execute(code, (row.number,))
        ((_, updated_at),) = cursor.fetchall()
        for _ in range(2):  # one that was cut off runs again
            cursor.execute("UPDATE alembic_version SET version_num = '0009'")
            upgrade(database.owner_url)
        cursor.execute("SELECT generation FROM installation")
        assert cursor.fetchall() == ((41,),)
        cursor.execute(code, (row.number,))
        assert cursor.fetchall() == (("lost_branch", updated_at),)
        cursor.execute("SELECT file_format FROM imports WHERE number = %s", (row.number,))
        assert json.loads(cursor.fetchall()[0][0]) == {"format": "csv", "columns": {"a": None}, "quote_given": True}
        cursor.execute(
            "SELECT kind FROM events WHERE import_no = %s AND sequence >= 100 ORDER BY sequence", (row.number,)
        )
        assert cursor.fetchall() == (("lost_branch",), ("heuristic_decision",))


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE INDEX mine ON orders (sku)",
        "ALTER TABLE orders ADD COLUMN more INT",
        "CREATE DATABASE mine",
        "SELECT * FROM mysql.user",
        "SET GLOBAL max_connections = 5",
        "SELECT 1 INTO OUTFILE '/tmp/mine'",
    ],
)
def test_the_application_has_least_privileges(services: Services, statement: str) -> None:
    with services.database.connect_branch() as connection, connection.cursor() as cursor:
        with pytest.raises(pymysql.err.MySQLError) as refused:
            cursor.execute(statement)
        assert refused.value.args[0] in (1142, 1044, 1045, 1227, 1290)


def test_a_server_that_can_load_nothing_is_named(database: DatabaseServer, services: Services) -> None:
    found = health.check_parts(services)
    assert [found[name] for name in ("database", "durability", "local_infile", "xa")] == ["ok"] * 4
    with database.root() as cursor:
        cursor.execute("SET GLOBAL local_infile = 0")
        try:
            assert health.check_parts(services)["local_infile"] == "local_infile is 0, must be 1: nothing can be loaded"
        finally:
            cursor.execute("SET GLOBAL local_infile = 1")
        cursor.execute("SET GLOBAL read_only = 1")
        try:
            app = create_app(services.settings)
            answer = app.test_client().get("/readyz")
            assert answer.status_code == 503 and "may only be read" in answer.json["parts"]["database"]
            assert app.test_client().post("/v1/imports", json={"generate": 5}).status_code == 503
            app.extensions["backout"].database.dispose()
        finally:
            cursor.execute("SET GLOBAL read_only = 0")
        assert health.check_parts(services)["database"] == "ok"
        if database.name == "mysql":  # MariaDB asks for no right
            cursor.execute("REVOKE XA_RECOVER_ADMIN ON *.* FROM app@'%'")
            try:
                assert "XA_RECOVER_ADMIN" in health.check_parts(services)["xa"]
            finally:
                cursor.execute("GRANT XA_RECOVER_ADMIN ON *.* TO app@'%'")
        cursor.execute("XA RECOVER")
        assert not cursor.fetchall()


def test_a_weak_server_is_named(database: DatabaseServer, services: Services) -> None:
    with services.database.begin() as connection:
        assert server_checks.list_weaknesses(connection) == []
    root = pymysql.connect(
        host="127.0.0.1", port=database.server.port, user="root", password=database.server.password, autocommit=True
    )
    with root, root.cursor() as cursor:
        cursor.execute("SET GLOBAL innodb_flush_log_at_trx_commit = 2")
        try:
            with services.database.begin() as connection:
                (weakness,) = server_checks.list_weaknesses(connection)
        finally:
            cursor.execute("SET GLOBAL innodb_flush_log_at_trx_commit = 1")
    assert weakness == "innodb_flush_log_at_trx_commit is 2, must be 1"
