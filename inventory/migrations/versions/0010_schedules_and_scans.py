"""When jobs are done, what scans saw, and who sees to findings."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "schedule",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("job", sa.String(), nullable=False),
        sa.Column("cadence", sa.String(), nullable=False),
        sa.Column("window", sa.String(), nullable=False),
        sa.Column("agencies", sa.String(), nullable=False),
        sa.Column("argument", sa.String(), nullable=False),
        sa.Column("jitter", sa.BigInteger(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("planned", sa.BigInteger()),
        sa.Column("next_at", sa.BigInteger()),
        sa.Column("asked", sa.BigInteger()),
        sa.Column("owner", sa.String()),
        sa.Column("lease", sa.BigInteger()),
        sa.Column("turn", sa.BigInteger()),
    )
    op.create_table(
        "turn",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("schedule", sa.String(), nullable=False),
        sa.Column("planned", sa.BigInteger(), nullable=False),
        sa.Column("begun", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.BigInteger()),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
    )
    op.create_index("turn_schedule", "turn", ["schedule", "begun"])
    op.create_table(
        "scan",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("profile", sa.String(), nullable=False),
        sa.Column("networks", sa.Text(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("begun", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.BigInteger()),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("owner", sa.String()),
        sa.Column("lease", sa.BigInteger()),
    )
    op.create_index("scan_profile", "scan", ["profile", "begun"])
    op.create_table(
        "scan_network",
        sa.Column("scan", _ID, primary_key=True, autoincrement=False),
        sa.Column("network", sa.String(), primary_key=True),
        sa.Column("addresses", sa.BigInteger(), nullable=False),
        sa.Column("swept", sa.Text(), nullable=False),
        sa.Column("ended", sa.BigInteger()),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
    )
    op.create_index("scan_network_network", "scan_network", ["network", "scan"])
    op.create_table(
        "scan_host",
        sa.Column("scan", _ID, primary_key=True, autoincrement=False),
        sa.Column("network", sa.String(), primary_key=True),
        sa.Column("address", sa.String(), primary_key=True),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("read", sa.BigInteger()),
        sa.Column("services", sa.Text()),
    )
    op.create_table(
        "finding_owner",
        sa.Column("control", sa.String(), primary_key=True),
        sa.Column("member", sa.String(), primary_key=True),
        sa.Column("since", sa.BigInteger(), primary_key=True),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    """Take it back."""
    for table in ("finding_owner", "scan_host", "scan_network", "scan", "turn", "schedule"):
        op.drop_table(table)
