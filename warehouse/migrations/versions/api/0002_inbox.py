"""The inbox: API keys, batches as received, quarantine. Later changes have revisions of their own."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "api_0002"
down_revision = "api_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the schema and its tables."""
    op.execute("create schema if not exists inbox")
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(), nullable=False, comment="SHA-256 of the key; the key is never stored"),
        sa.Column("site_code", sa.Text(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_api_keys_key_hash")),
        sa.UniqueConstraint("name", name=op.f("uq_api_keys_name")),
        schema="inbox",
    )
    op.create_table(
        "batches",
        sa.Column("batch_seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("site_code", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("credential", sa.Text(), nullable=False, comment="Name of the API key"),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False, comment="SHA-256 of the body"),
        sa.Column("format", sa.Text(), nullable=False, comment="Body format, a file in ingestion_api/formats"),
        sa.Column("payload", sa.LargeBinary(), nullable=False, comment="The body as received, zstd"),
        sa.Column("item_count", sa.Integer(), nullable=False),
        sa.Column("accepted_count", sa.Integer(), nullable=False),
        sa.Column("quarantined_count", sa.Integer(), nullable=False),
        sa.Column("is_replay", sa.Boolean(), nullable=False, comment="Sent from a store-and-forward backlog (C48)"),
        sa.Column(
            "replay_count",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Times the same batch came",
        ),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["site_code"], ["registry.sites.site_code"], name=op.f("fk_batches_site_code")),
        sa.CheckConstraint("kind in ('readings', 'events')", name=op.f("ck_batches_kind")),
        sa.CheckConstraint("origin in ('push', 'release')", name=op.f("ck_batches_origin")),
        sa.PrimaryKeyConstraint("batch_seq", name=op.f("pk_batches")),
        sa.UniqueConstraint("batch_id", name=op.f("uq_batches_batch_id")),
        sa.UniqueConstraint(
            "site_code", "credential", "idempotency_key", name=op.f("uq_batches_site_code_credential_idempotency_key")
        ),
        sa.UniqueConstraint("site_code", "kind", "content_hash", name=op.f("uq_batches_site_code_kind_content_hash")),
        schema="inbox",
    )
    op.create_index(
        op.f("ix_batches_site_code_kind_batch_seq"), "batches", ["site_code", "kind", "batch_seq"], schema="inbox"
    )
    op.create_table(
        "quarantine",
        sa.Column("quarantine_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("batch_seq", sa.BigInteger(), nullable=False),
        sa.Column("item_index", sa.Integer(), nullable=False),
        sa.Column("site_code", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("item", sa.LargeBinary(), nullable=False, comment="The original bytes of the item"),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("released_batch_seq", sa.BigInteger(), nullable=True),
        sa.Column("quarantined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["batch_seq"], ["inbox.batches.batch_seq"], name=op.f("fk_quarantine_batch_seq")),
        sa.ForeignKeyConstraint(
            ["released_batch_seq"], ["inbox.batches.batch_seq"], name=op.f("fk_quarantine_released_batch_seq")
        ),
        sa.CheckConstraint("status in ('open', 'released', 'discarded')", name=op.f("ck_quarantine_status")),
        sa.PrimaryKeyConstraint("quarantine_id", name=op.f("pk_quarantine")),
        sa.UniqueConstraint("batch_seq", "item_index", name=op.f("uq_quarantine_batch_seq_item_index")),
        schema="inbox",
    )
    op.create_index(op.f("ix_quarantine_released_batch_seq"), "quarantine", ["released_batch_seq"], schema="inbox")
    op.create_index(
        op.f("ix_quarantine_site_code_status_reason_code"),
        "quarantine",
        ["site_code", "status", "reason_code"],
        schema="inbox",
    )


def downgrade() -> None:
    """Drop the tables and the schema."""
    op.drop_table("quarantine", schema="inbox")
    op.drop_table("batches", schema="inbox")
    op.drop_table("api_keys", schema="inbox")
    op.execute("drop schema inbox")
