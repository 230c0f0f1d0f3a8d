-- Orders of one number and day are looked for with each page of payments: the bank's whole one and its parts.

DROP INDEX payment_by_order;
CREATE INDEX payment_by_order ON payment (portal_id, (CAST(body AS JSONB) ->> 'number'), (CAST(body AS JSONB) ->> 'date'));
