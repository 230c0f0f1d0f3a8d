-- Orders of one number and day are looked for with each page of payments: the bank's whole one and its parts. Accounting pads
-- their numbers with zeros, banks do not.

CREATE INDEX payment_beside ON payment (portal_id, (ltrim(CAST(body AS JSONB) ->> 'number', '0')), (CAST(body AS JSONB) ->> 'date'));
