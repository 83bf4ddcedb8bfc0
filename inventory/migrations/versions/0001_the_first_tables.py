"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "address",
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("asset", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("network", "address"),
    )
    with op.batch_alter_table("address", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_address_asset"), ["asset"], unique=False)

    op.create_table(
        "agency",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("name_vi", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("parent", sa.String(), nullable=True),
        sa.Column("successor", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("code", "valid_from"),
    )
    op.create_table(
        "agency_fact",
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("proof", sa.Integer(), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("recorded", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "key", "item", "source", "first"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "asset",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("root", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("asset", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_asset_root"), ["root"], unique=False)

    op.create_table(
        "asset_fact",
        sa.Column("subject", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("proof", sa.Integer(), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("recorded", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "key", "item", "source", "first"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "coverage",
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("plan", sa.String(), nullable=False),
        sa.Column("goal", sa.String(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("met", sa.Integer(), nullable=False),
        sa.Column("unmet", sa.Integer(), nullable=False),
        sa.Column("unknown", sa.Integer(), nullable=False),
        sa.Column("not_applicable", sa.Integer(), nullable=False),
        sa.Column("waived", sa.Integer(), nullable=False),
        sa.Column("declared", sa.Integer(), nullable=False),
        sa.Column("measured", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("at", "plan", "goal", "level"),
    )
    op.create_table(
        "credential",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "declared_count",
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.Column("document", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("agency", "key", "day"),
    )
    op.create_table(
        "finding",
        sa.Column("control", sa.String(), nullable=False),
        sa.Column("member", sa.String(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("gaps", sa.String(), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("control", "member", "since"),
    )
    with op.batch_alter_table("finding", schema=None) as batch_op:
        batch_op.create_index("finding_agency", ["agency", "until"], unique=False)
        batch_op.create_index("finding_open", ["control", "until"], unique=False)

    op.create_table(
        "identifier",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("asset", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "value", "asset"),
    )
    with op.batch_alter_table("identifier", schema=None) as batch_op:
        batch_op.create_index("identifier_asset", ["asset"], unique=False)

    op.create_table(
        "level",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name_vi", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("part", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_table(
        "link",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=True),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("contracted_mbps", sa.Float(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_table(
        "link_fact",
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("proof", sa.Integer(), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("recorded", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "key", "item", "source", "first"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "merge",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("asset", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("into", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("undone", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "network",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("scan", sa.Boolean(), nullable=False),
        sa.Column("credentials", sa.String(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_table(
        "run",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("collector", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("agency", sa.String(), nullable=True),
        sa.Column("network", sa.String(), nullable=True),
        sa.Column("started", sa.BigInteger(), nullable=False),
        sa.Column("finished", sa.BigInteger(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("observations", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.create_index("run_finished", ["finished"], unique=False)
        batch_op.create_index("run_network", ["network", "finished"], unique=False)

    op.create_table(
        "target_state",
        sa.Column("collector", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("last_run", sa.BigInteger(), nullable=False),
        sa.Column("last_success", sa.BigInteger(), nullable=True),
        sa.Column("duration", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("collector", "target"),
    )
    op.create_table(
        "token",
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("agency", sa.String(), nullable=True),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sha256"),
    )
    op.create_table(
        "website",
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("url"),
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_table("website")
    op.drop_table("token")
    op.drop_table("target_state")
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.drop_index("run_network")
        batch_op.drop_index("run_finished")

    op.drop_table("run")
    op.drop_table("network")
    op.drop_table("merge")
    op.drop_table("link_fact")
    op.drop_table("link")
    op.drop_table("level")
    with op.batch_alter_table("identifier", schema=None) as batch_op:
        batch_op.drop_index("identifier_asset")

    op.drop_table("identifier")
    with op.batch_alter_table("finding", schema=None) as batch_op:
        batch_op.drop_index("finding_open")
        batch_op.drop_index("finding_agency")

    op.drop_table("finding")
    op.drop_table("declared_count")
    op.drop_table("credential")
    op.drop_table("coverage")
    op.drop_table("asset_fact")
    with op.batch_alter_table("asset", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_asset_root"))

    op.drop_table("asset")
    op.drop_table("agency_fact")
    op.drop_table("agency")
    with op.batch_alter_table("address", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_address_asset"))

    op.drop_table("address")
