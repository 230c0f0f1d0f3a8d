-- Invoices of organisations for trying out: they are never given to the accountant, whatever the configuration says later.

ALTER TABLE office_bill ADD COLUMN test BIGINT NOT NULL DEFAULT 0 CHECK (test IN (0, 1));
