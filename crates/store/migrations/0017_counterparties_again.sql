-- A counterparty that the accountant deleted or made somebody else of is made again: its creation is nothing that is done
-- once for ever.

UPDATE effect SET once = 0 WHERE action = 'create_counterparty';
