"""Digests of tables, such as the programs of a machine, that are told again as they were."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change; a digest is kept from the next time on that a table is told."""
    op.create_table(
        "table_digest",
        sa.Column("subject", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("source", sa.String(), primary_key=True),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_table("table_digest")
