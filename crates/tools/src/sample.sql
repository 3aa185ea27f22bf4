-- Something to look at in a new store.

INSERT INTO item (name, quantity, bought) VALUES
    ('bread', 1, 0),
    ('coffee', 2, 0),
    ('milk', 3, 1);

INSERT INTO employee (name, email, department, position, start_date) VALUES
    ('Alice', 'alice@example.com', 'Engineering', 'Engineer', '2021-04-01'),
    ('Bob', 'bob@example.com', 'Sales', 'Account manager', '2022-09-15'),
    ('Charlie', 'charlie@example.com', 'Engineering', 'Team lead', '2019-01-07');

INSERT INTO leave_request (employee_id, first_day, last_day, reason, state, decided_by) VALUES
    (1, '2024-07-01', '2024-07-12', 'summer holiday', 'approved', 'charlie'),
    (2, date('now', '+30 days'), date('now', '+34 days'), 'family visit', 'pending', NULL);

INSERT INTO task (project, title, assignee, state, due) VALUES
    ('website', 'write the start page', 'alice', 'done', '2024-03-15'),
    ('website', 'check all links', 'bob', 'todo', '2024-04-30'),
    ('website', 'choose a host', 'charlie', 'in_progress', date('now', '+14 days')),
    ('moving', 'pack the library', 'alice', 'blocked', date('now', '+60 days'));

INSERT INTO customer (name, email, status) VALUES
    ('Example Books', 'books@example.com', 'active'),
    ('Example Garden', 'garden@example.net', 'lead'),
    ('Example Tours', 'tours@example.org', 'inactive');

INSERT INTO interaction (customer_id, kind, summary, day, recorded_by) VALUES
    (1, 'meeting', 'agreed on next year', '2024-03-18', 'bob'),
    (2, 'call', 'asked for a price list', '2024-03-20', 'bob');

INSERT INTO opportunity (customer_id, title, amount, expected_close) VALUES
    (1, 'a second shop', 12000, date('now', '+90 days')),
    (2, 'spring order', 3500, date('now', '+45 days'));
