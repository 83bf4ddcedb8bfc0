"""The line that a line goes through, its TCP port, and maintenance windows."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the change."""
    op.add_column("link", sa.Column("via", sa.String()))
    op.add_column("link", sa.Column("port", sa.Integer()))
    op.create_table(
        "maintenance",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("begins", sa.BigInteger(), nullable=False),
        sa.Column("ends", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("granted_by", sa.String(), nullable=False),
        sa.Column("document", sa.String(), nullable=False),
        sa.Column("ended", sa.BigInteger()),
        sa.Column("recorded", sa.BigInteger(), nullable=False),
    )
    op.create_index("maintenance_ends", "maintenance", ["ends"])


def downgrade() -> None:
    """Take it back."""
    op.drop_table("maintenance")
    op.drop_column("link", "port")
    op.drop_column("link", "via")
