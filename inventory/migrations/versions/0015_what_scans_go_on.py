"""Since when a scan goes on, and what a network was when its scan began."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change; scans of before are taken up by nobody, for of their networks no prefix is known."""
    # Who scans was added to 0010 afterwards: a database may have been made without.
    there = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("scan")}
    added = [c for c in (sa.Column("owner", sa.String()), sa.Column("lease", sa.BigInteger())) if c.name not in there]
    with op.batch_alter_table("scan") as table:
        for column in (sa.Column("taken_up", sa.BigInteger()), *added):
            table.add_column(column)
    op.execute("UPDATE scan SET taken_up = begun")
    with op.batch_alter_table("scan") as table:
        table.alter_column("taken_up", existing_type=sa.BigInteger(), nullable=False)
    with op.batch_alter_table("scan_network") as table:
        table.add_column(sa.Column("prefix", sa.String()))
    op.execute("UPDATE scan_network SET prefix = ''")
    with op.batch_alter_table("scan_network") as table:
        table.alter_column("prefix", existing_type=sa.String(), nullable=False)


def downgrade() -> None:
    """Take it back."""
    with op.batch_alter_table("scan_network") as table:
        table.drop_column("prefix")
    with op.batch_alter_table("scan") as table:
        table.drop_column("taken_up")
