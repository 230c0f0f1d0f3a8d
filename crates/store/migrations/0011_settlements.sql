-- Invoices settled without a bank line: a transaction of its own kind, with no payment (0), and what proves it.
-- The two tables of the ledger are made anew, since a check cannot be widened in both databases.

CREATE TABLE ledger_transaction_wider (
    portal_id   TEXT   NOT NULL REFERENCES portal,
    number      BIGINT NOT NULL,
    dated       TEXT   NOT NULL,
    kind        TEXT   NOT NULL CHECK (kind IN ('payment', 'allocation', 'settlement', 'correction')),
    payment     BIGINT NOT NULL, -- 0: a settlement, or the correction of one
    undoes      BIGINT,
    because     TEXT   NOT NULL,
    author      TEXT   NOT NULL,
    recorded_at BIGINT NOT NULL,
    PRIMARY KEY (portal_id, number)
);
INSERT INTO ledger_transaction_wider (portal_id, number, dated, kind, payment, undoes, because, author, recorded_at)
    SELECT portal_id, number, dated, kind, payment, undoes, because, author, recorded_at FROM ledger_transaction;
DROP TABLE ledger_transaction;
ALTER TABLE ledger_transaction_wider RENAME TO ledger_transaction;
CREATE UNIQUE INDEX ledger_undone_once ON ledger_transaction (portal_id, undoes) WHERE undoes IS NOT NULL;
CREATE UNIQUE INDEX ledger_payment_once ON ledger_transaction (portal_id, payment) WHERE kind = 'payment';
CREATE INDEX ledger_by_payment ON ledger_transaction (portal_id, payment, number);
CREATE INDEX ledger_corrections ON ledger_transaction (portal_id, dated) WHERE kind = 'correction';
CREATE INDEX ledger_settlements ON ledger_transaction (portal_id, number) WHERE kind = 'settlement';

CREATE TABLE ledger_entry_wider (
    portal_id       TEXT   NOT NULL REFERENCES portal,
    transaction_no  BIGINT NOT NULL,
    line            BIGINT NOT NULL,
    place           TEXT   NOT NULL CHECK (place IN ('outside', 'payment', 'settled', 'invoice')),
    organisation_id TEXT,
    invoice_id      TEXT,
    amount          BIGINT NOT NULL,
    PRIMARY KEY (portal_id, transaction_no, line)
);
INSERT INTO ledger_entry_wider (portal_id, transaction_no, line, place, organisation_id, invoice_id, amount)
    SELECT portal_id, transaction_no, line, place, organisation_id, invoice_id, amount FROM ledger_entry;
DROP TABLE ledger_entry;
ALTER TABLE ledger_entry_wider RENAME TO ledger_entry;
CREATE INDEX ledger_entry_by_invoice ON ledger_entry (portal_id, organisation_id, invoice_id, transaction_no)
    WHERE place = 'invoice';

CREATE TABLE ledger_settlement (
    portal_id      TEXT   NOT NULL REFERENCES portal,
    transaction_no BIGINT NOT NULL,
    kind           TEXT   NOT NULL CHECK (kind IN ('cash', 'netting', 'card', 'marked_paid')),
    document       TEXT   NOT NULL,
    PRIMARY KEY (portal_id, transaction_no)
);
