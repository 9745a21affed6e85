CREATE TABLE client AS
SELECT number, number % 3 = 0 AS used, 5 + number * 7 % 240 AS minutes, ARRAY[number % 16, number * 5 % 16, 15] AS ratings, number % 7 % 5 AS device
FROM generate_series(1, 53) AS number;
CREATE TABLE upload (number int, question text, report bytea);
