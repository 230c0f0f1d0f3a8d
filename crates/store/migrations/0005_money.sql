-- Money that comes back: what sources showed, payments, the ledger, and what is open of each invoice.
-- Rows of sightings, transactions and entries are only ever added.

-- Locked by whoever writes money of a portal, so that two replicas book one after the other; also the next numbers.
CREATE TABLE money_book (
    portal_id    TEXT   NOT NULL PRIMARY KEY REFERENCES portal,
    payments     BIGINT NOT NULL,
    transactions BIGINT NOT NULL
);

-- What each source showed. How many payments have a key is the largest count of one source.
CREATE TABLE payment_sighting (
    portal_id TEXT NOT NULL REFERENCES portal,
    key       TEXT NOT NULL,
    source    TEXT NOT NULL,
    line      TEXT NOT NULL,
    body      TEXT NOT NULL,
    PRIMARY KEY (portal_id, key, source, line)
);

CREATE TABLE payment (
    portal_id       TEXT   NOT NULL REFERENCES portal,
    number          BIGINT NOT NULL,
    key             TEXT   NOT NULL,
    nth             BIGINT NOT NULL,
    organisation_id TEXT   NOT NULL,
    direction       TEXT   NOT NULL CHECK (direction IN ('in', 'out')),
    kind            TEXT   NOT NULL,
    amount          BIGINT NOT NULL CHECK (amount > 0),
    remaining       BIGINT NOT NULL, -- what is given to nothing; below zero for what we paid
    payer_inn       TEXT   NOT NULL, -- empty where the source does not tell it
    days_differ     BIGINT NOT NULL CHECK (days_differ IN (0, 1)),
    state           TEXT   NOT NULL CHECK (state IN ('new', 'asked', 'booked', 'aside', 'left')),
    because         TEXT   NOT NULL,
    undone          BIGINT NOT NULL, -- how often what was decided of it was undone
    body            TEXT   NOT NULL,
    seen_at         BIGINT NOT NULL,
    PRIMARY KEY (portal_id, number)
);
CREATE UNIQUE INDEX payment_by_key ON payment (portal_id, key, nth);
CREATE INDEX payment_new ON payment (portal_id, number) WHERE state = 'new';
CREATE INDEX payment_asked ON payment (portal_id, payer_inn) WHERE state = 'asked';
CREATE INDEX payment_by_state ON payment (portal_id, state, number);

CREATE TABLE ledger_transaction (
    portal_id   TEXT   NOT NULL REFERENCES portal,
    number      BIGINT NOT NULL,
    dated       TEXT   NOT NULL,
    kind        TEXT   NOT NULL CHECK (kind IN ('payment', 'allocation', 'correction')),
    payment     BIGINT NOT NULL,
    undoes      BIGINT,
    because     TEXT   NOT NULL,
    author      TEXT   NOT NULL,
    recorded_at BIGINT NOT NULL,
    PRIMARY KEY (portal_id, number)
);
CREATE UNIQUE INDEX ledger_undone_once ON ledger_transaction (portal_id, undoes) WHERE undoes IS NOT NULL;
CREATE UNIQUE INDEX ledger_payment_once ON ledger_transaction (portal_id, payment) WHERE kind = 'payment';
CREATE INDEX ledger_by_payment ON ledger_transaction (portal_id, payment, number);

-- The entries of a transaction come to nothing.
CREATE TABLE ledger_entry (
    portal_id       TEXT   NOT NULL REFERENCES portal,
    transaction_no  BIGINT NOT NULL,
    line            BIGINT NOT NULL,
    place           TEXT   NOT NULL CHECK (place IN ('outside', 'payment', 'invoice')),
    organisation_id TEXT,
    invoice_id      TEXT,
    amount          BIGINT NOT NULL,
    PRIMARY KEY (portal_id, transaction_no, line)
);
CREATE INDEX ledger_entry_by_invoice ON ledger_entry (portal_id, organisation_id, invoice_id, transaction_no)
    WHERE place = 'invoice';

-- Of each invoice: by what a payment may find it, and what is paid of it. Written with its link.
CREATE TABLE invoice_balance (
    portal_id       TEXT   NOT NULL REFERENCES portal,
    organisation_id TEXT   NOT NULL,
    invoice_id      TEXT   NOT NULL,
    deal            BIGINT NOT NULL,
    slot_kind       TEXT   NOT NULL,
    slot_generation BIGINT NOT NULL,
    number          TEXT   NOT NULL,
    number_key      TEXT   NOT NULL,
    date            TEXT   NOT NULL,
    buyer_inn       TEXT   NOT NULL,
    total           BIGINT NOT NULL,
    paid            BIGINT NOT NULL CHECK (paid >= 0),
    live            BIGINT NOT NULL CHECK (live IN (0, 1)), -- else another took its place
    stands          BIGINT NOT NULL CHECK (stands IN (0, 1)), -- live, and not taken back
    PRIMARY KEY (portal_id, organisation_id, invoice_id)
);
CREATE INDEX invoice_balance_by_buyer ON invoice_balance (portal_id, buyer_inn) WHERE stands = 1 AND paid < total;
CREATE INDEX invoice_balance_by_number ON invoice_balance (portal_id, number_key);
CREATE INDEX invoice_balance_by_deal ON invoice_balance (portal_id, deal);

-- Links from before there were balances are taken over by and by.
ALTER TABLE invoice_link ADD COLUMN counted BIGINT NOT NULL DEFAULT 0;
CREATE INDEX invoice_link_not_counted ON invoice_link (portal_id, deal) WHERE counted = 0;

-- For whose invoices people took a payer's money: evidence for the next time.
CREATE TABLE payer_choice (
    portal_id TEXT   NOT NULL REFERENCES portal,
    payer_inn TEXT   NOT NULL,
    buyer_inn TEXT   NOT NULL,
    times     BIGINT NOT NULL,
    PRIMARY KEY (portal_id, payer_inn, buyer_inn)
);

-- The days that statements covered, by account.
CREATE TABLE account_days (
    portal_id TEXT NOT NULL REFERENCES portal,
    account   TEXT NOT NULL,
    from_day  TEXT NOT NULL,
    to_day    TEXT NOT NULL,
    PRIMARY KEY (portal_id, account, from_day, to_day)
);
