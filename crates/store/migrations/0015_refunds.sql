-- What we paid back is taken off what a payment brought: each such entry says off which payment, and what of the refund
-- belongs to nothing yet waits for its receiver to pay.

ALTER TABLE ledger_entry ADD COLUMN other_payment BIGINT; -- whose money a refund of ours gave back
CREATE INDEX ledger_entry_of_other ON ledger_entry (portal_id, other_payment, transaction_no)
    WHERE other_payment IS NOT NULL;
-- Set aside until its receiver pays, or for the accountant's word.
CREATE INDEX payment_waiting_refund ON payment (portal_id, payer_inn)
    WHERE kind = 'refund_out' AND waits_until > 0;
