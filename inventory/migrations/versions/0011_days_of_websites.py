"""The first and last day of declared websites, so that one can leave the register as an agency or a link does."""

from datetime import date

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""
    with op.batch_alter_table("website") as table:
        table.add_column(sa.Column("valid_from", sa.Date(), nullable=True))
        table.add_column(sa.Column("valid_to", sa.Date(), nullable=True))
    website = sa.table("website", sa.column("valid_from", sa.Date()))
    op.execute(website.update().values(valid_from=date.min))
    with op.batch_alter_table("website") as table:
        table.alter_column("valid_from", existing_type=sa.Date(), nullable=False)


def downgrade() -> None:
    """Take it back."""
    with op.batch_alter_table("website") as table:
        table.drop_column("valid_to")
        table.drop_column("valid_from")
