-- Corrections are listed by their day.
CREATE INDEX ledger_corrections ON ledger_transaction (portal_id, dated) WHERE kind = 'correction';
