-- Written and removed in one commit whenever somebody asks whether anything can be written: always empty to others.
CREATE TABLE pulse (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at BIGINT NOT NULL
);
