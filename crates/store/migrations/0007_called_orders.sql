-- What was ordered for a deal by calling our address. One row a deal: the last word counts, as in a field of the deal, and
-- the number grows with each order, so that none is ever taken for another.

CREATE TABLE called_order (
    portal_id TEXT   NOT NULL REFERENCES portal,
    deal      BIGINT NOT NULL,
    number    BIGINT NOT NULL,
    word      TEXT   NOT NULL,
    called_at BIGINT NOT NULL,
    waits     BIGINT NOT NULL CHECK (waits IN (0, 1)), -- it is not used up
    PRIMARY KEY (portal_id, deal)
);
