-- In which message somebody was told of a question, so that a later question with its cause joins it.

ALTER TABLE office_case ADD COLUMN told_to BIGINT; -- the user
ALTER TABLE office_case ADD COLUMN told_list BIGINT; -- 0: a message about this question alone
CREATE INDEX office_case_by_cause ON office_case (portal_id, cause) WHERE state = 'open';
