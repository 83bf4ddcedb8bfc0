"""Reference data that are imported, and whether a target was ever read to the end."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "reference",
        sa.Column("id", number, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("dated", sa.BigInteger(), nullable=False),
        sa.Column("imported", sa.BigInteger(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
    )
    op.create_index("reference_kind", "reference", ["kind", "id"])
    op.create_index("run_target", "run", ["collector", "target", "complete"])


def downgrade() -> None:
    """Take it back."""
    op.drop_index("run_target", "run")
    op.drop_table("reference")
