-- Who was told of a question is who was told of just its text; until now it stayed when the text became another.

UPDATE office_case SET told_to = NULL WHERE state = 'open' AND told_to IS NOT NULL AND told_at < changed_at;
