-- Business facts, kept for years: settings, which deal is which invoice, what people were asked.
-- Money is in kopecks, dates are ISO text.

CREATE TABLE policy (
    portal_id  TEXT   NOT NULL REFERENCES portal,
    version    BIGINT NOT NULL,
    body       TEXT   NOT NULL,
    author     TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (portal_id, version)
);

-- One of our legal entities belongs to exactly one portal of an installation.
CREATE TABLE organisation (
    organisation_id TEXT NOT NULL PRIMARY KEY,
    portal_id       TEXT NOT NULL REFERENCES portal
);
CREATE INDEX organisation_by_portal ON organisation (portal_id);

CREATE TABLE invoice_link (
    portal_id       TEXT   NOT NULL REFERENCES portal,
    deal            BIGINT NOT NULL,
    slot_kind       TEXT   NOT NULL,
    slot_generation BIGINT NOT NULL,
    organisation_id TEXT   NOT NULL,
    invoice_id      TEXT   NOT NULL,
    contractor_id   TEXT   NOT NULL,
    number          TEXT   NOT NULL,
    date            TEXT   NOT NULL,
    total           BIGINT NOT NULL,
    revision        TEXT   NOT NULL,
    status          TEXT   NOT NULL,
    live            BIGINT NOT NULL CHECK (live IN (0, 1)),
    draft           TEXT   NOT NULL,
    updated_at      BIGINT NOT NULL,
    PRIMARY KEY (portal_id, deal, slot_kind, slot_generation)
);
CREATE UNIQUE INDEX invoice_link_by_invoice ON invoice_link (portal_id, organisation_id, invoice_id);
CREATE INDEX invoice_link_live ON invoice_link (portal_id, deal) WHERE live = 1;

CREATE TABLE counterparty_link (
    portal_id       TEXT NOT NULL REFERENCES portal,
    organisation_id TEXT NOT NULL,
    inn             TEXT NOT NULL,
    kpp             TEXT NOT NULL, -- empty for those who have none
    contractor_id   TEXT NOT NULL,
    PRIMARY KEY (portal_id, organisation_id, inn, kpp)
);

-- A question that only a person can answer.
CREATE TABLE office_case (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    portal_id   TEXT   NOT NULL REFERENCES portal,
    subject     TEXT   NOT NULL,
    key         TEXT   NOT NULL,
    code        TEXT   NOT NULL,
    cause       TEXT   NOT NULL,
    facts       TEXT   NOT NULL,
    text        TEXT   NOT NULL,
    waits_for   TEXT   NOT NULL,
    state       TEXT   NOT NULL CHECK (state IN ('open', 'answered', 'withdrawn')),
    answer      TEXT,
    answered_by TEXT,
    opened_at   BIGINT NOT NULL,
    changed_at  BIGINT NOT NULL,
    closed_at   BIGINT,
    told_at     BIGINT
);
CREATE UNIQUE INDEX office_case_open ON office_case (portal_id, subject, key) WHERE state = 'open';
CREATE INDEX office_case_by_subject ON office_case (portal_id, subject, id);
CREATE INDEX office_case_by_state ON office_case (portal_id, state, id);

-- The records that an open case waits for.
CREATE TABLE case_waits_for (
    portal_id TEXT   NOT NULL REFERENCES portal,
    record    TEXT   NOT NULL,
    case_id   BIGINT NOT NULL REFERENCES office_case,
    PRIMARY KEY (portal_id, record, case_id)
);
CREATE INDEX case_waits_for_case ON case_waits_for (case_id);
