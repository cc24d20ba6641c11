"""Who may do what: accounts, their posts, sessions, keys; and the audit."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from gridmgmt.database.tables.base import code, instant, known_at, metadata, numbered, record, ref, texts

account = record(
    "account",
    sa.Column("login", sa.Text(collation="C"), nullable=False, unique=True),
    *texts("name", "password_hash", "issuer", "external_id"),
    instant("disabled_at"),
    sa.UniqueConstraint("issuer", "external_id", name="uq_account_issuer"),
    sa.CheckConstraint("num_nulls(issuer, external_id) <> 1", name="external"),
)
"""Who may sign in (账号): by password, or as an identity provider knows him (``issuer``, ``external_id``)."""

account_post = record(
    "account_post",
    ref("account_id", "account.id", nullable=False, index=True),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("level", sa.SmallInteger),
    code("grid_code"),
    code("unit_code"),
    instant("ended_at"),
    sa.CheckConstraint("num_nulls(level, grid_code) <> 1 AND num_nonnulls(grid_code, unit_code) <= 1", name="scope"),
)
"""A role with a scope (岗位权限): the city, a grid and all below it, or a unit and all below it."""

session = sa.Table(
    "session",
    metadata,
    sa.Column("token_sha256", sa.Text(collation="C"), primary_key=True),
    ref("account_id", "account.id", nullable=False, index=True),
    sa.Column("means", sa.Text, nullable=False),
    sa.Column("began_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.clock_timestamp()),
    sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.clock_timestamp()),
    instant("ends_at", nullable=False),
    instant("ended_at"),
    sa.Column("address", sa.Text),
    sa.CheckConstraint("means IN ('session', 'token')", name="means"),
)
"""Who signed in (登录会话), by the SHA-256 of what he shows: a browser's cookie, or a short-lived bearer token."""

api_key = record(
    "api_key",
    ref("account_id", "account.id", nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("start", sa.Text(collation="C"), nullable=False),
    sa.Column("sha256", sa.Text(collation="C"), nullable=False, unique=True),
    instant("ends_at"),
    instant("revoked_at"),
)
"""Keys of programs (接口密钥): only their beginning and their SHA-256 are kept."""

sign_in_failure = sa.Table(
    "sign_in_failure",
    metadata,
    sa.Column("key", sa.Text(collation="C"), primary_key=True),
    sa.Column("n", sa.Integer, nullable=False),
    instant("last_at", nullable=False),
)
"""How often in a row signing in failed, by name and by address (``login:…``, ``address:…``)."""

audit = numbered(
    "audit",
    sa.Column(
        "xid",
        sa.BigInteger,
        nullable=False,
        server_default=sa.text("CAST(CAST(pg_current_xact_id() AS text) AS bigint)"),
    ),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.clock_timestamp()),
    *texts("login", "os_user"),
    sa.Column("means", sa.Text, nullable=False),
    *texts("address", "request"),
    *texts("deed", "outcome", nullable=False),
    sa.Column("facts", JSONB, nullable=False, server_default=sa.text("'{}'")),
    sa.CheckConstraint("outcome IN ('done', 'refused', 'failed')", name="outcome"),
    sa.Index("ix_audit_at", "at"),
)
"""What was done or refused (审计记录): who, from where, when, what, on which rows; only added."""

audit_seal = sa.Table(
    "audit_seal",
    metadata,
    sa.Column("n", sa.BigInteger, primary_key=True, autoincrement=False),
    ref("audit_id", nullable=False),
    sa.Column("sha256", sa.Text(collation="C"), nullable=False),
    sa.UniqueConstraint("audit_id", name="uq_audit_seal_audit_id"),
)
"""The chain (审计链): each row's digest holds the one before; sealed once no earlier transaction is open."""

request_once = sa.Table(
    "request_once",
    metadata,
    sa.Column("login", sa.Text(collation="C"), primary_key=True),
    sa.Column("key", sa.Text(collation="C"), primary_key=True),
    sa.Column("fingerprint", sa.Text(collation="C"), nullable=False),
    sa.Column("status", sa.Integer),
    sa.Column("headers", JSONB),
    sa.Column("body", sa.LargeBinary),
    known_at(),
)
"""Requests that were sent with a key (Idempotency-Key) and done; the key stands there with what the request did."""
