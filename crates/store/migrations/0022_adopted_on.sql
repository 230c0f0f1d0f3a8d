-- The day on which an invoice was adopted: what came later is not what it was paid before.

ALTER TABLE invoice_balance ADD COLUMN adopted_on TEXT NOT NULL DEFAULT '';
UPDATE invoice_balance SET adopted_on = coalesce((
    SELECT CAST(draft AS JSONB) ->> 'adopted_on' FROM invoice_link l
    WHERE l.portal_id = invoice_balance.portal_id AND l.organisation_id = invoice_balance.organisation_id
        AND l.invoice_id = invoice_balance.invoice_id LIMIT 1
), '') WHERE paid_before > 0;
