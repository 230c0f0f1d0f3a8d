-- What the rules took a payment for that a person split as a credit of many sales: it is that again once the split is undone.

ALTER TABLE payment ADD COLUMN kind_before TEXT NOT NULL DEFAULT '';
