-- Refunds that are asked about are found by their receiver each time that money of his is decided.

CREATE INDEX payment_refund_asked ON payment (portal_id, payer_inn) WHERE kind = 'refund_out' AND state = 'asked';
