-- A correction may undo some shares of a transaction and leave the others: what is undone once is an entry.

ALTER TABLE ledger_entry ADD COLUMN undoes BIGINT; -- the transaction whose entry of this line it says the opposite of
UPDATE ledger_entry SET undoes = (
    SELECT t.undoes FROM ledger_transaction t
    WHERE t.portal_id = ledger_entry.portal_id AND t.number = ledger_entry.transaction_no);
CREATE UNIQUE INDEX ledger_entry_undone_once ON ledger_entry (portal_id, undoes, line) WHERE undoes IS NOT NULL;
DROP INDEX ledger_undone_once;
CREATE INDEX ledger_undone ON ledger_transaction (portal_id, undoes) WHERE undoes IS NOT NULL;
