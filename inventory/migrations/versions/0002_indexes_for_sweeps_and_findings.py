"""Indexes for the end of a sweep and for the findings that stand."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""
    op.drop_index("finding_open", "finding")
    op.create_index("finding_open", "finding", ["control", "until", "member"])
    seen_in = sa.text("key = 'network'")
    op.create_index("asset_fact_network", "asset_fact", ["value"], sqlite_where=seen_in, postgresql_where=seen_in)


def downgrade() -> None:
    """Take it back."""
    op.drop_index("asset_fact_network", "asset_fact")
    op.drop_index("finding_open", "finding")
    op.create_index("finding_open", "finding", ["control", "until"])
