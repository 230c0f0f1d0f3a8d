-- What a payment may be for that waits for the accountant: nobody is reminded of these invoices meanwhile.
ALTER TABLE payment ADD COLUMN offered TEXT NOT NULL DEFAULT '[]';

-- What an adopted invoice was paid before, as the accounting side counted it: money that comes may be that very money.

ALTER TABLE invoice_balance ADD COLUMN paid_before BIGINT NOT NULL DEFAULT 0;
UPDATE invoice_balance SET paid_before = coalesce((
    SELECT CAST(CAST(draft AS JSONB) ->> 'paid_before' AS BIGINT) FROM invoice_link l
    WHERE l.portal_id = invoice_balance.portal_id AND l.organisation_id = invoice_balance.organisation_id
        AND l.invoice_id = invoice_balance.invoice_id
), 0);
