"""When a machine's programs were last read to the end, and an index that finds who has a program."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change; what was recorded before counts as read when it was last confirmed."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "software_read",
        sa.Column("subject", number, primary_key=True, autoincrement=False),
        sa.Column("source", sa.String(), primary_key=True),
        sa.Column("last", sa.BigInteger(), nullable=False),
    )
    op.execute(
        "INSERT INTO software_read (subject, source, last) "
        "SELECT subject, source, MAX(last) FROM asset_fact WHERE key = 'software' GROUP BY subject, source"
    )
    programs = sa.text("key = 'software'")
    op.create_index("asset_fact_software", "asset_fact", ["item"], sqlite_where=programs, postgresql_where=programs)


def downgrade() -> None:
    """Take it back."""
    op.drop_index("asset_fact_software", "asset_fact")
    op.drop_table("software_read")
