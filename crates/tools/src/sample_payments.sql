INSERT INTO payment (issuer, id, sender, recipient, amount, day)
SELECT ?1, column1, column2, column3, column4, column5
FROM (VALUES
    (1, 'bob',     'alice',   100, '2024-03-15'),
    (2, 'alice',   'charlie',  50, '2024-03-16'),
    (3, 'bob',     'charlie',  75, '2024-03-17'),
    (4, 'charlie', 'bob',      25, '2024-03-18'),
    (5, 'bob',     'alice',   200, '2024-03-19'),
    (6, 'alice',   'bob',     150, '2024-03-20'),
    (7, 'charlie', 'alice',    80, '2024-03-21'))
WHERE NOT EXISTS (SELECT 1 FROM payment WHERE issuer = ?1);
