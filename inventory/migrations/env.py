"""Alembic's entry: migrates the connection that the store hands it."""

from alembic import context

from inventory.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=False,
)
with context.begin_transaction():
    context.run_migrations()
