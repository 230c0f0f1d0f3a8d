-- Which message of which chat tells of a question, so that it is edited when another question joins it.

ALTER TABLE office_case ADD COLUMN told_dialog TEXT;
ALTER TABLE office_case ADD COLUMN told_message TEXT;
