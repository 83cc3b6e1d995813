-- A lending library: members, books, loans and what is overdue.

CREATE SCHEMA library;

CREATE TABLE members (
    id integer PRIMARY KEY,
    name text NOT NULL,
    email text UNIQUE,
    joined date NOT NULL DEFAULT current_date
);

CREATE TABLE IF NOT EXISTS books (
    id integer PRIMARY KEY,
    title text NOT NULL,
    author text NOT NULL,
    copies integer NOT NULL CHECK (copies >= 0)
);

-- One row for each book that was taken home.
CREATE TABLE loans (
    id integer PRIMARY KEY,
    member_id integer NOT NULL REFERENCES members (id),
    book_id integer NOT NULL REFERENCES books (id),
    taken date NOT NULL,
    due date NOT NULL,
    returned date
);

CREATE INDEX loans_by_member ON loans (member_id, due);

CREATE UNIQUE INDEX one_open_loan ON loans (member_id, book_id) WHERE returned IS NULL;

CREATE TYPE shelf AS ENUM ('fiction', 'science', 'children');

CREATE SEQUENCE card_numbers START 1000;

CREATE VIEW open_loans AS
SELECT l.id, m.name, b.title, l.due
FROM loans l
JOIN members m ON m.id = l.member_id
JOIN books b ON b.id = l.book_id
WHERE l.returned IS NULL;

CREATE MATERIALIZED VIEW popular_books AS
SELECT b.id, b.title, count(*) AS times
FROM books b
JOIN loans l ON l.book_id = b.id
GROUP BY b.id, b.title
HAVING count(*) > 10;

CREATE FUNCTION overdue_days(due date) RETURNS integer AS $$
    SELECT greatest(0, current_date - due);
$$ LANGUAGE sql;

CREATE OR REPLACE FUNCTION free_copies(book integer) RETURNS integer AS $$
DECLARE
    lent integer;
    total integer;
BEGIN
    SELECT count(*) INTO lent FROM loans WHERE book_id = book AND returned IS NULL;
    SELECT copies INTO total FROM books WHERE id = book;
    RETURN total - lent;
END;
$$ LANGUAGE plpgsql;

CREATE FUNCTION refuse_without_copies() RETURNS trigger AS $$
BEGIN
    IF free_copies(NEW.book_id) < 1 THEN
        RAISE EXCEPTION 'no copy of book % is free', NEW.book_id;
    END IF;
    RETURN NEW;
END;
$$ LANGUAGE plpgsql;

CREATE TRIGGER loans_need_copies
BEFORE INSERT ON loans
FOR EACH ROW
EXECUTE FUNCTION refuse_without_copies();

INSERT INTO members (id, name, email)
VALUES
    (1, 'First Reader', 'first@library.example'),
    (2, 'Second Reader', NULL);

INSERT INTO books (id, title, author, copies)
VALUES (1, 'On Gardens', 'N. N.', 2);

WITH late AS (
    SELECT member_id, sum(overdue_days(due)) AS days
    FROM loans
    WHERE returned IS NULL
    GROUP BY member_id
)
SELECT m.name, late.days
FROM late
JOIN members m ON m.id = late.member_id
WHERE late.days > 7
ORDER BY late.days DESC;

UPDATE loans SET returned = current_date WHERE id = 7;

ALTER TABLE members ADD COLUMN card integer;

DELETE FROM loans WHERE returned < date '2020-01-01';
