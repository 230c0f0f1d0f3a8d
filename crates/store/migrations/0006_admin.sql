-- Who may open the pages: accounts, one-time codes, sessions. Of codes and sessions only digests are kept.

CREATE TABLE admin_account (
    portal_id     TEXT   NOT NULL REFERENCES portal,
    name          TEXT   NOT NULL,
    password_hash TEXT   NOT NULL,
    changed_at    BIGINT NOT NULL,
    PRIMARY KEY (portal_id, name)
);

-- One at a time: a new one takes the place of the former.
CREATE TABLE admin_code (
    portal_id   TEXT   NOT NULL PRIMARY KEY REFERENCES portal,
    code_digest TEXT   NOT NULL,
    ends_at     BIGINT NOT NULL
);

CREATE TABLE admin_session (
    portal_id TEXT   NOT NULL REFERENCES portal,
    digest    TEXT   NOT NULL,
    account   TEXT   NOT NULL,
    address   TEXT   NOT NULL,
    begun_at  BIGINT NOT NULL,
    seen_at   BIGINT NOT NULL,
    PRIMARY KEY (portal_id, digest)
);
CREATE INDEX admin_session_by_account ON admin_session (portal_id, account);

-- How people look for a payment.
CREATE INDEX payment_by_payer ON payment (portal_id, payer_inn, number);
CREATE INDEX payment_by_order ON payment (portal_id, (CAST(body AS JSONB) ->> 'number'));
CREATE INDEX payment_by_day ON payment
    (portal_id, (coalesce(CAST(body AS JSONB) ->> 'booked', CAST(body AS JSONB) ->> 'date')), number);
