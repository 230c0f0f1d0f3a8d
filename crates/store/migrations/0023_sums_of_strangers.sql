-- Invoices of buyers without an INN are found by what is open of them.

CREATE INDEX invoice_balance_of_strangers ON invoice_balance (portal_id, (total - paid))
    WHERE stands = 1 AND paid < total AND buyer_inn = '';
