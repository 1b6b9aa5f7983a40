"""The databases' own full-text indexes over `SearchEntry.tokens`."""

from django.db import migrations

SQLITE = (
    """
    CREATE VIRTUAL TABLE conversations_searchindex USING fts5(
        tokens, content='conversations_searchentry', content_rowid='id',
        tokenize='unicode61 remove_diacritics 0', prefix='2 3'
    )
    """,
    """
    CREATE TRIGGER conversations_searchentry_added AFTER INSERT ON conversations_searchentry BEGIN
        INSERT INTO conversations_searchindex(rowid, tokens) VALUES (new.id, new.tokens);
    END
    """,
    """
    CREATE TRIGGER conversations_searchentry_deleted AFTER DELETE ON conversations_searchentry BEGIN
        INSERT INTO conversations_searchindex(conversations_searchindex, rowid, tokens)
        VALUES ('delete', old.id, old.tokens);
    END
    """,
    """
    CREATE TRIGGER conversations_searchentry_changed AFTER UPDATE OF tokens ON conversations_searchentry BEGIN
        INSERT INTO conversations_searchindex(conversations_searchindex, rowid, tokens)
        VALUES ('delete', old.id, old.tokens);
        INSERT INTO conversations_searchindex(rowid, tokens) VALUES (new.id, new.tokens);
    END
    """,
)
SQLITE_BACK = (
    "DROP TRIGGER conversations_searchentry_added",
    "DROP TRIGGER conversations_searchentry_deleted",
    "DROP TRIGGER conversations_searchentry_changed",
    "DROP TABLE conversations_searchindex",
)
POSTGRESQL = (
    # 'simple': the words were cut and folded already.
    "ALTER TABLE conversations_searchentry ADD COLUMN vector tsvector"
    " GENERATED ALWAYS AS (to_tsvector('simple', tokens)) STORED",
    "CREATE INDEX search_entry_words ON conversations_searchentry USING gin (vector)",
)
POSTGRESQL_BACK = ("ALTER TABLE conversations_searchentry DROP COLUMN vector",)


def forwards(apps, schema_editor):
    for statement in POSTGRESQL if schema_editor.connection.vendor == "postgresql" else SQLITE:
        schema_editor.execute(statement)


def backwards(apps, schema_editor):
    for statement in POSTGRESQL_BACK if schema_editor.connection.vendor == "postgresql" else SQLITE_BACK:
        schema_editor.execute(statement)


class Migration(migrations.Migration):

    dependencies = [
        ("conversations", "0002_library"),
    ]

    operations = [
        migrations.RunPython(forwards, backwards),
    ]
