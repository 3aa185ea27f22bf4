-- What the tools record. Dates are text (2026-03-31), money is in whole euros.

CREATE TABLE payment (
    issuer    TEXT    NOT NULL,           -- with sender or recipient: whose it is
    id        INTEGER NOT NULL,
    sender    TEXT    NOT NULL,
    recipient TEXT    NOT NULL,
    amount    INTEGER NOT NULL CHECK (amount > 0),
    day       TEXT    NOT NULL,
    PRIMARY KEY (issuer, id)
) STRICT;

-- AUTOINCREMENT: the id of a removed item is never given to another.
CREATE TABLE item (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    name     TEXT    NOT NULL,
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    bought   INTEGER NOT NULL CHECK (bought IN (0, 1))
) STRICT;

CREATE TABLE employee (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL,
    email      TEXT NOT NULL UNIQUE COLLATE NOCASE,
    department TEXT NOT NULL,
    position   TEXT NOT NULL,
    start_date TEXT NOT NULL
) STRICT;

CREATE TABLE leave_request (
    id          INTEGER PRIMARY KEY,
    employee_id INTEGER NOT NULL REFERENCES employee (id),
    first_day   TEXT NOT NULL,
    last_day    TEXT NOT NULL CHECK (last_day >= first_day),
    reason      TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'rejected')),
    decided_by  TEXT,
    CHECK ((state = 'pending') = (decided_by IS NULL))
) STRICT;

CREATE TABLE task (
    id       INTEGER PRIMARY KEY,
    project  TEXT NOT NULL COLLATE NOCASE,
    title    TEXT NOT NULL,
    assignee TEXT NOT NULL,
    state    TEXT NOT NULL CHECK (state IN ('todo', 'in_progress', 'blocked', 'done')),
    due      TEXT NOT NULL
) STRICT;

CREATE TABLE customer (
    id     INTEGER PRIMARY KEY,
    name   TEXT NOT NULL,
    email  TEXT NOT NULL UNIQUE COLLATE NOCASE,
    status TEXT NOT NULL CHECK (status IN ('lead', 'active', 'inactive'))
) STRICT;

CREATE TABLE interaction (
    id          INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customer (id),
    kind        TEXT NOT NULL CHECK (kind IN ('call', 'email', 'meeting', 'note')),
    summary     TEXT NOT NULL,
    day         TEXT NOT NULL,
    recorded_by TEXT NOT NULL
) STRICT;

CREATE TABLE opportunity (
    id             INTEGER PRIMARY KEY,
    customer_id    INTEGER NOT NULL REFERENCES customer (id),
    title          TEXT NOT NULL,
    amount         INTEGER NOT NULL CHECK (amount > 0),
    expected_close TEXT NOT NULL
) STRICT;
