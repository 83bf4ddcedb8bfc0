"""Calls that devices remember, from when on they were read, and the meetings of calendars."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "call",
        sa.Column("asset", _ID, primary_key=True, autoincrement=False),
        sa.Column("source", sa.String(), primary_key=True),
        sa.Column("begin", sa.BigInteger(), primary_key=True),
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("remote", sa.String(), nullable=False),
        sa.Column("protocol", sa.String(), nullable=False),
    )
    op.create_index("call_begin", "call", ["begin"])
    op.create_table(
        "call_span",
        sa.Column("asset", _ID, primary_key=True, autoincrement=False),
        sa.Column("source", sa.String(), primary_key=True),
        sa.Column("since", sa.BigInteger(), primary_key=True),
        sa.Column("until", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "meeting",
        sa.Column("calendar", sa.String(), primary_key=True),
        sa.Column("uid", sa.String(), primary_key=True),
        sa.Column("begin", sa.BigInteger(), primary_key=True),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("room", sa.String(), nullable=False),
        sa.Column("online", sa.Boolean()),
        sa.Column("recorded", sa.BigInteger(), nullable=False),
    )
    op.create_index("meeting_begin", "meeting", ["begin"])


def downgrade() -> None:
    """Take it back."""
    op.drop_index("meeting_begin", "meeting")
    op.drop_table("meeting")
    op.drop_table("call_span")
    op.drop_index("call_begin", "call")
    op.drop_table("call")
