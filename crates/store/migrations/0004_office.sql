-- The books of an office that has no accounting program: its invoices, their numbers, and what was given to the accountant.

-- One row a year: the number that the next invoice gets. It is taken in the transaction that records the invoice.
CREATE TABLE office_series (
    portal_id       TEXT   NOT NULL REFERENCES portal,
    organisation_id TEXT   NOT NULL,
    year            BIGINT NOT NULL,
    next            BIGINT NOT NULL CHECK (next > 0),
    PRIMARY KEY (portal_id, organisation_id, year)
);

-- An invoice is never removed: a cancelled one keeps its number.
CREATE TABLE office_bill (
    portal_id         TEXT   NOT NULL REFERENCES portal,
    organisation_id   TEXT   NOT NULL,
    year              BIGINT NOT NULL,
    place             BIGINT NOT NULL, -- in the series of the year
    invoice_id        TEXT   NOT NULL,
    key               TEXT   NOT NULL, -- of the effect that made it
    revision          TEXT   NOT NULL,
    deal              BIGINT NOT NULL,
    contractor_id     TEXT   NOT NULL,
    number            TEXT   NOT NULL, -- as printed
    total             BIGINT NOT NULL,
    vat               BIGINT NOT NULL,
    draft             TEXT   NOT NULL,
    recorded_at       BIGINT NOT NULL,
    cancelled_at      BIGINT,
    cancelled_by      TEXT,
    cancelled_because TEXT,
    issue_given       BIGINT, -- the export that gave it
    cancel_given      BIGINT, -- the export that gave its cancellation
    PRIMARY KEY (portal_id, organisation_id, year, place)
);
CREATE UNIQUE INDEX office_bill_by_key ON office_bill (portal_id, key);
CREATE UNIQUE INDEX office_bill_by_id ON office_bill (portal_id, organisation_id, invoice_id);
CREATE UNIQUE INDEX office_bill_by_number ON office_bill (portal_id, number, organisation_id, year);
CREATE INDEX office_bill_not_given ON office_bill (portal_id) WHERE issue_given IS NULL;
CREATE INDEX office_bill_cancel_not_given ON office_bill (portal_id)
    WHERE cancelled_at IS NOT NULL AND cancel_given IS NULL;

CREATE TABLE office_counterparty (
    portal_id       TEXT   NOT NULL REFERENCES portal,
    organisation_id TEXT   NOT NULL,
    inn             TEXT   NOT NULL,
    kpp             TEXT   NOT NULL, -- empty for those who have none
    body            TEXT   NOT NULL,
    recorded_at     BIGINT NOT NULL,
    PRIMARY KEY (portal_id, organisation_id, inn, kpp)
);

-- What was given to the accountant, file by file. One that is not finished may or may not have reached anybody.
CREATE TABLE office_export (
    portal_id   TEXT   NOT NULL REFERENCES portal,
    number      BIGINT NOT NULL,
    begun_at    BIGINT NOT NULL,
    attempt     BIGINT NOT NULL, -- grows whenever somebody takes it up
    finished_at BIGINT,
    PRIMARY KEY (portal_id, number)
);
CREATE UNIQUE INDEX office_export_open ON office_export (portal_id) WHERE finished_at IS NULL;
