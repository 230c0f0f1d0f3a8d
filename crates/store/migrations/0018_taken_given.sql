-- What of a payment the accountant gave, when that was taken over last: also where the ledger had it already, of a rule or a
-- person. He may take it back.

ALTER TABLE followed_payment ADD COLUMN took TEXT NOT NULL DEFAULT '{}';
