-- Payments as the accounting side holds them now, each under its lasting id there. How far its list was read is a cursor.

CREATE TABLE followed_payment (
    portal_id       TEXT   NOT NULL REFERENCES portal,
    organisation_id TEXT   NOT NULL,
    line            TEXT   NOT NULL, -- its id over there
    likeness        TEXT   NOT NULL,
    body            TEXT   NOT NULL,
    deleted         BIGINT NOT NULL CHECK (deleted IN (0, 1)),
    given           TEXT   NOT NULL, -- what the accountant gave of it to which invoice
    taken           BIGINT NOT NULL CHECK (taken IN (0, 1)), -- else what is given is not in the ledger yet
    payment         BIGINT, -- which payment it is; none where it is deleted
    told_at         BIGINT NOT NULL,
    PRIMARY KEY (portal_id, organisation_id, line)
);
CREATE INDEX followed_payment_alike ON followed_payment (portal_id, likeness);
CREATE UNIQUE INDEX followed_payment_once ON followed_payment (portal_id, payment) WHERE payment IS NOT NULL;
CREATE INDEX followed_payment_not_taken ON followed_payment (portal_id, organisation_id, line) WHERE taken = 0;
CREATE INDEX followed_payment_by_time ON followed_payment (portal_id, told_at);

-- What is alike but for its words. Rows from before are found by their key alone.
ALTER TABLE payment_sighting ADD COLUMN likeness TEXT NOT NULL DEFAULT '';
CREATE INDEX payment_sighting_alike ON payment_sighting (portal_id, likeness);
-- A payment that no source shows any more is withdrawn: nth -1, and the key is free.
ALTER TABLE payment ADD COLUMN likeness TEXT NOT NULL DEFAULT '';
CREATE INDEX payment_alike ON payment (portal_id, likeness);

-- Until when the accountant's word is waited for; 0: it is not.
ALTER TABLE payment ADD COLUMN waits_until BIGINT NOT NULL DEFAULT 0;
