-- Durable mechanics: who is served, what is to be looked at, by whom, what was sent, what was done.
-- Moments are microseconds since 1970, flags are 0 or 1, subjects are `kind/id`. Written for PostgreSQL;
-- `migrations.rs` replaces the few words that SQLite spells differently.

CREATE TABLE portal (
    portal_id  TEXT   NOT NULL PRIMARY KEY,
    host       TEXT   NOT NULL,
    mode       TEXT   NOT NULL CHECK (mode IN ('off', 'watch_only', 'active')),
    paused     BIGINT NOT NULL CHECK (paused IN (0, 1)),
    detail     TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE secret (
    portal_id TEXT   NOT NULL PRIMARY KEY REFERENCES portal,
    version   BIGINT NOT NULL,
    sealed    BYTEA  NOT NULL
);

-- One row per portal from its first day, so that taking a lease is always an update of a row.
CREATE TABLE lease (
    portal_id  TEXT   NOT NULL PRIMARY KEY REFERENCES portal,
    owner      TEXT   NOT NULL,
    fence      BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE inbox (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    portal_id   TEXT   NOT NULL REFERENCES portal,
    source      TEXT   NOT NULL,
    name        TEXT   NOT NULL,
    subject     TEXT,
    received_at BIGINT NOT NULL,
    detail      TEXT   NOT NULL
);
CREATE INDEX inbox_by_age ON inbox (portal_id, received_at);

-- The work queue is a set: one row per subject, whatever happens to it.
CREATE TABLE work (
    portal_id   TEXT   NOT NULL REFERENCES portal,
    subject     TEXT   NOT NULL,
    lane        BIGINT NOT NULL CHECK (lane IN (0, 1, 2)),
    version     BIGINT NOT NULL,
    due_at      BIGINT NOT NULL,
    waits_since BIGINT NOT NULL,
    reasons     TEXT   NOT NULL,
    deaths      BIGINT NOT NULL,
    taken_by    BIGINT,
    PRIMARY KEY (portal_id, subject)
);
CREATE INDEX work_by_lane ON work (portal_id, lane, due_at);
CREATE INDEX work_by_due ON work (portal_id, due_at);
CREATE INDEX work_taken ON work (portal_id, taken_by) WHERE taken_by IS NOT NULL;

CREATE TABLE effect (
    id              BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    portal_id       TEXT   NOT NULL REFERENCES portal,
    key             TEXT   NOT NULL,
    once            BIGINT NOT NULL CHECK (once IN (0, 1)),
    subject         TEXT   NOT NULL,
    action          TEXT   NOT NULL,
    request         TEXT   NOT NULL,
    request_hash    TEXT   NOT NULL,
    state           TEXT   NOT NULL CHECK (state IN ('intended', 'sent', 'unknown', 'done', 'refused', 'superseded')),
    attempt         BIGINT NOT NULL,
    not_before      BIGINT,
    sent_at         BIGINT,
    quiet_until     BIGINT,
    not_after       BIGINT,
    absent_looks    BIGINT NOT NULL,
    first_absent_at BIGINT,
    outcome         TEXT,
    error           TEXT,
    fence           BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
);
-- A slot is done once, for ever. Any other key is unique while it is not settled.
CREATE UNIQUE INDEX effect_once ON effect (portal_id, key) WHERE once = 1;
CREATE UNIQUE INDEX effect_open_key ON effect (portal_id, key) WHERE once = 0 AND state IN ('intended', 'sent', 'unknown');
-- At most one create of a kind is under way for a subject, of whatever slot or revision.
CREATE UNIQUE INDEX effect_in_flight ON effect (portal_id, subject, action) WHERE once = 1 AND state IN ('sent', 'unknown');
CREATE INDEX effect_by_subject ON effect (portal_id, subject, id);
CREATE INDEX effect_under_way ON effect (portal_id, state) WHERE state IN ('sent', 'unknown');
CREATE INDEX effect_settled ON effect (portal_id, updated_at) WHERE once = 0 AND state IN ('done', 'refused', 'superseded');

CREATE TABLE journal (
    portal_id TEXT   NOT NULL REFERENCES portal,
    seq       BIGINT NOT NULL,
    at        BIGINT NOT NULL,
    subject   TEXT,
    kind      TEXT   NOT NULL,
    body      TEXT   NOT NULL,
    hash      BYTEA  NOT NULL,
    PRIMARY KEY (portal_id, seq)
);
CREATE INDEX journal_by_subject ON journal (portal_id, subject, seq);

-- Both ends of the chain: the newest line, and the newest that was removed, from which the rest is proved.
CREATE TABLE journal_chain (
    portal_id   TEXT   NOT NULL PRIMARY KEY REFERENCES portal,
    seq         BIGINT NOT NULL,
    hash        BYTEA  NOT NULL,
    anchor_seq  BIGINT NOT NULL,
    anchor_hash BYTEA  NOT NULL
);

-- Lines of those who hold no lease, until the next record moves them into the chain.
CREATE TABLE journal_parked (
    id        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    portal_id TEXT   NOT NULL REFERENCES portal,
    at        BIGINT NOT NULL,
    subject   TEXT,
    kind      TEXT   NOT NULL,
    body      TEXT   NOT NULL
);
CREATE INDEX journal_parked_by_portal ON journal_parked (portal_id, id);

-- A leaky bucket, shared by all who call with one credential from one address; it may span portals.
-- The level is in 1/60000000 of a call, so that microseconds times calls a minute drain it exactly.
CREATE TABLE budget (
    key        TEXT   NOT NULL PRIMARY KEY,
    level      BIGINT NOT NULL,
    aged_at    BIGINT NOT NULL,
    held_until BIGINT NOT NULL
);

CREATE TABLE method_pause (
    portal_id    TEXT   NOT NULL REFERENCES portal,
    method       TEXT   NOT NULL,
    paused_until BIGINT NOT NULL,
    PRIMARY KEY (portal_id, method)
);

CREATE TABLE breaker (
    portal_id  TEXT   NOT NULL REFERENCES portal,
    remote     TEXT   NOT NULL,
    failures   BIGINT NOT NULL,
    open_until BIGINT,
    PRIMARY KEY (portal_id, remote)
);

CREATE TABLE sweep_cursor (
    portal_id TEXT NOT NULL REFERENCES portal,
    name      TEXT NOT NULL,
    value     TEXT NOT NULL,
    PRIMARY KEY (portal_id, name)
);

CREATE TABLE fact (
    portal_id TEXT NOT NULL REFERENCES portal,
    name      TEXT NOT NULL,
    value     TEXT NOT NULL,
    PRIMARY KEY (portal_id, name)
);
