"""Who has a program, in tables of their own that are filled for many machines at once."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "software_name",
        sa.Column("item", sa.String(), primary_key=True),
        sa.Column("subject", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "software_new",
        sa.Column(
            "subject",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            primary_key=True,
            autoincrement=False,
        ),
    )
    op.execute(
        "INSERT INTO software_name (item, subject) "
        "SELECT DISTINCT item, subject FROM asset_fact WHERE key = 'software' ORDER BY item, subject"
    )
    op.drop_index("asset_fact_software", "asset_fact")


def downgrade() -> None:
    """Take it back."""
    programs = sa.text("key = 'software'")
    op.create_index("asset_fact_software", "asset_fact", ["item"], sqlite_where=programs, postgresql_where=programs)
    op.drop_table("software_new")
    op.drop_table("software_name")
