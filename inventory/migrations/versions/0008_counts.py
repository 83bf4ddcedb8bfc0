"""What agencies count in periods, what is told of goals as a whole, and which figures were sealed."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def _id() -> sa.Column[int]:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column("id", kind, primary_key=True, autoincrement=True)


def _told() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("proof", sa.Integer(), nullable=False),
        sa.Column("document", sa.String(), nullable=False),
        sa.Column("signer", sa.String(), nullable=False),
        sa.Column("signed", sa.Date()),
        sa.Column("recorded", sa.BigInteger(), nullable=False),
        sa.Column("replaced", sa.BigInteger(), nullable=False),
    )


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "period_count",
        _id(),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("first", sa.Date(), nullable=False),
        sa.Column("last", sa.Date(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        *_told(),
    )
    op.create_index("period_count_key", "period_count", ["key", "replaced", "last"])
    op.create_index("period_count_agency", "period_count", ["agency", "replaced"])
    op.create_table(
        "goal_count",
        _id(),
        sa.Column("plan", sa.String(), nullable=False),
        sa.Column("goal", sa.String(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("last", sa.Date(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        *_told(),
    )
    op.create_index("goal_count_plan", "goal_count", ["plan", "goal", "replaced"])
    op.create_table(
        "seal",
        sa.Column("sha256", sa.String(), primary_key=True),
        sa.Column("plan", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.BigInteger(), nullable=False),
        sa.Column("file", sa.String(), nullable=False),
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_table("seal")
    op.drop_index("goal_count_plan", "goal_count")
    op.drop_table("goal_count")
    op.drop_index("period_count_agency", "period_count")
    op.drop_index("period_count_key", "period_count")
    op.drop_table("period_count")
