-- Who pays for somebody else names him: his open invoices are found by his name. None: it is not known yet how he is called;
-- of what is open it is found out by and by.

ALTER TABLE invoice_balance ADD COLUMN buyer_name TEXT;
CREATE INDEX invoice_balance_by_name ON invoice_balance (portal_id, buyer_name) WHERE stands = 1 AND paid < total;
